"""What every vendor must do, as a class of tests that each vendor's module inherits.

    class TestHubSpot(VendorContract):
        @pytest.fixture
        def crm(self) -> Iterator[Crm]: ...

A `Crm` drives a stand-in of the vendor from behind (it creates, edits, breaks things) and knows the vendor's names;
the tests look at the `Vendor` and at what the stand-in really holds, never at requests.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from connector.errors import AuthError, QuotaError, RetryableError
from connector.sync.apart import write_apart
from connector.vendors.base import ActivityKind, Create, Enrolee, Lane, Outcome, Record, Update, Vendor, WriteResult

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Names:
    """The vendor's names for what the tests use."""

    person: str
    company: str
    task: str
    deal: str
    list_place: str  #: What `enrol` calls a list here.
    email: str
    text: str  #: A text property of a person.
    choice: str  #: A property of a person with options.
    good_option: str
    bad_option: str
    read_only: str
    task_title: str
    key: str


class Crm(ABC):
    """A stand-in with hands behind its back. Types are ours."""

    names: Names
    vendor: Vendor

    @abstractmethod
    def add(self, object_type: str, properties: Mapping[str, str]) -> str:
        """A person creates a record; its id."""

    @abstractmethod
    def edit(self, object_type: str, record_id: str, properties: Mapping[str, str]) -> None:
        """A person edits a record."""

    @abstractmethod
    def delete(self, object_type: str, record_id: str) -> None:
        """A person deletes a record."""

    @abstractmethod
    def merge(self, winner: str, loser: str) -> None:
        """A person merges two people."""

    @abstractmethod
    def held(self, object_type: str) -> list[Mapping[str, str]]:
        """The properties of every record that exists."""

    @abstractmethod
    def link(self, person: str, company: str) -> None:
        """A person associates a person with a company."""

    @abstractmethod
    def company_properties(self, name: str, domain: str) -> dict[str, str]:
        """The properties that a company needs."""

    @abstractmethod
    def task_properties(self, title: str) -> dict[str, str]:
        """The properties that a task needs."""

    @abstractmethod
    def deal_properties(self, title: str) -> dict[str, str]:
        """The properties that a deal needs."""

    @abstractmethod
    def make_list(self, name: str, *, static: bool) -> None:
        """A person makes a list."""

    @abstractmethod
    def on_list(self, name: str) -> list[str]:
        """Who is on it."""

    @abstractmethod
    def now(self) -> datetime:
        """The stand-in's present."""

    @abstractmethod
    def wait_for_search(self) -> None:
        """Let search see everything that was written."""

    @abstractmethod
    def calls(self) -> int:
        """Data calls so far, refused ones included."""

    @abstractmethod
    def lose_answers(self, times: int = 1) -> None:
        """The next calls are applied and their answers lost."""

    @abstractmethod
    def cut(self, times: int = 1) -> None:
        """The next calls are cut before they are applied."""

    @abstractmethod
    def spoil_answers(self, how: str, times: int = 1) -> None:
        """The next calls are applied and answered with `html` or a `truncated` body."""

    @abstractmethod
    def fail(self, status: int, times: int | None = 1) -> None:
        """The next calls are answered with this status and not applied."""

    @abstractmethod
    def stumble_over(self, record_id: str) -> None:
        """Every call that names this record is answered with 500, and not applied."""

    @abstractmethod
    def limit(self, which: str, times: int = 1) -> None:
        """The next calls are over the `short` or the `day` limit."""

    @abstractmethod
    def fail_rows(self, rows: int) -> None:
        """The last rows of the next batch fail, the others are applied."""

    @abstractmethod
    def disconnect(self) -> None:
        """Somebody removes our app: no credentials are good any more."""

    @abstractmethod
    def expire_token(self) -> None:
        """The access token's time is up; another can be had."""

    @abstractmethod
    def submit(self, form: str, email: str, at: datetime) -> str:
        """A form is filled in; the submission's id."""

    @abstractmethod
    def waits(self) -> Sequence[float]:
        """How long our side has waited for tokens, in seconds."""


class WithPeople:
    """What every part of the contract begins with."""

    def _people(self, crm: Crm, count: int) -> list[str]:
        names = crm.names
        return [
            crm.add(names.person, {names.email: f"p{number}@example.co.jp", names.text: f"人 {number}"})
            for number in range(count)
        ]


class VendorContract(WithPeople):
    """Inherited by each vendor's test module, which gives the fixture `crm`."""

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────

    @pytest.mark.fault("F32")
    def test_read_tells_value_blank_and_unreadable_apart(self, crm: Crm) -> None:
        names = crm.names
        [one] = self._people(crm, 1)
        found = crm.vendor.read(names.person, [one], [names.text, names.choice, "no_such_property"], lane=Lane.HOT)
        properties = found[one].properties
        assert properties[names.text] == "人 0"
        assert properties[names.choice] is None
        assert "no_such_property" not in properties
        assert found[one].modified_at is not None

    def test_read_finds_each_of_many_in_the_least_calls(self, crm: Crm) -> None:
        ids = self._people(crm, 250)
        before = crm.calls()
        found = crm.vendor.read(crm.names.person, [*ids, ids[0]], [crm.names.email], lane=Lane.BACKGROUND)
        assert {one: record.properties[crm.names.email] for one, record in found.items()} == {
            one: f"p{number}@example.co.jp" for number, one in enumerate(ids)
        }
        assert crm.calls() - before == -(-250 // crm.vendor.batch_size)

    def test_read_leaves_out_what_does_not_exist(self, crm: Crm) -> None:
        names = crm.names
        alive, deleted, loser = self._people(crm, 3)
        crm.delete(names.person, deleted)
        crm.merge(alive, loser)
        found = crm.vendor.read(names.person, [alive, deleted, loser, "999999999999"], [names.email], lane=Lane.HOT)
        assert {one for one, record in found.items() if record.became is None} == {alive}
        assert {record.became.id for record in found.values() if record.became is not None} <= {alive}
        assert crm.vendor.read(names.person, ["999999999999"], [names.email], lane=Lane.HOT) == {}
        assert crm.vendor.read(names.person, [], [names.email], lane=Lane.HOT) == {}

    def test_history_is_newest_first_and_names_who(self, crm: Crm) -> None:
        names = crm.names
        [one] = self._people(crm, 1)
        crm.vendor.update(names.person, [Update(id=one, properties={names.text: "ours"})], lane=Lane.HOT)
        crm.edit(names.person, one, {names.text: "theirs"})
        record = crm.vendor.read(names.person, [one], [names.text], lane=Lane.HOT, history=[names.text])[one]
        last, before, *_ = record.history[names.text]
        assert (last.value, last.by_us, last.by_person) == ("theirs", False, True)
        assert (before.value, before.by_us, before.by_person) == ("ours", True, False)
        assert last.at >= before.at

    def test_find_by_email_is_exact_and_current(self, crm: Crm) -> None:
        first, second = self._people(crm, 2)
        found = crm.vendor.find_by_email(
            ["P1@Example.co.jp", "p0@example.co.jp", "nobody@example.co.jp"], [crm.names.text], lane=Lane.HOT
        )
        assert {email: record.id for email, record in found.items()} == {
            "p0@example.co.jp": first,
            "p1@example.co.jp": second,
        }

    def test_page_walks_over_everything_once(self, crm: Crm) -> None:
        ids = self._people(crm, 230)
        seen: list[str] = []
        after: str | None = None
        while True:
            page = crm.vendor.page(crm.names.person, [crm.names.email], after=after, lane=Lane.BACKGROUND)
            seen += [record.id for record in page.records]
            after = page.after
            if after is None:
                break
        assert sorted(seen) == sorted(ids)

    def test_pipelines_tell_their_stages_in_order_and_which_of_them_are_closed(self, crm: Crm) -> None:
        (first, *_) = crm.vendor.pipelines()
        assert first.id
        assert first.label
        closed = [stage.closed for stage in first.stages]
        assert True in closed
        assert False in closed
        assert closed == sorted(closed), "open stages come first"

    def test_what_was_modified_in_a_window_is_found_once_it_is_indexed(self, crm: Crm) -> None:
        names = crm.names
        people = self._people(crm, 260)
        crm.wait_for_search()
        started = crm.now() - timedelta(hours=1)
        found = self._changed(crm, [names.email], since=started)
        assert [one.id for one in found] == sorted(people, key=lambda one: (len(one), one)), "by id, each once"
        since = crm.now()
        crm.edit(names.person, people[7], {names.text: "変更"})
        crm.wait_for_search()
        (one,) = self._changed(crm, [names.text], since=since)
        assert (one.id, one.properties[names.text]) == (people[7], "変更")
        assert one.modified_at is not None

    @staticmethod
    def _changed(crm: Crm, properties: list[str], *, since: datetime) -> list[Record]:
        found: list[Record] = []
        after: str | None = None
        until = crm.now()
        while True:
            page = crm.vendor.changed(
                crm.names.person, properties, since=since, until=until, after=after, lane=Lane.BACKGROUND
            )
            found += page.records
            after = page.after
            if after is None:
                return found

    def test_what_is_in_the_bin_is_listed_apart(self, crm: Crm) -> None:
        kept, gone = self._people(crm, 2)
        crm.vendor.archive(crm.names.person, [gone], lane=Lane.HOT)
        binned = crm.vendor.page(crm.names.person, [], after=None, archived=True, lane=Lane.BACKGROUND)
        assert {one.id: one.archived for one in binned.records} == {gone: True}
        alive = crm.vendor.page(crm.names.person, [], after=None, lane=Lane.BACKGROUND)
        assert [one.id for one in alive.records] == [kept]

    def test_people_are_put_on_a_list_once(self, crm: Crm) -> None:
        people = self._people(crm, 3)
        crm.make_list("一覧", static=True)
        crm.make_list("動的", static=False)
        wanted = [Enrolee(key=f"k{one}", person_id=one) for one in (*people, "999999999999")]
        enroller = crm.vendor.enroller
        for _ in range(2):
            results = enroller.enrol(crm.names.list_place, "一覧", wanted, lane=Lane.HOT)
            assert [(one.id, one.outcome) for one in results] == [
                *((f"k{one}", Outcome.APPLIED) for one in people),
                ("k999999999999", Outcome.MISSING),
            ]
        assert sorted(crm.on_list("一覧")) == sorted(people)
        for name in ("動的", "ない"):
            (result,) = enroller.enrol(crm.names.list_place, name, wanted[:1], lane=Lane.HOT)
            assert (result.outcome, result.reason) == (Outcome.REJECTED, "not_available")

    def test_who_joined_a_list_is_told_in_order_and_from_a_cursor_on(self, crm: Crm) -> None:
        people = self._people(crm, 260)
        crm.make_list("一覧", static=True)
        wanted = [Enrolee(key=one, person_id=one) for one in people]
        crm.vendor.enroller.enrol(crm.names.list_place, "一覧", wanted, lane=Lane.HOT)
        found = crm.vendor.enroller.find_list("一覧", lane=Lane.HOT)
        assert found is not None
        assert found.static
        pages = list(crm.vendor.enroller.joined(found.id, after=None, lane=Lane.BACKGROUND))
        assert sorted(one.person_id for rows, _ in pages for one in rows) == sorted(people)
        last_rows, last_cursor = pages[-1]
        ((again, _),) = crm.vendor.enroller.joined(found.id, after=last_cursor, lane=Lane.BACKGROUND)
        assert again == last_rows
        assert crm.vendor.enroller.find_list("ない", lane=Lane.HOT) is None

    def test_outcomes_of_activities_have_labels(self, crm: Crm) -> None:
        found = crm.vendor.activity_outcomes()
        assert set(found) >= {ActivityKind.CALL, ActivityKind.MEETING}
        assert all(label for labels in found.values() for label in labels.values())

    def test_owners_include_the_deactivated(self, crm: Crm) -> None:
        owners = crm.vendor.owners()
        assert {owner.active for owner in owners} == {True, False}
        assert all(owner.id and owner.name for owner in owners)
        assert any(owner.teams for owner in owners)

    def test_describe_tells_types_options_and_what_is_read_only(self, crm: Crm) -> None:
        names = crm.names
        found = crm.vendor.describe(names.person)
        assert names.good_option in found[names.choice].options
        assert names.bad_option not in found[names.choice].options
        assert found[names.read_only].read_only
        assert not found[names.text].read_only

    # ── updating ─────────────────────────────────────────────────────────────────────────────────────────────

    def test_updates_are_told_in_the_inputs_order(self, crm: Crm) -> None:
        names = crm.names
        ids = list(reversed(self._people(crm, 130)))
        updates = [Update(id=one, properties={names.text: f"new {one}"}) for one in ids]
        results = crm.vendor.update(names.person, updates, lane=Lane.HOT)
        assert [result.id for result in results] == ids
        assert {result.outcome for result in results} == {Outcome.APPLIED}
        for result in results:
            assert result.record is not None
            assert result.record.properties[names.text] == f"new {result.id}"

    def test_an_empty_string_clears(self, crm: Crm) -> None:
        names = crm.names
        [one] = self._people(crm, 1)
        crm.vendor.update(names.person, [Update(id=one, properties={names.text: ""})], lane=Lane.HOT)
        assert crm.vendor.read(names.person, [one], [names.text], lane=Lane.HOT)[one].properties[names.text] is None

    @pytest.mark.fault("F3")
    def test_one_bad_value_parks_its_record_alone(self, crm: Crm) -> None:
        names = crm.names
        ids = self._people(crm, 100)
        updates = [Update(id=one, properties={names.text: "x", names.choice: names.good_option}) for one in ids]
        updates[37] = Update(id=ids[37], properties={names.text: "x", names.choice: names.bad_option})
        results = crm.vendor.update(names.person, updates, lane=Lane.HOT)
        [bad] = [result for result in results if result.outcome is not Outcome.APPLIED]
        assert (bad.id, bad.outcome, bad.reason, bad.property_name) == (
            ids[37],
            Outcome.REJECTED,
            "invalid_option",
            names.choice,
        )
        assert sum(row.get(names.text) == "x" for row in crm.held(names.person)) == 99

    @pytest.mark.fault("F22")
    def test_a_deal_over_which_the_crm_always_stumbles_is_written_apart_from_the_others(self, crm: Crm) -> None:
        names = crm.names
        ids = [crm.add(names.deal, crm.deal_properties(f"案件{number}")) for number in range(5)]
        crm.stumble_over(ids[2])

        def send(part: Sequence[str]) -> list[WriteResult]:
            updates = [Update(id=one, properties=crm.deal_properties("改めた")) for one in part]
            return crm.vendor.update(names.deal, updates, lane=Lane.HOT)

        written = write_apart(ids, name=str, attempts=lambda one: 0, send=send)
        told = {one: result.outcome for one, result in written.told}
        assert told == dict.fromkeys(ids, Outcome.APPLIED) | {ids[2]: Outcome.RETRY}
        assert (written.passed, written.stumbled) == (True, {ids[2]})
        shown = [set(row.values()) for row in crm.held(names.deal)]
        assert sum("改めた" in values for values in shown) == 4

    def test_an_unknown_property_is_named_for_every_record_that_sets_it(self, crm: Crm) -> None:
        names = crm.names
        ids = self._people(crm, 60)
        updates = [
            Update(id=one, properties={names.text: "x"} | ({"no_such_property": "1"} if number % 2 else {}))
            for number, one in enumerate(ids)
        ]
        before = crm.calls()
        results = crm.vendor.update(names.person, updates, lane=Lane.HOT)
        for number, result in enumerate(results):
            if number % 2:
                assert (result.outcome, result.reason) == (Outcome.REJECTED, "unknown_property")
                assert result.property_name == "no_such_property"
            else:
                assert result.outcome is Outcome.APPLIED
        assert crm.calls() - before <= 2

    def test_updating_a_record_that_is_gone_says_missing(self, crm: Crm) -> None:
        names = crm.names
        ids = self._people(crm, 5)
        crm.delete(names.person, ids[2])
        updates = [Update(id=one, properties={names.text: "x"}) for one in ids]
        outcomes = [result.outcome for result in crm.vendor.update(names.person, updates, lane=Lane.HOT)]
        assert outcomes == [
            Outcome.APPLIED,
            Outcome.APPLIED,
            Outcome.MISSING,
            Outcome.APPLIED,
            Outcome.APPLIED,
        ]

    @pytest.mark.fault("F16", "F39")
    @pytest.mark.parametrize("trouble", ["lost", "cut", "html", "truncated", "outage"])
    def test_an_update_survives_a_passing_trouble(self, crm: Crm, trouble: str) -> None:
        names = crm.names
        [one] = self._people(crm, 1)
        _trouble(crm, trouble)
        [result] = crm.vendor.update(names.person, [Update(id=one, properties={names.text: "x"})], lane=Lane.HOT)
        assert result.outcome is Outcome.APPLIED
        assert [row.get(names.text) for row in crm.held(names.person)] == ["x"]

    @pytest.mark.fault("F38")
    def test_rows_that_fail_alone_are_not_called_done(self, crm: Crm) -> None:
        names = crm.names
        ids = self._people(crm, 10)
        crm.fail_rows(3)
        updates = [Update(id=one, properties={names.text: "x"}) for one in ids]
        results = crm.vendor.update(names.person, updates, lane=Lane.HOT)
        done = {result.id for result in results if result.outcome is Outcome.APPLIED}
        assert len(done) == 7
        assert sum(row.get(names.text) == "x" for row in crm.held(names.person)) == 7

    # ── creating ─────────────────────────────────────────────────────────────────────────────────────────────

    def _creates(self, crm: Crm, people: Sequence[str]) -> list[Create]:
        return [
            Create(
                key=f"signal:{number}:call:task",
                properties=crm.task_properties(f"call {number}"),
                associate=((crm.names.person, person),),
            )
            for number, person in enumerate(people)
        ]

    def test_creates_bring_their_associations_in_one_call(self, crm: Crm) -> None:
        names = crm.names
        people = self._people(crm, 40)
        before = crm.calls()
        results = crm.vendor.create(names.task, self._creates(crm, people), lane=Lane.HOT)
        assert crm.calls() - before == 1
        assert {result.outcome for result in results} == {Outcome.APPLIED}
        titles = [result.record.properties[names.task_title] for result in results if result.record]
        assert titles == [f"call {number}" for number in range(40)]
        linked = crm.vendor.associated(names.person, people, names.task, lane=Lane.HOT)
        assert [linked[one] for one in people] == [(result.id,) for result in results]

    def test_created_records_are_found_by_their_key(self, crm: Crm) -> None:
        names = crm.names
        creates = self._creates(crm, self._people(crm, 3))
        results = crm.vendor.create(names.task, creates, lane=Lane.HOT)
        keys = [one.key for one in creates]
        found = crm.vendor.find_by_key(names.task, [*keys, "never:made"], [names.task_title], lane=Lane.HOT)
        assert {key: found[key].id for key in keys} == {
            key: result.id for key, result in zip(keys, results, strict=True)
        }
        assert set(found) == set(keys)

    @pytest.mark.fault("F16", "F39")
    @pytest.mark.parametrize("trouble", ["lost", "html", "truncated"])
    def test_an_uncertain_create_is_never_repeated(self, crm: Crm, trouble: str) -> None:
        names = crm.names
        creates = self._creates(crm, self._people(crm, 4))
        before = crm.calls()
        _trouble(crm, trouble)
        results = crm.vendor.create(names.task, creates, lane=Lane.HOT)
        assert {result.outcome for result in results} == {Outcome.UNCERTAIN}
        assert [result.id for result in results] == [one.key for one in creates]
        assert crm.calls() - before == 1
        found = crm.vendor.find_by_key(names.task, [one.key for one in creates], [], lane=Lane.HOT)
        assert len(found) == len(crm.held(names.task)) == 4

    @pytest.mark.parametrize("trouble", ["cut", "outage"])
    def test_a_create_that_was_cut_is_uncertain_too(self, crm: Crm, trouble: str) -> None:
        _trouble(crm, trouble)
        [result] = crm.vendor.create(crm.names.task, self._creates(crm, self._people(crm, 1)), lane=Lane.HOT)
        assert result.outcome is Outcome.UNCERTAIN
        assert crm.held(crm.names.task) == []

    def test_one_bad_create_does_not_hold_the_others(self, crm: Crm) -> None:
        names = crm.names
        creates = self._creates(crm, self._people(crm, 20))
        creates[7] = Create(
            key=creates[7].key,
            properties={**creates[7].properties, "no_such_property": "x"},
            associate=creates[7].associate,
        )
        results = crm.vendor.create(names.task, creates, lane=Lane.HOT)
        assert [n for n, result in enumerate(results) if result.outcome is not Outcome.APPLIED] == [7]
        assert (results[7].outcome, results[7].property_name) == (Outcome.REJECTED, "no_such_property")
        assert results[7].id == creates[7].key
        assert sorted(row[names.key] for row in crm.held(names.task)) == sorted(
            one.key for one in creates if one is not creates[7]
        )

    def test_a_key_that_is_taken_names_its_holder(self, crm: Crm) -> None:
        creates = self._creates(crm, self._people(crm, 5))
        [first] = crm.vendor.create(crm.names.task, creates[2:3], lane=Lane.HOT)
        results = crm.vendor.create(crm.names.task, creates, lane=Lane.HOT)
        taken = results[2]
        assert (taken.outcome, taken.reason, taken.existing_id) == (Outcome.REJECTED, "conflict", first.id)
        assert [result.outcome for n, result in enumerate(results) if n != 2] == [Outcome.APPLIED] * 4
        assert len(crm.held(crm.names.task)) == 5

    def test_archive(self, crm: Crm) -> None:
        results = crm.vendor.create(crm.names.task, self._creates(crm, self._people(crm, 3)), lane=Lane.HOT)
        ids = [result.id for result in results]
        archived = crm.vendor.archive(crm.names.task, ids[:2], lane=Lane.HOT)
        assert [(result.id, result.outcome) for result in archived] == [(one, Outcome.APPLIED) for one in ids[:2]]
        assert len(crm.held(crm.names.task)) == 1

    # ── limits and credentials ───────────────────────────────────────────────────────────────────────────────

    @pytest.mark.fault("F40")
    def test_a_short_limit_is_waited_out(self, crm: Crm) -> None:
        [one] = self._people(crm, 1)
        crm.limit("short")
        assert one in crm.vendor.read(crm.names.person, [one], [crm.names.email], lane=Lane.HOT)
        assert max(crm.waits()) > 0.5

    def test_a_create_over_the_limit_was_not_applied_and_is_made_once(self, crm: Crm) -> None:
        creates = self._creates(crm, self._people(crm, 2))
        crm.limit("short")
        results = crm.vendor.create(crm.names.task, creates, lane=Lane.HOT)
        assert {result.outcome for result in results} == {Outcome.APPLIED}
        assert len(crm.held(crm.names.task)) == 2

    @pytest.mark.fault("F40", "F42")
    def test_the_days_limit_stops_every_call(self, crm: Crm) -> None:
        [one] = self._people(crm, 1)
        crm.limit("day")
        with pytest.raises(QuotaError) as caught:
            crm.vendor.read(crm.names.person, [one], [crm.names.email], lane=Lane.HOT)
        assert caught.value.retry_after_seconds is not None
        assert caught.value.retry_after_seconds > 60
        before = crm.calls()
        with pytest.raises(QuotaError):
            crm.vendor.update(crm.names.person, [Update(id=one, properties={crm.names.text: "x"})], lane=Lane.HOT)
        assert crm.calls() == before

    def test_an_outage_is_retryable_and_bounded(self, crm: Crm) -> None:
        [one] = self._people(crm, 1)
        crm.fail(503, times=None)
        before = crm.calls()
        with pytest.raises(RetryableError) as caught:
            crm.vendor.read(crm.names.person, [one], [crm.names.email], lane=Lane.HOT)
        assert not isinstance(caught.value, QuotaError)
        assert crm.calls() - before <= 4

    def test_an_expired_token_is_renewed_without_a_word(self, crm: Crm) -> None:
        [one] = self._people(crm, 1)
        crm.expire_token()
        assert one in crm.vendor.read(crm.names.person, [one], [crm.names.email], lane=Lane.HOT)

    @pytest.mark.fault("F44")
    def test_a_removed_app_is_an_auth_error_everywhere(self, crm: Crm) -> None:
        names = crm.names
        [one] = self._people(crm, 1)
        crm.disconnect()
        with pytest.raises(AuthError):
            crm.vendor.read(names.person, [one], [names.email], lane=Lane.HOT)
        with pytest.raises(AuthError):
            crm.vendor.update(names.person, [Update(id=one, properties={names.text: "x"})], lane=Lane.HOT)
        with pytest.raises(AuthError):
            crm.vendor.create(names.task, self._creates(crm, [one]), lane=Lane.HOT)
        assert crm.held(names.task) == []


class CompaniesContract(WithPeople):
    """For people who belong to companies and deals."""

    def test_associations_are_complete_over_pages(self, crm: Crm) -> None:
        names = crm.names
        company = crm.add(names.company, crm.company_properties("株式会社サンプル", "sample.example"))
        lonely = crm.add(names.company, crm.company_properties("有限会社ひとり", "hitori.example"))
        people = self._people(crm, 520)
        for one in people:
            crm.link(one, company)
        found = crm.vendor.associated(names.company, [company, lonely, "999999999999"], names.person, lane=Lane.HOT)
        assert sorted(found[company]) == sorted(people)
        assert found[lonely] == ()
        assert found["999999999999"] == ()

    def test_deals_are_made_and_associated_and_doing_it_twice_changes_nothing(self, crm: Crm) -> None:
        names = crm.names
        deal = crm.add(names.deal, crm.deal_properties("一件"))
        company = crm.add(names.company, crm.company_properties("株式会社サンプル", "sample.example"))
        people = self._people(crm, 3)
        pairs = [(deal, one) for one in people] + [(deal, "999999999999")]
        for _ in range(2):
            crm.vendor.associate(names.deal, names.person, pairs, lane=Lane.HOT)
            crm.vendor.associate(names.deal, names.company, [(deal, company)], lane=Lane.HOT)
        found = crm.vendor.associated(names.person, people, names.deal, lane=Lane.HOT)
        assert found == dict.fromkeys(people, (deal,))
        assert crm.vendor.associated(names.company, [company], names.deal, lane=Lane.HOT) == {company: (deal,)}
        crm.vendor.associate(names.deal, names.person, [("999999999999", people[0])], lane=Lane.HOT)


class FormsContract:
    """For vendors that keep what people filled into forms."""

    def test_submissions_come_newest_first_down_to_a_time(self, crm: Crm) -> None:
        [(form_id, name), *_] = sorted(crm.vendor.forms().items())
        start = datetime(2026, 4, 1, tzinfo=UTC)
        ids = [crm.submit(name, f"s{n}@example.co.jp", start + timedelta(minutes=n)) for n in range(120)]
        found = list(crm.vendor.submissions(form_id, since=start + timedelta(minutes=10)))
        assert [one.submission_id for one in found] == ids[:9:-1]
        assert found[0].email == "s119@example.co.jp"
        assert found[0].submitted_at == start + timedelta(minutes=119)
        assert len(list(crm.vendor.submissions(form_id, since=LONG_AGO))) == 120


def _trouble(crm: Crm, name: str) -> None:
    if name == "lost":
        crm.lose_answers()
    elif name == "cut":
        crm.cut()
    elif name == "outage":
        crm.fail(502)
    else:
        crm.spoil_answers(name)
