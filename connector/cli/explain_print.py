"""One lead's story for people: tables, and a sentence where a sentence says more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from connector.cli.explain_clocks import show_clocks
from connector.cli.output import age, line, moment, table
from connector.cli.reasons import cause, remedy

_EVENTS_SHOWN = 3
_TRUTH = {True: "yes", False: "no", None: "unknown"}
_MOVERS = {"start": "it stood there when first seen", "rule": "a rule", "person": "a person"}


def show(found: dict[str, Any]) -> None:
    """Print it all."""
    _head(found)
    _scores(found)
    _values(found)
    _moves(found)
    _tasks(found)
    _cadences(found)
    _grants(found)
    show_clocks(found["clocks"])
    _troubles(found["troubles"])
    if found["contact_limit"]:
        line(f"! {found['contact_limit']}")
    for one in found["waiting_enrolments"]:
        line(f"  {one['name']} ({one['rule']}) waits since {one['since']}")
    if found["stuck"]:
        line(f"! The policy's transitions run in a circle here ({found['stuck']}): mend lifecycle.yaml.")
    _next_look(found["next_look"])


def _head(found: dict[str, Any]) -> None:
    line(f"Lead {found['lead_id']} · {found['vendor']} contact {found['vendor_id']}")
    if found["gone"]:
        line(f"! It is gone from the CRM: {found['gone']}.")
    policy, stage = found["policy"], found["stage"]
    stale = "" if policy["decided_by_this"] else " (not decided by it yet)"
    line(f"Policy {policy['name']} {policy['hash'][:12]}{stale}")
    if stage is None:
        line("Stage: none yet.")
        return
    by = _MOVERS[stage["moved_by"]]
    if stage["transition"]:
        by = f"{stage['transition_label']} ({stage['transition']})"
    reason = f", reason: {stage['reason']}" if stage["reason"] else ""
    since = age(found["at"] - stage["since"])
    line(f"Stage: {stage['label']} ({stage['id']}) since {moment(stage['since'])} ({since} ago), by {by}{reason}")
    if len(found["history"]) > 1:
        rows = [
            (one["label"], one["entered_at"], _by(one), one["reason_label"], _grounds(one["grounds"]))
            for one in found["history"]
        ]
        table("Stages, newest first", ("Stage", "Entered", "By", "Reason", "Because of"), rows)


def _by(entry: dict[str, Any]) -> str:
    passed = " (passed through)" if entry["passed"] else ""
    who = _MOVERS[entry["moved_by"]] if entry["person_name"] is None else f"{entry['person_name']} (by hand)"
    merged = f" (lead {entry['merged_lead']}, merged into this one)" if entry["merged_lead"] else ""
    return f"{entry['transition'] or who}{passed}{merged}"


def _grounds(grounds: list[dict[str, Any]]) -> str:
    """What a move rested on: `問い合わせ ×2, 2026-11-20 10:00; 温度 hot`."""
    return "; ".join(" ".join(part for part in _ground(one) if part) for one in grounds)


def _ground(one: dict[str, Any]) -> tuple[str, str, str]:
    value, when = one["value"], one["at"]
    shown = f"{value:g}" if isinstance(value, int | float) else str(value or "")
    times = "×" if one["name"].startswith("signal.") else ""
    return one["label"], times + shown + ("," if shown and when else ""), at(when) if when else ""


def _scores(found: dict[str, Any]) -> None:
    rows: list[tuple[object, ...]] = []
    for score in found["scores"]:
        rows.append((score["label"], "", f"{score['value']:g}", "", ""))
        rows += [
            ("", f"{part['label']} ({part['rule']})", f"{part['points']:+g}", _full(part), _events(part))
            for part in score["parts"]
        ]
        rows += [
            ("", f"{one['label']} ({one['rule']})", "?", f"{one['points']:+g}", f"unknown: {_and(one)}")
            for one in score["undecided"]
        ]
    columns = ("Score", "Rule", "Points#", "Full#", "From")
    table(f"Scores: total {found['total']:g}", columns, rows, none="the policy has none.")


def _full(part: dict[str, Any]) -> str:
    """The points before fading, where they have faded."""
    return f"{part['full_points']:+g}" if abs(part["full_points"] - part["points"]) >= 0.05 else ""


def _events(part: dict[str, Any]) -> str:
    events = part["events"]
    if not events:
        return "as long as it holds"
    latest = [f"{at(one['at'])} ({age(timedelta(seconds=one['age_seconds']))})" for one in events[-_EVENTS_SHOWN:]]
    more = f"{len(events)} times, latest " if len(events) > _EVENTS_SHOWN else ""
    return f"{part['signal']}: {more}{', '.join(latest)}"


def at(when: datetime) -> str:
    """A moment, to the minute."""
    return when.astimezone().strftime("%Y-%m-%d %H:%M")


def _and(one: dict[str, Any]) -> str:
    pairs = zip(one["unknown_labels"], one["unknown"], strict=True)
    return ", ".join(label if label == name else f"{label} ({name})" for label, name in pairs)


def _values(found: dict[str, Any]) -> None:
    held = {one["field"]: one for one in found["holds"]}
    rows = []
    for one in found["values"]:
        shown = one["value"] if one["value_label"] is None else f"{one['value_label']} ({one['value']})"
        hold = held.get(one["field"])
        note = f"a person's edit, kept until {at(hold['until'])}" if hold else ""
        rows.append((f"{one['label']} ({one['field']})", shown, note))
    if rows:
        table("Worked out", ("Field", "Value", ""), rows)


def _moves(found: dict[str, Any]) -> None:
    rows = [
        (f"{one['label']} ({one['transition']})", one["to_label"], _truth(one), _and(one), one["condition"])
        for one in found["transitions"]
    ]
    if rows:
        table("Ways out of this stage", ("Transition", "To", "True", "Unknown", "When"), rows)
    for one in found["unknown"]:
        line(f"  ? {one['says']} ({one['transition']})")


def _truth(move: dict[str, Any]) -> str:
    """Does its condition hold; if so, what still keeps the lead from going."""
    word = _TRUTH[move["true"]]
    if move["gate_misses"]:
        word += f"; the gate misses {move['gate_misses']}"
    if move["reason_held"]:
        word += f"; {move['reason_held']}"
    if move["waits_for_news"]:
        word += "; a person's move stands until something new happens"
    return word


def _tasks(found: dict[str, Any]) -> None:
    rows = [
        (
            one["title"],
            one["state"],
            one["due_at"],
            one["owner_name"] or one["owner"] or one["queue"] or "nobody",
            f"{one['rule']} ({one['cause']})",
            one["vendor_id"] or one["in_crm"] or "",
        )
        for one in found["tasks"]
    ]
    table("Tasks", ("Task", "State", "Due", "Whose", "Because of", "In the CRM"), rows)


def _cadences(found: dict[str, Any]) -> None:
    rows = [
        (
            one["label"],
            f"{one['standing']} ({one['stopped_by']})" if one["stopped_by"] else one["standing"],
            one["since"],
            f"{one['steps_done']} of {one['steps']}" if one["steps"] is not None else one["steps_done"],
        )
        for one in found["cadences"]
    ]
    if rows:
        table("Cadences", ("Cadence", "Standing", "Since", "Steps begun"), rows)


def _grants(found: dict[str, Any]) -> None:
    rows = [
        (
            one["granted_at"],
            one["owner_of"],
            one["person_name"],
            one["pool"] if one["pool"] == one["asked_pool"] else f"{one['pool']} (asked: {one['asked_pool']})",
            one["why"],
            ", ".join(f"{name}: {why}" for name, why in one["skipped"].items()),
        )
        for one in found["grants"]
    ]
    if rows:
        table("Given by pools, newest first", ("When", "What", "To", "Pool", "Why", "Skipped"), rows)


def _troubles(troubles: dict[str, Any]) -> None:
    if troubles["connection_paused"]:
        reason = troubles["connection_paused"]
        line(f"! The connection is paused ({cause(reason)}): nothing is written. {remedy(reason)}")
    if troubles["parked"]:
        reason = troubles["parked"]["reason"]
        line(f"! Parked: {cause(reason)}. {troubles['parked']['message'] or ''} {remedy(reason)}")
    for one in troubles["dropped"]:
        line(f"! {one['property']} is not written: {cause(one['reason'])}. {remedy(one['reason'])}")
    for one in troubles["frozen"]:
        line(
            f"! {one['property']} is frozen until {at(one['until'])}: {' and '.join(one['writers'])} kept changing it."
        )
    if troubles["evaluation_parked"]:
        reason = troubles["evaluation_parked"]
        line(f"! It is not decided any more: {cause(reason)}. {remedy(reason)}")
    if troubles["moving_backward"]:
        line("  A backward move is under way: the CRM's stage is cleared, then set.")


def _next_look(look: dict[str, Any]) -> None:
    if look["read_outstanding"]:
        line("A read from the CRM is outstanding.")
    if look["write_outstanding"]:
        line("A write to the CRM is outstanding.")
    if look["at"] is None:
        line("Looked at again: when something happens; time alone changes nothing.")
    elif look["now"]:
        line(f"Looked at again: now ({look['says']}).")
    else:
        line(f"Looked at again: {moment(look['at'])} ({look['says']}).")
