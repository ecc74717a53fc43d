"""Every lead goes straight to sales: no way out of the first stage looks at a score.

Where nothing is asked between a lead and an MQL or SQL, sales calls people who only wanted a brochure, gives up on
leads from marketing altogether, and the hot ones wait in the same pile.

    transitions:
      - {id: to_mql, from: [lead], to: mql, when: {email: known}}     # deserves it
      - {id: to_mql, from: [lead], to: mql, when: {band: hot}}        # does not: `band` reads scores
"""

from __future__ import annotations

from collections.abc import Iterator

from connector.policy.advice.rule import Rule, main_line, reads
from connector.policy.model import Policy


def _deserves(policy: Policy) -> Iterator[str]:
    line = main_line(policy)
    ways = [way for way in policy.transitions if line and line[0] in way.sources and way.target in line[1:]]
    if any(name.startswith("score.") for way in ways for name in reads(policy, way.when)):
        return
    yield from (way.id for way in ways)


ADVICE = Rule(
    id="everything_to_sales",
    says={
        "ja": "点数を見ずに営業側の段階へ進めています。見込みの薄いリードが続くと、営業は信用しなくなります。",
        "en": "Leads reach sales without any score between. Sales calls who is not ready, and stops trusting leads.",
    },
    do={
        "ja": "scoring.yaml に点数を作り、最初の段階から進む条件に温度や合計点を入れてください。",
        "en": "Score leads in scoring.yaml and let the way out of the first stage read a rating or the total.",
    },
    deserves=_deserves,
)
