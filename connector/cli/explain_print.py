"""One lead's story for people: tables, and a sentence where a sentence says more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from connector.cli.explain_clocks import show_clocks
from connector.cli.explain_lost import show_lost
from connector.cli.output import age, line, moment, table
from connector.cli.reasons import cause, remedy
from connector.texts import joined, say, word

_EVENTS_SHOWN = 3
_TRUTH = {True: say("yes"), False: say("no"), None: say("unknown")}
_MOVERS = {"start": say("it stood there when first seen"), "rule": say("a rule"), "person": say("a person")}


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
    show_lost(found["lost_values"])
    _troubles(found["troubles"])
    if found["contact_limit"]:
        line(joined("", ("! ", found["contact_limit"])))
    for one in found["waiting_enrolments"]:
        line(say("  {name} ({rule}) waits since {since}", name=one["name"], rule=one["rule"], since=at(one["since"])))
    if found["stuck"]:
        line(
            say("! The policy's transitions run in a circle here ({stuck}): mend lifecycle.yaml.", stuck=found["stuck"])
        )
    _next_look(found["next_look"])


def _head(found: dict[str, Any]) -> None:
    line(
        say(
            "Lead {lead_id} · {vendor} contact {vendor_id}",
            lead_id=found["lead_id"],
            vendor=found["vendor"],
            vendor_id=found["vendor_id"],
        )
    )
    if found["gone"]:
        line(say("! It is gone from the CRM: {gone}.", gone=found["gone"]))
    policy, stage = found["policy"], found["stage"]
    stale = "" if policy["decided_by_this"] else say(" (not decided by it yet)")
    line(say("Policy {name} {hash}{stale}", name=policy["name"], hash=policy["hash"][:12], stale=stale))
    _company(found["company"])
    if stage is None:
        line(say("Stage: none yet."))
        return
    by: str = _MOVERS[stage["moved_by"]]
    if stage["transition"]:
        by = f"{stage['transition_label']} ({stage['transition']})"
    elif found["history"] and found["history"][0]["person_name"]:
        by = found["history"][0]["person_name"]
    reason = say(", reason: {reason}", reason=stage["reason"]) if stage["reason"] else ""
    line(
        say(
            "Stage: {label} ({name}) since {since} ({age} ago), by {by}{reason}",
            label=stage["label"],
            name=stage["id"],
            since=moment(stage["since"]),
            age=age(found["at"] - stage["since"]),
            by=by,
            reason=reason,
        )
    )
    if len(found["history"]) > 1:
        rows = [
            (one["label"], one["entered_at"], _by(one), one["reason_label"], _grounds(one["grounds"]))
            for one in found["history"]
        ]
        table(say("Stages, newest first"), ("Stage", "Entered", "By", "Reason", "Because of"), rows)


def _company(told: dict[str, Any] | None) -> None:
    """Whose company's plan it is in, and why."""
    if told is None:
        return
    by = told["found_by"]
    clue = f"{by['label']} = {by['value']}" if by is not None else ""
    if told["several"]:
        line(
            say(
                "! Company: none. Several have {clue}: {ids}. Merge them, or give same_company a field that differs.",
                clue=clue,
                ids=", ".join(told["several"]),
            )
        )
    elif told["id"] is None:
        line(say("Company: none."))
    elif by is not None:
        line(say("Company: {name} ({id}), found by {clue}", name=told["name"] or "–", id=told["id"], clue=clue))
    else:
        line(say("Company: {name} ({id})", name=told["name"] or "–", id=told["id"]))


def _by(entry: dict[str, Any]) -> str:
    passed = say(" (passed through)") if entry["passed"] else ""
    who = _MOVERS[entry["moved_by"]]
    if entry["person_name"] is not None:
        who = say("{person} (by hand)", person=entry["person_name"])
    lead = entry["merged_lead"]
    merged = say(" (lead {lead}, merged into this one)", lead=lead) if lead else ""
    return joined("", (entry["transition"] or who, passed, merged))


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
            (
                "",
                f"{one['label']} ({one['rule']})",
                "?",
                f"{one['points']:+g}",
                say("unknown: {names}", names=_and(one)),
            )
            for one in score["undecided"]
        ]
    columns = ("Score", "Rule", "Points#", "Full#", "From")
    table(say("Scores: total {total:g}", total=found["total"]), columns, rows, none=say("the policy has none."))


def _full(part: dict[str, Any]) -> str:
    """The points before fading, where they have faded."""
    return f"{part['full_points']:+g}" if abs(part["full_points"] - part["points"]) >= 0.05 else ""


def _events(part: dict[str, Any]) -> str:
    events = part["events"]
    if not events:
        return say("as long as it holds")
    latest = [
        joined("", (at(one["at"]), " (", age(timedelta(seconds=one["age_seconds"])), ")"))
        for one in events[-_EVENTS_SHOWN:]
    ]
    more = say("{number} times, latest ", number=len(events)) if len(events) > _EVENTS_SHOWN else ""
    return joined("", (f"{part['signal']}: ", more, joined(", ", latest)))


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
        note = say("a person's edit, kept until {until}", until=at(hold["until"])) if hold else ""
        rows.append((f"{one['label']} ({one['field']})", shown, note))
    if rows:
        table(say("Worked out"), ("Field", "Value", ""), rows)


def _moves(found: dict[str, Any]) -> None:
    rows = [
        (f"{one['label']} ({one['transition']})", one["to_label"], _truth(one), _and(one), one["condition"])
        for one in found["transitions"]
    ]
    if rows:
        table(say("Ways out of this stage"), ("Transition", "To", "True", "Unknown", "When"), rows)
    for one in found["unknown"]:
        line(say("  ? {says} ({transition})", says=one["says"], transition=one["transition"]))


def _truth(move: dict[str, Any]) -> str:
    """Does its condition hold; if so, what still keeps the lead from going."""
    said: list[str] = [_TRUTH[move["true"]]]
    if move["gate_misses"]:
        said.append(say("the gate misses {fields}", fields=move["gate_misses"]))
    if move["reason_held"]:
        said.append(move["reason_held"])
    if move["waits_for_news"]:
        said.append(say("a person's move stands until something new happens"))
    return joined("; ", said)


def _tasks(found: dict[str, Any]) -> None:
    rows = [
        (
            one["title"],
            word(one["state"]),
            one["due_at"],
            one["owner_name"] or one["owner"] or one["queue"] or say("nobody"),
            f"{one['rule']} ({one['cause']})",
            one["vendor_id"] or one["in_crm"] or "",
        )
        for one in found["tasks"]
    ]
    table(say("Tasks"), ("Task", "State", "Due", "Whose", "Because of", "In the CRM"), rows)


def _cadences(found: dict[str, Any]) -> None:
    rows = [
        (
            one["label"],
            joined("", (word(one["standing"]), f" ({one['stopped_by']})" if one["stopped_by"] else "")),
            one["since"],
            one["steps_done"] if one["steps"] is None else f"{one['steps_done']} / {one['steps']}",
        )
        for one in found["cadences"]
    ]
    if rows:
        table(say("Cadences"), ("Cadence", "Standing", "Since", "Steps begun"), rows)


def _grants(found: dict[str, Any]) -> None:
    rows = [
        (
            one["granted_at"],
            word(one["owner_of"]),
            one["person_name"],
            one["pool"]
            if one["pool"] == one["asked_pool"]
            else say("{pool} (asked: {asked})", pool=one["pool"], asked=one["asked_pool"]),
            word(one["why"]),
            joined(", ", (joined(": ", (name, word(why))) for name, why in one["skipped"].items())),
        )
        for one in found["grants"]
    ]
    if rows:
        table(say("Given by pools, newest first"), ("When", "What", "To", "Pool", "Why", "Skipped"), rows)


def _troubles(troubles: dict[str, Any]) -> None:
    if troubles["connection_paused"]:
        reason = troubles["connection_paused"]
        line(
            say(
                "! The connection is paused ({cause}): nothing is written. {remedy}",
                cause=cause(reason),
                remedy=remedy(reason),
            )
        )
    if troubles["parked"]:
        reason = troubles["parked"]["reason"]
        line(
            say(
                "! Parked: {cause}. {message} {remedy}",
                cause=cause(reason),
                message=troubles["parked"]["message"] or "",
                remedy=remedy(reason),
            )
        )
    for one in troubles["dropped"]:
        line(
            say(
                "! {property} is not written: {cause}. {remedy}",
                property=one["property"],
                cause=cause(one["reason"]),
                remedy=remedy(one["reason"]),
            )
        )
    for one in troubles["frozen"]:
        line(
            say(
                "! {property} is frozen until {until}: {writers} kept changing it.",
                property=one["property"],
                until=at(one["until"]),
                writers=" and ".join(one["writers"]),
            )
        )
    if troubles["evaluation_parked"]:
        reason = troubles["evaluation_parked"]
        line(say("! It is not decided any more: {cause}. {remedy}", cause=cause(reason), remedy=remedy(reason)))
    if troubles["moving_backward"]:
        line(say("  A backward move is under way: the CRM's stage is cleared, then set."))


def _next_look(look: dict[str, Any]) -> None:
    if look["read_outstanding"]:
        line(say("A read from the CRM is outstanding."))
    if look["write_outstanding"]:
        line(say("A write to the CRM is outstanding."))
    if look["at"] is None:
        line(say("Looked at again: when something happens; time alone changes nothing."))
    elif look["now"]:
        line(say("Looked at again: now ({says}).", says=look["says"]))
    else:
        line(say("Looked at again: {at} ({says}).", at=moment(look["at"]), says=look["says"]))
