"""What a write went over unseen: somebody's edit after our look, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from connector.store.mirrors import MirrorRow
from connector.sync import mirror, overtaking
from connector.sync.overtaking import note_overtaken, unseen
from connector.vendors.base import Record

READ = datetime(2026, 11, 24, 9, 0, 0, tzinfo=UTC)
EDITED = datetime(2026, 11, 24, 9, 0, 2, tzinfo=UTC)


def _same(name: str, one: str | None, other: str | None) -> bool:
    return (one or "").lower() == (other or "").lower()


def _row(properties: dict[str, str | None], meta: dict[str, dict[str, Any]] | None = None) -> MirrorRow:
    return MirrorRow(
        object_type="Lead",
        vendor_id="1",
        properties=dict(properties),
        meta={name: dict(told) for name, told in (meta or {}).items()},
        modified_at=READ,
    )


def _before(**properties: str | None) -> Record:
    return Record(object_type="Lead", id="1", properties=properties, modified_at=EDITED)


def test_only_what_somebody_else_changed_after_our_look_was_overtaken() -> None:
    known = _row(
        {"Edited": "a", "Blanked": "a", "Still": "a", "Agreed": "a", "Ours": "a"},
        {"Ours": {"sent": "b", "got": "a"}},
    )
    sent = dict.fromkeys((*known.properties, "Unread", "Hidden"), "c")
    before = _before(Edited="x", Blanked=None, Still="A", Agreed="c", Ours="b", Unread="x")
    assert unseen(known, sent, before, _same) == {"Edited": "x", "Blanked": None}
    assert unseen(known, sent, None, _same) == {}


def test_an_overtaken_edit_stands_for_the_rules_until_they_have_decided() -> None:
    known = _row({"Title": "a"})
    row, before = _row({"Title": "a"}), _before(Title="x")
    note_overtaken(row, known, unseen(known, {"Title": "c"}, before, _same), before, now=EDITED, same=_same)
    mirror.wrote(row, {"Title": "c"}, _before(Title="c"), now=EDITED, same=_same)
    assert overtaking.overtaken(row) == {"Title": "x"}
    assert mirror.fact(row, "Title", _same).raw == "x"
    standing = mirror.standing(row, "Title", _same)
    assert (standing.after, standing.until, standing.overtaken) == (READ, EDITED, True)
    assert row.properties["Title"] == "c", "that is what stands in the CRM"
    mirror.wrote(row, {"Title": "x"}, _before(Title="x"), now=EDITED, same=_same)
    assert overtaking.overtaken(row) == {}
    assert mirror.standing(row, "Title", _same).after == READ, "put back, it keeps the moment of the edit"


def test_who_it_was_is_kept_where_a_read_told_meanwhile() -> None:
    known = _row({"Title": "a"})
    seen = {"v": "x", "at": "2026-11-24T09:00:01+00:00", "by": "vendor", "src": "IMPORT", "noted": "…"}
    row, before = _row({"Title": "x"}, {"Title": {"seen": seen}}), _before(Title="x")
    note_overtaken(row, known, {"Title": "x"}, before, now=EDITED, same=_same)
    assert row.meta["Title"] == {"overtaken": {name: one for name, one in seen.items() if name != "noted"}}
