"""Loaded once in the process from which children are forked: everything that a worker would load at its start."""

from connector.engine.plan import prepare
from connector.policy.loader import load_policy
from tests.faults import children
from tests.faults.jobs import worker_process

__all__ = ["worker_process"]

_policy = load_policy(children.POLICY)
children._PLANS[_policy.hash] = prepare(_policy)
