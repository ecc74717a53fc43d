"""Machine reasons in words: what happened, and what a person does about it."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """The cause, and the remedy as a sentence."""

    cause: str
    remedy: str


_REASONS = {
    # the vendor refused a value
    "invalid_option": Words(
        "the CRM's property has no such option",
        "Run `tasuki connect` to add it, or mend `values:` in fields.yaml; then retry.",
    ),
    "unknown_property": Words("the CRM has no such property", "Run `tasuki connect`, then retry."),
    "read_only": Words("the CRM does not let us write this property", "Map the field to another property."),
    "invalid_owner": Words("the CRM knows no such owner", "Give the record an active owner in the CRM, then retry."),
    "invalid_email": Words("the CRM refuses the e-mail address", "Correct the address in the CRM, then retry."),
    "invalid_value": Words("the CRM refuses the value", "Look at the property's type in the CRM, then retry."),
    "too_long": Words("the value is longer than the CRM allows", "Shorten the template in the policy, then retry."),
    "required_missing": Words(
        "the CRM demands a property that is blank", "Fill it in the CRM or ease the demand, then retry."
    ),
    "conflict": Words("another record has this unique value", "Merge the two records in the CRM, then retry."),
    "association_missing": Words("the record to be linked is gone from the CRM", "Retry once it is back, or drop it."),
    "not_found": Words("the record is gone from the CRM", "Drop it, or restore the record and retry."),
    "rejected": Words("the CRM refuses it without saying why", "Look at the record in the CRM, then retry."),
    # the connection
    "token_refused": Words("the CRM no longer accepts our access token", "Set a new token, then `tasuki connect`."),
    "grant_dead": Words("the app was disconnected in the CRM", "Connect the account again."),
    "missing_scopes": Words("our app lacks rights in the CRM", "Add the scopes that the message names to the app."),
    "forbidden": Words("the CRM forbids this to our app", "Check the app's scopes and its user's rights."),
    "quota_day": Words("our share of the day's calls is used up", "Nothing to do: it goes on tomorrow."),
    # deliveries
    "not_json": Words("the delivery is not JSON", "Drop it, and look at who sends it (`tasuki inbox show`)."),
    "not_a_batch": Words("the delivery is not a batch of events", "Drop it, and look at who sends it."),
    "unknown_events": Words(
        "it holds events of an unknown type or account; the others were taken",
        "Nothing to do, or retry after an upgrade or after connecting that account.",
    ),
    "reader_died": Words("every worker that read it died", "Report it with `tasuki inbox show ID`; then drop it."),
    # our own
    "flip_flop": Words("two writers kept changing it back and forth", "Let only one of them write it."),
}

_OTHERWISE = "Look at the log of the worker, mend the cause, then retry."


def cause(reason: str) -> str:
    """What happened."""
    if reason in _REASONS:
        return _REASONS[reason].cause
    if reason.startswith("evaluation_failed_"):
        return f"deciding it failed again and again ({reason.removeprefix('evaluation_failed_')})"
    return reason.replace("_", " ")


def remedy(reason: str) -> str:
    """What to do about it."""
    if reason in _REASONS:
        return _REASONS[reason].remedy
    if reason.startswith("evaluation_failed_"):
        return "The worker's log has the error (`evaluation_failed`); retry after mending the policy or an upgrade."
    return _OTHERWISE
