"""Chapters of the manual on data: the hand-over, the pipeline, who writes which field, moving stages by hand."""

from __future__ import annotations

from collections.abc import Iterator

from connector.policy.documents.blocks import Bullets, Facts, Paragraph, Part, part, table
from connector.policy.documents.doings import Doings
from connector.policy.documents.speech import VENDORS, Speech
from connector.policy.model import FieldDef


def handoff(doings: Doings) -> Part | None:
    """What must be known before a lead is handed over, and what field sales receives."""
    speech, both, policy = doings.speech, doings.speech.both, doings.speech.policy
    below = []
    for gate in policy.gates.values():
        rows = [(both("必ず聞く", "Always ask"), speech.names(gate.required))] if gate.required else []
        rows += [(both("どれか1つは聞く", "Ask at least one of"), speech.names(group)) for group in gate.required_any]
        if gate.wanted:
            rows.append((both("聞けるとよい", "Ask if you can"), speech.names(gate.wanted)))
        if gate.if_missing:
            rows.append((both("足りないとき", "When something is missing"), "\n".join(doings.actions(gate.if_missing))))
        below.append(part(speech.of(gate.label, gate.id), Facts(rows=tuple(rows))))
    return part(both("引き渡し", "Hand-over"), parts=[*below, _deal(doings)])


def _deal(doings: Doings) -> Part | None:
    speech, both, deal = doings.speech, doings.speech.both, doings.speech.policy.create_deal
    if deal is None:
        return None
    existing = {
        "reuse": ("作らず、そこに足す", "none is made; it is added to"),
        "create": ("それでも新しく作る", "another one is made"),
        "refuse": ("作らない", "none is made"),
    }
    rows = [
        (both("作られる時", "Made when"), doings.events(deal.on)),
        (both("商談の名前", "Its name"), doings.text(deal.title)),
        (both("始まりの段階", "Begins in"), speech.stage(f"deal.{deal.stage}")),
        (both("仮の金額", "Amount for now"), speech.money(deal.amount) if deal.amount is not None else ""),
        (both("進行中の商談があるとき", "With an open deal"), both(*existing[deal.if_open_deal])),
        (both("引き継ぎメモの内容", "The note holds"), speech.names(deal.packet)),
    ]
    return part(both("自動で作られる商談", "The deal that is made"), Facts(rows=tuple(row for row in rows if row[1])))


def pipeline(doings: Doings) -> Part | None:
    """Stages of a deal with what each requires."""
    speech, both, found = doings.speech, doings.speech.both, doings.speech.policy.pipeline
    if found is None:
        return None
    rows = [
        (
            speech.of(stage.label, stage.id),
            f"{stage.probability * 100:g}%",
            speech.department(stage.owner),
            speech.names(stage.required),
        )
        for stage in found.stages.values()
    ]
    heads = (
        both("商談の段階", "Stage"),
        both("見込み", "Probability"),
        both("担当", "Department"),
        both("この段階で加わる必須項目", "Required here"),
    )
    also = [
        both(
            f"「{speech.condition(more.when)}」なら、{speech.names(more.required)}も必須",
            f"If {speech.condition(more.when)}: {speech.names(more.required)} too",
        )
        for more in found.also
    ]
    facts = (
        [(both("足りないとき", "When something is missing"), "\n".join(doings.actions(found.if_missing)))]
        if found.if_missing
        else []
    )
    return part(
        both(
            f"商談の進め方({speech.of(found.label, 'pipeline')})",
            f"The pipeline ({speech.of(found.label, 'pipeline')})",
        ),
        table(heads, rows),
        Bullets(items=tuple(also)),
        Facts(rows=tuple(facts)),
    )


def fields(doings: Doings) -> Part | None:
    """Which fields the product writes, and which a person must fill."""
    speech, both, policy = doings.speech, doings.speech.both, doings.speech.policy
    needed = dict(_needed(speech))
    mine = [
        (speech.of(field.label, field.name), _places(field), needed[field.name], _choices(speech, field))
        for field in policy.fields.values()
        if field.name in needed and not field.computed
    ]
    written = [
        (
            speech.of(field.label, field.name),
            _places(field),
            speech.shown(field.shows) if field.shows else both("規則で決まる", "decided by rules"),
        )
        for field in policy.fields.values()
        if field.computed
    ]
    person = (
        both("項目", "Field"),
        both("CRMでの場所", "Where"),
        both("なぜ要るか", "What for"),
        both("選択肢", "Choices"),
    )
    product = (both("項目", "Field"), both("CRMでの場所", "Where"), both("書かれる値", "What is written"))
    hold = both(
        "自動の値を手で直すと、しばらくその値が守られる。説明なしに元へ戻すことはない。",
        "A value that you change by hand is kept for a while; it is never put back in silence.",
    )
    return part(
        both("項目: 人が書くもの、製品が書くもの", "Fields: yours and the product's"),
        parts=(
            part(both("人が書く項目", "Filled in by people"), table(person, mine)),
            part(
                both("製品が書く項目", "Written by the product"),
                table(product, written),
                Paragraph(text=hold) if written else None,
            ),
        ),
    )


def _needed(speech: Speech) -> Iterator[tuple[str, str]]:
    """Every field that decides or is required, with what for; the first purpose found."""
    found: dict[str, list[str]] = {}
    policy, both = speech.policy, speech.both
    for gate in policy.gates.values():
        for name in (*gate.required, *(one for group in gate.required_any for one in group), *gate.wanted):
            found.setdefault(name, []).append(speech.of(gate.label, gate.id))
    for way in policy.transitions:
        for name in sorted(way.when.names & policy.fields.keys()):
            found.setdefault(name, []).append(speech.of(way.label, way.id))
    if policy.pipeline is not None:
        for stage in policy.pipeline.stages.values():
            for name in stage.required:
                found.setdefault(name, []).append(
                    both(
                        f"商談「{speech.of(stage.label, stage.id)}」",
                        f"deal stage “{speech.of(stage.label, stage.id)}”",
                    )
                )
        for more in policy.pipeline.also:
            for name in more.required:
                found.setdefault(name, []).append(speech.condition(more.when))
    for name, purposes in found.items():
        yield name, speech.joined(dict.fromkeys(purposes))


def _places(field: FieldDef) -> str:
    return "\n".join(f"{VENDORS[home.vendor]}: {home.object_type}.{home.name}" for home in field.homes)


def _choices(speech: Speech, field: FieldDef) -> str:
    return speech.joined(speech.of(label, key) for key, label in field.choices.items())


def by_hand(doings: Doings) -> Part | None:
    """What a person may do by moving the stage."""
    speech, both, policy = doings.speech, doings.speech.both, doings.speech.policy
    if not policy.stages:
        return None
    moves = policy.manual_moves
    refused = {
        "restore_and_tell_owner": ("元へ戻し、担当者に知らせる", "it is put back and the owner is told"),
        "restore": ("元へ戻す", "it is put back"),
        "keep": ("そのままにする", "it is left as it is"),
    }
    rows = [
        (
            both("先へ進める", "Forward"),
            both("できる。関門のある段階へは関門を満たすこと。", "Allowed; a gate on the way must be met.")
            if moves.forward == "allowed"
            else both("できない", "Refused"),
        ),
        (both("戻す", "Backward"), _move(speech, moves.backward_allowed, moves.backward_needs)),
        (both("本流の外へ出す", "To the side"), _move(speech, moves.to_side_allowed, moves.to_side_needs)),
        (both("許されない移動", "A move that is refused"), both(*refused[moves.refused])),
    ]
    said = both(
        "人が動かした段階は、その後に新しい出来事(行動、項目の変更、期日)があるまで守られる。",
        "A stage that a person chose stays until something new happens: a behaviour, a changed field, a date.",
    )
    return part(both("段階を手で動かすとき", "Moving a stage by hand"), Facts(rows=tuple(rows)), Paragraph(text=said))


def _move(speech: Speech, allowed: bool, needs: str | None) -> str:
    if not allowed:
        return speech.both("できない", "Refused")
    if needs is None:
        return speech.both("できる", "Allowed")
    what = speech.both("理由", "a reason") if needs == "reason" else speech.name(needs)
    return speech.both(f"{what}を書けばできる", f"Allowed when {what} is given")
