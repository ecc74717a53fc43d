"""What provisioning finds and cannot mend."""

from __future__ import annotations

from collections.abc import Iterator

from connector.policy.model import Policy
from connector.texts import say
from connector.vendors.base import ActivityKind, Lane
from connector.vendors.hubspot.activities import ACTIVITIES
from connector.vendors.hubspot.client import HubSpotVendor
from connector.vendors.hubspot.enrolling import LIST, SEQUENCE
from connector.vendors.hubspot.wanted import source_lists
from connector.vendors.outcomes import outcome_values
from connector.vendors.provisioning import Problem, enrolments

_ACTIVITY, _OUTCOME = "activity", "outcome"
NO_SEQUENCES = "no_sequences"
_USERS_ASKED = 10
"""Not everybody has a seat: so many people are asked for their sequences."""


def outcome_problems(policy: Policy, vendor: HubSpotVendor) -> Iterator[Problem]:
    """Outcomes of activities that the policy names and the portal does not have: they never count."""
    named = list(_named(policy))
    labels = vendor.activity_outcomes() if named else {}
    for signal_id, kind, word in named:
        if outcome_values(ACTIVITIES, labels, kind, word):
            continue
        listed = ", ".join(labels.get(kind, {}).values()) or say("none at all")
        yield Problem(
            severity="warning",
            object_type=kind.value,
            property_name=_OUTCOME,
            reason="outcome_unknown",
            message=say(
                "No outcome of {kind}s in HubSpot is called {word} (signal {signal_id}): it has {listed}.",
                kind=kind.value,
                word=word,
                signal_id=signal_id,
                listed=listed,
            ),
        )


def list_problems(policy: Policy, vendor: HubSpotVendor) -> Iterator[Problem]:
    """Lists that are no good for what the policy does with them."""
    for name in enrolments(policy, LIST):
        found = vendor.enroller.find_list(name, lane=Lane.BACKGROUND)
        if found is not None and not found.static:
            message = say(
                "The list {name} is an active one, which HubSpot fills itself: name a static list to enrol in.",
                name=name,
            )
            yield _problem("error", "list", name, "list_not_static", message)
    for signal_id, name in source_lists(policy):
        if vendor.enroller.find_list(name, lane=Lane.BACKGROUND) is None:
            message = say(
                "HubSpot has no list {name} (signal {signal_id}): it never comes until you make one.",
                name=name,
                signal_id=signal_id,
            )
            yield _problem("warning", "list", name, "list_missing", message)


def sequence_problems(policy: Policy, vendor: HubSpotVendor) -> Iterator[Problem]:
    """The policy starts sequences, and nobody here may."""
    names = enrolments(policy, SEQUENCE)
    if not names:
        return
    users = [one.user_id for one in vendor.owners() if one.active and one.user_id is not None]
    if not vendor.enroller.has_sequences(users[:_USERS_ASKED]):
        message = say(
            "No sequences can be started here ({names}): no seat of Sales or Service Hub Professional, or the app "
            "lacks the scopes automation.sequences.read and automation.sequences.enrollments.write. Tasks take "
            "their place.",
            names=", ".join(names),
        )
        yield _problem("warning", "sequence", names[0], NO_SEQUENCES, message)


def _problem(severity: str, object_type: str, name: str, reason: str, message: str) -> Problem:
    return Problem(severity=severity, object_type=object_type, property_name=name, reason=reason, message=message)


def _named(policy: Policy) -> Iterator[tuple[str, ActivityKind, str]]:
    for signal in policy.signals.values():
        for source in signal.sources:
            if source.kind == _ACTIVITY:
                for kind in source.match:
                    for word in source.where.get(_OUTCOME, ()):
                        yield signal.id, ActivityKind(kind), word
