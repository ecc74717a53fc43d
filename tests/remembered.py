"""What hundreds of tests ask again, answered once a process: what a YAML file says, and whether a policy's examples
hold. Both hang on the contents alone; what they answer is proven where `read` and `run_examples` are called directly.
"""

from __future__ import annotations

from functools import lru_cache

import pytest

from connector.cli import check
from connector.engine.examples import Outcome, run_examples
from connector.engine.plan import Plan
from connector.policy import loader
from connector.policy.document import read
from connector.sync import activate

_MOST_FILES = 256
_MOST_POLICIES = 64


def remember(patch: pytest.MonkeyPatch) -> None:
    """From now on nothing is read or tried twice."""
    patch.setattr(loader, "read", lru_cache(_MOST_FILES)(read))
    outcomes: dict[tuple[str, str], Outcome] = {}

    def tried(plan: Plan) -> Outcome:
        key = plan.policy.hash, plan.policy.name
        if key not in outcomes:
            if len(outcomes) == _MOST_POLICIES:
                outcomes.clear()
            outcomes[key] = run_examples(plan)
        return outcomes[key]

    for module in (activate, check):
        patch.setattr(module, "run_examples", tried)
