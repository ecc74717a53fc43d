"""Whom a policy acts on: the leads that it applies to and, while it is on trial, the part that the trial covers. Pure.

For all others it decides as well, and is recorded, so that the two can be compared; nothing of it reaches the CRM.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connector.engine.plan import Plan
    from connector.engine.view import LeadView


def acts_on(plan: Plan, view: LeadView) -> bool:
    """True when the policy may act on this lead. What is not known yet does not let it."""
    policy = plan.policy
    if policy.applies_to is not None and policy.applies_to.test(view) is not True:
        return False
    trial = policy.trial
    if trial is None:
        return True
    if trial.when is not None and trial.when.test(view) is not True:
        return False
    return trial.share is None or share_of(view.lead.id) < trial.share


def share_of(lead_id: int) -> float:
    """Where a lead stands between 0 and 1: for ever the same, and evenly spread. A larger share keeps whom it had."""
    digest = blake2b(lead_id.to_bytes(8, "big", signed=True), digest_size=4, person=b"trial").digest()
    return int.from_bytes(digest, "big") / 2**32
