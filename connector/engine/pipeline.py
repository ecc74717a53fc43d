"""What a deal must hold to stand where it stands, and what of it is missing. Pure.

A stage asks for what the stages before it ask for, whether the deal stood in them or skipped them. A stage of no hope
(probability 0: lost) stands beside the line: it asks for its own alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from connector.domain.value import BLANK, is_known
from connector.engine.gates import labels
from connector.policy.model import Pipeline

if TYPE_CHECKING:
    from connector.engine.view import LeadView

STAGE = "deal.stage"


def stage_of(view: LeadView) -> str | None:
    """The policy's stage in which the lead's deal stands; None: it has no deal, or none that the policy knows."""
    pipeline, stage = view.policy.pipeline, view.value(STAGE)
    return stage if pipeline is not None and isinstance(stage, str) and stage in pipeline.stages else None


def is_closed(view: LeadView) -> bool:
    """True when the lead's deal is won or lost, in whatever round of the lead's that came about."""
    pipeline, stage = view.policy.pipeline, view.lead.fact(STAGE).value
    known = pipeline.stages.get(stage) if pipeline is not None and isinstance(stage, str) else None
    return known is not None and known.probability in (0.0, 1.0)


def is_open(view: LeadView) -> bool:
    """True when the lead has a deal that is neither won nor lost."""
    return is_known(view.lead.fact(STAGE).value) and not is_closed(view)


def is_past(view: LeadView) -> bool:
    """True when the deal was closed before the lead came back: it belongs to that round and says nothing of this."""
    came_back = view.entry.came_back_at if view.entry is not None else None
    if came_back is None or not is_closed(view):
        return False
    closed_at = view.lead.fact(STAGE).changed_at
    return closed_at is None or closed_at <= came_back


def missing(view: LeadView) -> tuple[str, ...]:
    """The fields that the deal's stage asks for and that are blank; what nobody has read yet is not missing.

    An answer that has been used still stands on the deal, and is not missing there.
    """
    pipeline, stage = view.policy.pipeline, stage_of(view)
    if pipeline is None or stage is None:
        return ()
    held = view.as_held()
    return tuple(name for name in dict.fromkeys(_asked(held, pipeline, stage)) if held.value(name) is BLANK)


def told(view: LeadView) -> str:
    """The same by labels, for people; empty when nothing is missing."""
    gaps = missing(view)
    return labels(view, gaps) if gaps else ""


def _asked(view: LeadView, pipeline: Pipeline, stage: str) -> Iterator[str]:
    if pipeline.stages[stage].probability == 0.0:
        yield from pipeline.stages[stage].required
    else:
        for name, one in pipeline.stages.items():
            if one.probability > 0.0:
                yield from one.required
            if name == stage:
                break
    for also in pipeline.also:
        if also.when.test(view) is True:
            yield from also.required
