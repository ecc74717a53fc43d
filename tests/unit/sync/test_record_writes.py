"""Records that several leads hang on stand once in a batch; what is refused of one is left out, and nothing else."""

from __future__ import annotations

from typing import cast

from connector.store.leads import LeadRow
from connector.store.links import WriteClaim
from connector.store.mirrors import MirrorRow
from connector.sync.parcel import Parcel
from connector.sync.record_writes import RecordWrite, gathered, refuse
from connector.vendors.base import Outcome, WriteResult


def _write(lead: int, deal: str, **changes: str) -> RecordWrite:
    claim = WriteClaim(
        lead_id=lead,
        vendor_id=str(lead),
        desired_revision=2,
        dropped={},
        left_alone={},
        journal=None,
        attempts=0,
        lane="hot",
    )
    person = MirrorRow(object_type="contact", vendor_id=str(lead))
    parcel = Parcel(claim=claim, lead=cast(LeadRow, None), person=person, records=[])
    return RecordWrite(parcel, MirrorRow(object_type="deal", vendor_id=deal), changes)


def _refused(name: str | None) -> WriteResult:
    return WriteResult(id="11", outcome=Outcome.REJECTED, reason="invalid_option", property_name=name)


def test_a_deal_of_two_people_is_written_once_with_what_both_want() -> None:
    first, second, other = _write(1, "11", amount="5"), _write(2, "11", answer=""), _write(3, "12", amount="7")
    found = gathered([first, other, second])
    assert [(one.row.vendor_id, one.changes) for one in found] == [
        ("11", {"amount": "5", "answer": ""}),
        ("12", {"amount": "7"}),
    ]
    assert found[0].writes == (first, second)


def test_the_property_at_fault_alone_is_left_out_and_of_those_alone_who_want_it() -> None:
    first, second = _write(1, "11", amount="5", note="a"), _write(2, "11", answer="x")
    (update,) = gathered([first, second])
    refuse("deal", update, _refused("answer"))
    assert first.parcel.dropped == {}
    assert second.parcel.dropped == {"deal.answer": {"value": "x", "reason": "invalid_option"}}
    assert (first.parcel.retry_seconds, second.parcel.retry_seconds) == (0.0, 0.0), "the rest goes without it, at once"


def test_where_no_property_is_named_all_of_it_is_left_out() -> None:
    first, second = _write(1, "11", amount="5"), _write(2, "11", answer="x")
    (update,) = gathered([first, second])
    refuse("deal", update, _refused(None))
    assert first.parcel.dropped.keys() | second.parcel.dropped.keys() == {"deal.amount", "deal.answer"}
