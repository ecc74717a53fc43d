"""The ways into a stage in words; the agreement and the manual tell them alike."""

from __future__ import annotations

from collections.abc import Iterator

from connector.policy.documents.speech import Speech
from connector.policy.model import Transition


def entries(speech: Speech, stage: str) -> Iterator[str]:
    """The ways into a stage, each with its condition."""
    if stage == next(iter(speech.policy.stages)):
        yield speech.both("リードはここから始まる", "Leads begin here")
    for way in speech.policy.transitions:
        if way.target == stage:
            yield _entry(speech, way)


def _entry(speech: Speech, way: Transition) -> str:
    sources, label = "/".join(speech.stage(one) for one in way.sources), speech.of(way.label, way.id)
    words = speech.both(f"{label}({sources}から): ", f"{label} (from {sources}): ") + speech.condition(way.when)
    gate = speech.policy.gates.get(way.gate or "")
    if gate is None:
        return words
    name = speech.of(gate.label, gate.id)
    return words + speech.both(f"(「{name}」を満たすこと)", f" (and “{name}” is met)")
