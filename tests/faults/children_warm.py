"""Loaded once in the process from which children are forked: everything that a worker would load at its start."""

import gc

from connector.engine.plan import prepare
from connector.policy.loader import load_policy
from tests.faults import children
from tests.faults.jobs import worker_process

__all__ = ["worker_process"]

_policy = load_policy(children.POLICY)
_plan = children._PLANS[_policy.hash] = prepare(_policy)
_ = _plan.program  # written when it is first needed, which each child would do anew
gc.collect()
gc.freeze()  # what is loaded stays where it is: children would copy what their collections touch
