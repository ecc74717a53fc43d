"""Random edits in both CRMs, with echoes, repeats, reordered events, spellings and a CRM that rewrites what it is
given, and workers that die: both end at what an oracle that knows nothing of the product says, with one write for an
edit, and then rest.

Once Tasuki keeps the fields together; once HubSpot's own integration does, and Tasuki writes what it computes alone.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from connector.domain.normalise import phone_jp, postcode_jp
from connector.sandbox.native_sync import MappedField, NativeSync, SyncRule
from tests.e2e.both_relay import TWO_CRMS, BothRelay
from tests.e2e.conftest import MakeBoth

HUBSPOT, SALESFORCE = "hubspot", "salesforce"


@dataclass(frozen=True)
class Field:
    """A field of the test's policy: where it lives, how its spellings are read, what a person may type."""

    hubspot: str
    salesforce: str
    wins: str
    read: Callable[[str], str]
    typed: Callable[[random.Random, int], str]
    blanks: bool = True
    blank_overwrites: bool = False
    one_way: bool = False
    native: SyncRule | None = SyncRule.TWO_WAY  #: What HubSpot's integration does with it; None: nothing.
    tracked: bool = False  #: The org keeps its history, in whole seconds: see the sandbox's `tracked_fields`.


def _plain(text: str) -> str:
    return text


FIELDS: Mapping[str, Field] = {
    "first_name": Field("firstname", "FirstName", "newest", _plain, lambda dice, n: f"花子{n}"),
    "phone": Field(
        "phone",
        "Phone",
        "newest",
        phone_jp,
        lambda dice, n: dice.choice([f"03-1234-{n:04}", f"０３（１２３４）{n:04}", f"+81 3 1234 {n:04}"]),
        tracked=True,
    ),
    "postcode": Field(
        "zip", "PostalCode", "newest", postcode_jp, lambda dice, n: dice.choice([f"100{n:04}", f"〒100ー{n:04}"])
    ),
    "job_title": Field("jobtitle", "Title", HUBSPOT, _plain, lambda dice, n: f"課長{n}"),
    "city": Field(
        "city",
        "City",
        "salesforce_unless_blank",
        str.lower,
        lambda dice, n: f"Osaka{n}",
        blank_overwrites=True,
        native=SyncRule.PREFER_SALESFORCE,
    ),
    "temperature": Field(
        "tasuki_temperature",
        "Rating",
        "newest",
        str.lower,
        lambda dice, n: dice.choice(["hot", "warm", "cold"]),
        blanks=False,
        tracked=True,
    ),
    "product": Field(
        "tasuki_product",
        "TasukiProduct__c",
        "newest",
        _plain,
        lambda dice, n: dice.choice(["core", "option"]),
        blanks=False,
        one_way=True,
        native=None,
    ),
}

COMPUTED = {"tasuki_score", "tasuki_grade", "TasukiScore__c", "TasukiGrade__c"}

Shown = tuple[str, str]
"""What a field is in HubSpot and in Salesforce, as it is read."""


@dataclass
class Person:
    contact: str
    lead: str


@dataclass
class Edit:
    """What somebody typed; `late`: in the second half of the round, after a look at both CRMs if there was one. `at` is
    the CRM's stamp: HubSpot's of the millisecond, Salesforce's of the second."""

    side: str
    value: str
    late: bool
    at: datetime


class Game:
    """Edits by the dice, and the oracle beside them."""

    def __init__(self, relay: BothRelay, seed: int, people: int) -> None:
        self.relay = relay
        self.dice = random.Random(seed)
        self.people = [self._person(number) for number in range(people)]
        self.agreed: dict[tuple[int, str], Shown] = {}
        self.number = 0
        self.edits = 0
        self.deaths = 0

    def _person(self, number: int) -> Person:
        email = f"person{number}@example.co.jp"
        contact = self.relay.sandbox.create("contacts", {"email": email, "lastname": f"山田{number}"})
        lead = self.relay.org.create("Lead", {"LastName": f"山田{number}", "Company": "サンプル", "Email": email})
        return Person(str(contact["id"]), lead)

    def play(self, edits: int) -> None:
        """One round: edits in two halves, now and then with a look between them, then everything comes to rest."""
        made: dict[tuple[int, str], dict[str, Edit]] = {}
        looked = self.dice.random() < 0.5
        for half in (False, True):
            for _ in range(edits // 2):
                self._edit(made, late=half)
            if not half:
                self.between(looked=looked)
        self.rest()
        for place, sides in made.items():
            self.agreed[place] = self.judged(FIELDS[place[1]], self.agreed.get(place, ("", "")), sides, looked=looked)

    def between(self, *, looked: bool) -> None:
        """What happens between the halves of a round."""
        if looked:
            self.relay.pass_time(seconds=3)  # a look's moment is cut to the second; stamps are allowed another
            for _ in range(2):
                self.relay.hear()
            self.relay.decide()
            self.relay.pass_time(seconds=3)

    def rest(self) -> None:
        """Until nobody has anything to tell or to do. Now and then a worker dies with its first write: the CRM has it,
        and nobody knows."""
        if self.dice.random() < 0.3:
            self.die_writing()
        self.relay.hear_and_settle()

    def die_writing(self) -> None:
        """A worker's last deed; a minute later another one has its work."""
        with pytest.MonkeyPatch.context() as patch:
            for line in self.relay.lines.values():
                patch.setattr(line.vendor, "update", partial(_write_and_die, line.vendor.update))
            try:
                self.relay.hear_and_settle()
            except KeyboardInterrupt:
                self.deaths += 1
        self.relay.expire_leases()

    def judged(self, field: Field, before: Shown, sides: Mapping[str, Edit], *, looked: bool) -> Shown:
        """The oracle: what stands after a round."""
        value = decided(field, before[0], sides, looked=looked)
        return value, value

    def _edit(self, made: dict[tuple[int, str], dict[str, Edit]], *, late: bool) -> None:
        self.number += 1
        place = (self.dice.randrange(len(self.people)), self.dice.choice(sorted(FIELDS)))
        side = self.dice.choice([HUBSPOT, SALESFORCE])
        before = made.setdefault(place, {})
        if side in before or any(one.late == late for one in before.values()):
            return  # once a round and side, and never both at the same time: nobody could tell who was later
        field, person = FIELDS[place[1]], self.people[place[0]]
        typed = "" if field.blanks and self.dice.random() < 0.15 else field.typed(self.dice, self.number)
        if side == HUBSPOT:
            contact = self.relay.sandbox.edit("contacts", person.contact, {field.hubspot: typed})
            stamp = contact["properties"]["lastmodifieddate"]
        else:
            shown = typed.capitalize() if field.salesforce == "Rating" else typed
            stamp = self.relay.org.edit(person.lead, {field.salesforce: shown or None})["fields"]["SystemModstamp"]
        self.edits += 1
        before[side] = Edit(side, field.read(typed) if typed else "", late, datetime.fromisoformat(stamp))

    def check(self) -> None:
        """Both CRMs hold what the oracle says, and what the policy makes of it."""
        assert {place: self.shown(place) for place in self.agreed} == self.agreed
        for number, person in enumerate(self.people):
            hot = self.agreed.get((number, "temperature"), ("", ""))[0] == "hot"
            scores = (
                self.relay.contact(person.contact)["tasuki_score"],
                self.relay.fields(person.lead)["TasukiScore__c"],
            )
            assert [float(one) for one in scores] == [20.0 if hot else 0.0] * 2

    def shown(self, place: tuple[int, str]) -> Shown:
        """What both CRMs hold, as it is read."""
        field, person = FIELDS[place[1]], self.people[place[0]]
        here = self.relay.contact(person.contact).get(field.hubspot) or ""
        there = self.relay.fields(person.lead).get(field.salesforce) or ""
        if field.one_way and not here and self.agreed[place] == ("", ""):
            return ("", "")  # a blank is no reason to take away what stands in the copy
        return (field.read(here) if here else "", field.read(there) if there else "")


class NativeGame(Game):
    """The same beside HubSpot's own integration, which copies; the oracle knows its rules alone."""

    def __init__(self, relay: BothRelay, seed: int, people: int) -> None:
        mapped = [
            MappedField(
                hubspot=one.hubspot,
                salesforce=one.salesforce,
                rule=one.native,
                values={"hot": "Hot", "warm": "Warm", "cold": "Cold"} if one.salesforce == "Rating" else {},
            )
            for one in FIELDS.values()
            if one.native is not None
        ]
        self.native = NativeSync(relay.sandbox, relay.org, mapped)
        super().__init__(relay, seed, people)

    def _person(self, number: int) -> Person:
        """Every third stands in one CRM alone until the integration makes the other half; another third has two
        addresses, and is linked."""
        if number % 3 == 0:
            return super()._person(number)
        sandbox, org, email = self.relay.sandbox, self.relay.org, f"person{number}@example.co.jp"
        if number % 3 == 1:
            contact = str(sandbox.create("contacts", {"email": email, "lastname": f"山田{number}"})["id"])
            self.native.run()
            return Person(contact, sandbox.record("contacts", contact)["properties"]["salesforceleadid"])
        other = f"other{number}@example.co.jp"
        lead = org.create("Lead", {"LastName": f"山田{number}", "Company": "サンプル", "Email": other})
        contact = str(sandbox.create("contacts", {"email": email, "lastname": f"山田{number}"})["id"])
        sandbox.calculated("contacts", contact, {"salesforceleadid": lead}, source="SALESFORCE")
        return Person(contact, lead)

    def between(self, *, looked: bool) -> None:
        """The integration and we look, in any order; or nobody does, and time goes by all the same."""
        first = self.dice.random() < 0.5
        if looked and first:
            self.native.run()
        super().between(looked=looked)
        if looked and not first:
            self.native.run()
        self.relay.pass_time(seconds=2)

    def rest(self) -> None:
        """Both of us, until neither has anything to do."""
        for _ in range(10):
            done = self.native.run()
            super().rest()
            if not done:
                return
        raise AssertionError("the integration does not come to rest")

    def judged(self, field: Field, before: Shown, sides: Mapping[str, Edit], *, looked: bool) -> Shown:
        """The oracle: the edits in their order, and the integration's rule where it had a look."""
        standing, last = dict(zip((HUBSPOT, SALESFORCE), before, strict=True)), ""
        for late in (False, True):
            for edit in sides.values():
                if edit.late == late and edit.value != standing[edit.side]:
                    standing[edit.side], last = edit.value, edit.side
            if (late or looked) and last and field.native is not None:
                two_way = field.native is SyncRule.TWO_WAY
                by_rule = standing[last] if two_way else standing[SALESFORCE] or standing[HUBSPOT]
                standing, last = dict.fromkeys(standing, by_rule), ""
        return standing[HUBSPOT], standing[SALESFORCE]


def _write_and_die(write: Callable[..., object], *args: object, **more: object) -> None:
    write(*args, **more)
    raise KeyboardInterrupt


def decided(field: Field, agreed: str, sides: Mapping[str, Edit], *, looked: bool) -> str:
    """The oracle: what stands after a round."""
    if field.one_way:
        return sides[HUBSPOT].value if HUBSPOT in sides else agreed
    counted = {
        side: one for side, one in sides.items() if one.value != agreed and (one.value or field.blank_overwrites)
    }
    if len(counted) < 2:
        return next((one.value for one in counted.values()), agreed)
    if field.wins == HUBSPOT:
        return counted[HUBSPOT].value
    if field.wins == "salesforce_unless_blank":
        return counted[SALESFORCE].value or counted[HUBSPOT].value
    # HubSpot says when; Salesforce in what second where it keeps the history, else only that it was between two looks:
    # what cannot be told apart is a tie for the CRM of the tasks, HubSpot.
    here, there = counted[HUBSPOT], counted[SALESFORCE]
    is_later = there.late and (looked or (field.tracked and there.at > here.at))
    return there.value if is_later else here.value


def converge(
    make_both: MakeBoth,
    *,
    seed: int,
    edits: int,
    people: int,
    minutes_apart: int = 0,
    game: type[Game] = Game,
    policy: Path = TWO_CRMS,
) -> BothRelay:
    relay = make_both(policy=policy, hubspot={"normalisers": {"contacts": {"city": ["lower"]}}})
    relay.meet()
    relay.listen(duplicate_rate=0.2, reorder=True)
    played = game(relay, seed, people)
    played.rest()
    assert relay.rows("SELECT count(*) AS n FROM lead WHERE gone IS NULL") == [{"n": people}]
    mark, org_mark = relay.mark(), relay.org_mark()
    while played.edits < edits:
        relay.pass_time(minutes=minutes_apart)
        played.play(30)
        played.check()
    ours, theirs = relay.our_writes(since=mark), relay.org_writes(since=org_mark)
    assert len(ours) <= played.edits
    assert len(theirs) <= played.edits
    mark, org_mark = relay.mark(), relay.org_mark()
    relay.sandbox.redeliver_webhooks(last=50)
    relay.pass_time(minutes=10)
    played.rest()
    assert (relay.our_writes(since=mark), relay.org_writes(since=org_mark)) == ([], [])
    assert relay.rows("SELECT count(*) AS n FROM lead WHERE gone IS NULL") == [{"n": people}]
    assert played.deaths > 0
    return relay


def beside_the_integration(make_both: MakeBoth, folder: Path, **sizes: int) -> None:
    """Everybody is linked as it links them; of ours are the values that the policy computes, and no people."""
    shutil.copytree(TWO_CRMS, folder)
    fields = (folder / "fields.yaml").read_text(encoding="utf-8")
    ours = "  create_in: {hubspot: all, salesforce: {grade: [A, B]}}"
    assert ours in fields
    (folder / "fields.yaml").write_text(fields.replace(ours, "  native_sync: identity_and_fields"), encoding="utf-8")
    relay = converge(make_both, game=NativeGame, policy=folder, **sizes)
    written = [*relay.our_writes(), *relay.org_writes()]
    assert {row["method"] for row in written} == {"update"}
    assert {name for row in written for name in row["changes"]} == COMPUTED


def test_a_hundred_edits_in_both_crms(make_both: MakeBoth) -> None:
    converge(make_both, seed=1, edits=100, people=8)


def test_a_hundred_edits_beside_hubspots_own_integration(make_both: MakeBoth, tmp_path: Path) -> None:
    beside_the_integration(make_both, tmp_path / "policy", seed=1, edits=100, people=8)


@pytest.mark.soak
@pytest.mark.parametrize("seed", [2, 3])
def test_a_thousand_edits_in_both_crms(make_both: MakeBoth, seed: int) -> None:
    """Rounds lie apart: whoever changes one field over our writes five times in an hour trips the breaker."""
    converge(make_both, seed=seed, edits=1_000, people=12, minutes_apart=20)


@pytest.mark.soak
@pytest.mark.parametrize("seed", [2, 3])
def test_a_thousand_edits_beside_hubspots_own_integration(make_both: MakeBoth, tmp_path: Path, seed: int) -> None:
    beside_the_integration(make_both, tmp_path / "policy", seed=seed, edits=1_000, people=12, minutes_apart=20)
