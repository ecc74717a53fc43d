"""Coming again: every kind of `again`, what happens on waking, and the limit of rounds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from connector.domain.effects import Grant, WorkState
from tests.unit.engine.stories import DAY, LIFECYCLE, NOW, POLICY, RECYCLE, SECOND, Story, plan_of, started


def recycled(reason: str, story: Story | None = None) -> Story:
    """A lead that its rep has just sent back for this reason."""
    story = story or started()
    story.wait(SECOND).happens("inquiry").decide()
    story.wait(SECOND).change(recycle_reason=reason).decide()
    assert (story.stage, story.state.entry and story.state.entry.reason) == ("recycled", reason)
    return story


def wakes_at(story: Story) -> datetime:
    """The moment at which it comes again."""
    story.pass_time(800 * DAY)
    woken = [entry for entry in story.history if entry.transition == "wake"]
    return woken[0].entered_at


def test_after_a_time() -> None:
    story = recycled("timing")
    assert wakes_at(story) == NOW + 2 * SECOND + 90 * DAY


def test_on_a_signal() -> None:
    story = recycled("price").wait(30 * DAY).happens("reply")
    story.decide()
    assert (story.stage, story.by) == ("lead", "wake")


def test_a_signal_from_before_does_not_count() -> None:
    story = started().happens("reply")
    story.decide()
    assert wakes_at(recycled("price", story)) == NOW + 2 * SECOND + 365 * DAY, "at the latest then"


def test_before_a_date_is_reached() -> None:
    story = recycled("contract", started(renewal_on=date(2027, 6, 30)))
    assert wakes_at(story) == datetime(2027, 6, 29, 15, tzinfo=UTC) - 60 * DAY


def test_a_date_nearer_than_the_notice_brings_it_back_on_the_date() -> None:
    story = recycled("contract", started(renewal_on=date(2026, 12, 20)))
    assert wakes_at(story) == datetime(2026, 12, 19, 15, tzinfo=UTC)


def test_a_date_that_has_gone_by_is_no_event() -> None:
    story = recycled("contract", started(renewal_on=date(2026, 1, 1)))
    assert wakes_at(story) == NOW + 2 * SECOND + 365 * DAY


def test_a_date_that_is_learnt_later_counts() -> None:
    story = recycled("contract").wait(DAY).change(renewal_on=date(2027, 3, 31))
    story.decide()
    assert wakes_at(story) == datetime(2027, 3, 30, 15, tzinfo=UTC) - 60 * DAY


def test_in_the_next_fiscal_year_of_the_policys_zone() -> None:
    assert wakes_at(recycled("budget")) == datetime(2027, 3, 31, 15, tzinfo=UTC)


def test_a_fiscal_year_that_starts_in_january() -> None:
    plan = plan_of(policy=POLICY.replace("fiscal_year_starts: 4", "fiscal_year_starts: 1"))
    assert wakes_at(recycled("budget", started(plan))) == datetime(2026, 12, 31, 15, tzinfo=UTC)


def test_a_reason_without_again_rests_for_ever() -> None:
    story = recycled("never")
    story.pass_time(800 * DAY)
    assert story.stage == "recycled"


def test_waking_opens_its_task_with_the_reason_and_only_then() -> None:
    story = recycled("timing").pass_time(90 * DAY)
    (task,) = story.tasks()
    assert (task.key.rule, task.title) == ("on_wake", "掘り起こし 時期")
    other = recycled("timing").wait(DAY).change(discard_reason="student")
    other.decide()
    assert (other.stage, other.rules()) == ("discarded", [])


def test_the_task_of_waking_closes_when_the_lead_goes_on() -> None:
    story = recycled("timing").pass_time(90 * DAY)
    story.wait(SECOND).happens("inquiry").decide()
    assert (story.rules(), story.rules(WorkState.CLOSED)) == (["call"], ["on_wake"])


def test_one_round_too_many_ends_where_the_limit_says() -> None:
    story = started()
    for _ in range(2):
        recycled("timing", story).pass_time(91 * DAY)
        assert story.stage == "lead"
    story.happens("inquiry").decide()
    story.wait(SECOND).change(recycle_reason="timing").decide()
    assert (story.stage, story.by) == ("discarded", "limits")
    assert len(story.state.recycled_at) == 2, "being discarded is no round"
    story.pass_time(200 * DAY)
    assert story.stage == "discarded"


def test_rounds_outside_the_window_are_forgotten() -> None:
    plan = plan_of(recycle=RECYCLE.replace("within: 730d", "within: 100d"))
    story = started(plan)
    for _ in range(4):
        recycled("timing", story).pass_time(120 * DAY)
        assert story.stage == "lead"
    assert len(story.state.recycled_at) == 1


def test_a_person_who_recycles_by_hand_gives_the_reason_first() -> None:
    text = LIFECYCLE.replace("  - {id: return, from: [mql, sal]", "  - {id: return, from: [sal]")
    story = started(plan_of(lifecycle=text)).happens("inquiry")
    story.decide()
    story.wait(SECOND).change(recycle_reason="timing").moved("recycled").decide()
    assert story.stage == "recycled"
    assert story.state.recycled_at == (story.now,)
    story.pass_time(90 * DAY - timedelta(microseconds=1))
    assert story.stage == "recycled"
    story.pass_time(timedelta(microseconds=1))
    assert (story.stage, story.by) == ("lead", "wake")


# ── only what is new brings a lead back ──────────────────────────────────────────────────────────────────────────
def test_a_lead_that_was_sent_aside_does_not_bounce_back_by_what_it_had_done_before() -> None:
    lifecycle = LIFECYCLE.replace(
        "manual_moves:", "  - {id: hot_again, from: [recycled], to: mql, when: {band: hot}}\nmanual_moves:"
    )
    story = recycled("timing", started(plan_of(lifecycle=lifecycle), employees=500, industry="it"))
    assert story.explain().values
    assert dict(story.explain().values)["band"] == "hot"
    story.pass_time(5 * DAY)
    assert story.stage == "recycled", "it was hot already when its rep sent it aside"
    story.happens("visit").decide()
    assert (story.stage, story.by) == ("mql", "hot_again"), "a visit is new"


def test_a_lead_that_comes_again_waits_for_something_newer_than_what_it_was_sent_aside_in_spite_of() -> None:
    story = recycled("price", started(employees=500, industry="it"))
    story.wait(DAY).happens("reply").decide()
    assert story.stage == "lead", "the reply woke it; that it was hot before is no news"
    assert story.rules() == ["on_wake"]
    story.wait(DAY).decide()
    assert story.stage == "lead"
    story.happens("visit").decide()
    assert (story.stage, story.by) == ("mql", "to_mql_hot")


def test_what_a_lead_did_while_it_stood_aside_is_news_when_it_comes_again() -> None:
    story = recycled("price", started(employees=500, industry="it"))
    story.wait(DAY).happens("visit").decide()
    assert story.stage == "recycled"
    story.wait(DAY).happens("reply").decide()
    assert [entry.stage for entry in story.last.entries] == ["lead", "mql"]


def test_a_field_that_changes_brings_a_lead_back() -> None:
    on_change = "timing: {label: 時期, used_for: [return], again: {on: {changes: noted}, at_latest: 365d}}"
    recycle = RECYCLE.replace("timing: {label: 時期, used_for: [return], again: {after: 90d}}", on_change)
    story = started(plan_of(recycle=recycle)).change(noted="課長")
    story.decide()
    recycled("timing", story).pass_time(10 * DAY)
    assert story.stage == "recycled", "what had changed before is no event"
    story.change(noted="部長").decide()
    assert (story.stage, story.by) == ("lead", "wake")


TURNS = RECYCLE.replace(
    "timing: {label: 時期, used_for: [return], again: {after: 90d}}",
    "timing: {label: 時期, used_for: [return], again: {on: {becomes: {any: [{noted: {starts_with: 予算}},"
    " {signal.visit: {at_most: 0, within: 30d}}]}}, at_latest: 365d}}",
)


def test_a_condition_that_turns_true_brings_a_lead_back_by_a_fact_or_by_time_alone() -> None:
    story = started(plan_of(recycle=TURNS), noted="学習中").happens("visit")
    story.decide()
    recycled("timing", story).wait(DAY).change(noted="比較中").decide()
    assert story.stage == "recycled"
    story.wait(DAY).change(noted="予算あり").decide()
    assert (story.stage, story.by) == ("lead", "wake")
    story = started(plan_of(recycle=TURNS), noted="学習中").happens("visit")
    story.decide()
    recycled("timing", story).pass_time(29 * DAY)
    assert story.stage == "recycled"
    story.pass_time(DAY)
    assert (story.stage, story.by) == ("lead", "wake"), "nobody has visited for 30 days"


def test_a_condition_that_held_when_the_lead_was_sent_aside_is_no_event() -> None:
    story = started(plan_of(recycle=TURNS), noted="予算あり").happens("visit")
    story.decide()
    recycled("timing", story).wait(DAY).change(noted="予算1千万円").decide()
    story.pass_time(100 * DAY)
    assert story.stage == "recycled"


# ── somebody else tries ──────────────────────────────────────────────────────────────────────────────────────────
ROUTING = """\
pools: {sdr: {members: {hubspot_team: SDR}}}
rules: [{id: to_sdr, on: {enters: mql}, assign: {pool: sdr, by: round_robin}}]
keep_owner: {for: 365d}
"""
OTHER = RECYCLE.replace("again: {after: 90d}}", "again: {after: 90d, to: another_person}}", 1)


def _granted(story: Story, person: str) -> Story:
    """The pool answers what it was asked last."""
    request = story.state.requests[-1]
    story.grants.append(
        Grant(request=request.key.text(), pool="sdr", owner_of="lead", person=person, granted_at=story.now)
    )
    story.decide()
    story.owner = person
    return story


def test_another_person_is_asked_for_when_the_lead_comes_again() -> None:
    story = recycled("timing", started(plan_of(recycle=OTHER, routing=ROUTING)))
    story.pass_time(90 * DAY)
    assert story.stage == "lead"
    (request,) = story.state.requests
    assert (request.key.rule, request.pool, request.avoid, request.prefer) == ("on_wake", "sdr", "sato", None)
    _granted(story, "suzuki")
    assert [task.owner for task in story.tasks()] == ["suzuki"], "the task goes with the lead"
    story.wait(DAY).happens("inquiry").decide()
    (request,) = story.last.requests
    assert (request.prefer, request.avoid) == ("suzuki", None), "this round has its owner"


def test_a_lead_that_comes_back_by_itself_is_given_to_another_person_too() -> None:
    lifecycle = LIFECYCLE.replace(
        "manual_moves:",
        "  - {id: again, from: [recycled], to: mql, when: {signal.inquiry: {at_least: 1, since: stage_entered}}}\n"
        "manual_moves:",
    )
    story = recycled("timing", started(plan_of(recycle=OTHER, routing=ROUTING, lifecycle=lifecycle)))
    story.wait(DAY).happens("inquiry").decide()
    assert story.stage == "mql"
    (request,) = story.last.requests
    assert (request.prefer, request.avoid) == (None, "sato")


def test_the_same_person_goes_on_where_nothing_else_is_said() -> None:
    story = recycled("timing", started(plan_of(routing=ROUTING)))
    story.pass_time(90 * DAY)
    assert story.state.requests == ()
    story.happens("inquiry").decide()
    (request,) = story.last.requests
    assert (request.prefer, request.avoid) == ("sato", None)


# ── held until it counts ─────────────────────────────────────────────────────────────────────────────────────────
TRIED = RECYCLE.replace(
    "again: {after: 90d}}\n  price",
    "when: {signal.attempted: {at_least: 2, since: stage_entered}}, again: {after: 90d}}\n  price",
)


def _tried(times: int, story: Story) -> Story:
    for _ in range(times):
        story.wait(SECOND).happens("attempted").decide()
    return story


def test_a_reason_is_held_until_what_it_asks_for_has_happened() -> None:
    """Idle reps are not "no reply"."""
    story = started(plan_of(recycle=TRIED)).happens("inquiry")
    story.decide()
    _tried(1, story).wait(SECOND).change(recycle_reason="timing").decide()
    assert story.stage == "mql"
    (way,) = [move for move in story.explain().moves if move.transition == "return"]
    assert (way.truth, "「時期」はまだ受け付けていません" in way.held) == (True, True)
    story.pass_time(400 * DAY)
    assert story.stage == "mql", "time alone gives nobody up"
    _tried(1, story)
    assert (story.stage, story.state.entry and story.state.entry.reason) == ("recycled", "timing")


def test_a_person_cannot_move_a_lead_aside_for_a_held_reason_and_is_told_what_comes_first() -> None:
    story = started(plan_of(recycle=TRIED)).happens("inquiry")
    story.decide()
    story.wait(SECOND).change(recycle_reason="timing").moved("recycled").decide()
    assert (story.stage, story.state.refused and story.state.refused.rule) == ("mql", "manual_moves.to_side")
    (notice,) = story.last.notices
    assert "「時期」はまだ受け付けていません" in notice.text
    _tried(2, story).wait(SECOND).moved("recycled").decide()
    assert story.stage == "recycled"


def test_a_held_reason_counts_again_when_time_alone_says_so() -> None:
    rested = RECYCLE.replace(
        "again: {after: 90d}}\n  price", "when: {stage_entered_at: {older_than: 3d}}, again: {after: 90d}}\n  price"
    )
    story = started(plan_of(recycle=rested)).happens("inquiry")
    story.decide()
    story.wait(SECOND).change(recycle_reason="timing").decide()
    story.pass_time(2 * DAY)
    assert story.stage == "mql"
    story.pass_time(2 * DAY)
    assert story.stage == "recycled"
