"""What hangs on a lead and fails waits by itself: longer each time, then for a person, and for this very record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

from connector.store.leads import LeadRow
from connector.store.links import WriteClaim
from connector.store.mirrors import MirrorRow
from connector.store.outstanding import Setback
from connector.sync import aside
from connector.sync.parcel import Parcel
from connector.sync.stumbling import Tried

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


def _parcel(failing: dict[str, Any] | None = None) -> Parcel:
    claim = WriteClaim(
        lead_id=1,
        vendor_id="7",
        desired_revision=2,
        dropped={},
        left_alone={},
        journal=None,
        attempts=0,
        lane="hot",
        failing=failing or {},
    )
    person = MirrorRow(object_type="contact", vendor_id="7")
    return Parcel(claim=claim, lead=cast(LeadRow, None), person=person, records=[], failing=dict(claim.failing))


def _fail(parcel: Parcel, at: datetime, *, seconds: float = 60.0, stumbled: bool = True, parked: bool = False) -> None:
    aside.note(parcel, "deal", "11", Setback(seconds=seconds, stumbled=stumbled, parked=parked), at)


def test_what_failed_waits_for_its_time_and_only_it() -> None:
    parcel = _parcel()
    assert aside.may_go(parcel, "deal", "11", NOW)
    _fail(parcel, NOW)
    assert (parcel.aside_seconds, parcel.retry_seconds) == (60.0, None), "the lead's own record does not wait"
    later = _parcel(parcel.failing)
    assert not aside.may_go(later, "deal", "11", NOW + timedelta(seconds=20))
    assert later.aside_seconds == 40.0, "it is taken up again then"
    assert aside.may_go(_parcel(parcel.failing), "deal", "11", NOW + timedelta(seconds=60))
    assert aside.may_go(later, "company", "11", NOW)
    assert aside.may_go(later, "deal", "12", NOW), "another deal knows nothing of it"


def test_failures_add_up_until_it_gets_further() -> None:
    parcel = _parcel()
    _fail(parcel, NOW)
    _fail(parcel, NOW + timedelta(minutes=1), stumbled=False)
    assert aside.tried(parcel, "deal", "11") == Tried(attempts=2, stumbles=1, since=NOW)
    assert aside.tried(parcel, "deal", "12") == Tried()
    aside.forget(parcel, "deal")
    assert aside.tried(parcel, "deal", "11") == Tried()


def test_what_is_parked_waits_for_nobody_and_nobody_for_it() -> None:
    parcel = _parcel()
    _fail(parcel, NOW, parked=True)
    assert not parcel.waits
    later = _parcel(parcel.failing)
    assert not aside.may_go(later, "deal", "11", NOW + timedelta(days=9))
    assert not later.waits
