"""Machine reasons in words: what happened, and what a person does about it."""

from __future__ import annotations

from typing import NamedTuple

from connector.texts import say, word


class Words(NamedTuple):
    """The cause, and the remedy as a sentence."""

    cause: str
    remedy: str


_REASONS = {
    # the vendor refused a value
    "invalid_option": Words(
        say("the CRM's property has no such option"),
        say("Run `tasuki connect` to add it, or mend `values:` in fields.yaml; then retry."),
    ),
    "unknown_property": Words(say("the CRM has no such property"), say("Run `tasuki connect`, then retry.")),
    "read_only": Words(say("the CRM does not let us write this property"), say("Map the field to another property.")),
    "invalid_owner": Words(
        say("the CRM knows no such owner"), say("Give the record an active owner in the CRM, then retry.")
    ),
    "invalid_email": Words(
        say("the CRM refuses the e-mail address"), say("Correct the address in the CRM, then retry.")
    ),
    "invalid_value": Words(
        say("the CRM refuses the value"), say("Look at the property's type in the CRM, then retry.")
    ),
    "too_long": Words(
        say("the value is longer than the CRM allows"), say("Shorten the template in the policy, then retry.")
    ),
    "required_missing": Words(
        say("the CRM demands a property that is blank"), say("Fill it in the CRM or ease the demand, then retry.")
    ),
    "conflict": Words(
        say("another record has this unique value"), say("Merge the two records in the CRM, then retry.")
    ),
    "duplicate_rule": Words(
        say("a duplicate rule of the CRM knows somebody like this one"),
        say("Put the address on that record in the CRM, merge the two, or ease the rule; then retry."),
    ),
    "approval_lock": Words(
        say("the record is locked by an approval in the CRM"), say("Retry once it is approved or recalled.")
    ),
    "association_missing": Words(
        say("the record to be linked is gone from the CRM"), say("Retry once it is back, or drop it.")
    ),
    "not_found": Words(say("the record is gone from the CRM"), say("Drop it, or restore the record and retry.")),
    "always_fails": Words(
        say("the CRM answers with an error of its own whenever this record is read or written"),
        say("Ask the CRM's support about the record, then retry. Its next change tries it again."),
    ),
    "rejected": Words(say("the CRM refuses it without saying why"), say("Look at the record in the CRM, then retry.")),
    # the connection
    "token_refused": Words(
        say("the CRM no longer accepts our access token"), say("Set a new token, then `tasuki connect`.")
    ),
    "grant_dead": Words(say("the app was disconnected in the CRM"), say("Connect the account again.")),
    "missing_scopes": Words(
        say("our app lacks rights in the CRM"), say("Add the scopes that the message names to the app.")
    ),
    "forbidden": Words(say("the CRM forbids this to our app"), say("Check the app's scopes and its user's rights.")),
    "quota_day": Words(say("our share of the day's calls is used up"), say("Nothing to do: it goes on tomorrow.")),
    # deliveries
    "not_json": Words(say("the delivery is not JSON"), say("Drop it, and look at who sends it (`tasuki inbox show`).")),
    "not_a_batch": Words(say("the delivery is not a batch of events"), say("Drop it, and look at who sends it.")),
    "nested_too_deeply": Words(
        say("the delivery is nested deeper than any sender's"), say("Drop it, and look at who sends it.")
    ),
    "not_storable": Words(
        say("it says something that the database cannot hold"),
        say("Look at it with `tasuki inbox show ID --body`; then drop it."),
    ),
    "unknown_events": Words(
        say("it holds events of an unknown type or account; the others were taken"),
        say("Nothing to do, or retry after an upgrade or after connecting that account."),
    ),
    "reader_died": Words(
        say("every worker that read it died"), say("Report it with `tasuki inbox show ID`; then drop it.")
    ),
    # notices
    "address_not_set": Words(
        say("nobody set an address for it"), say("Set it with `tasuki secret set`, then `tasuki notices --retry`.")
    ),
    "not_taken": Words(
        say("the service did not take it, again and again"), say("Mend the address, then `tasuki notices --retry`.")
    ),
    "inner_address": Words(
        say("its address leads into your own network, which TASUKI_NOTICE_NETWORKS does not name"),
        say("Name the network in TASUKI_NOTICE_NETWORKS or set another address, then `tasuki notices --retry`."),
    ),
    "erased": Words(say("the person was erased"), say("Nothing to do: the text is gone with them.")),
    # drift that the policy holds
    "drift_missed_event": Words(
        say("it changed in the CRM and no event told of it"),
        say("Retry to go on writing it, or drop it to leave it as the CRM has it."),
    ),
    "drift_lost_write": Words(
        say("the CRM acknowledged our write and does not show it"),
        say("Retry to write it again, or drop it to leave it as the CRM has it."),
    ),
    "drift_human_edit": Words(
        say("a person changed what the policy computes"),
        say("Retry to let the policy's value stand, or drop it to keep the person's."),
    ),
    "drift_other_app": Words(
        say("another app or a workflow changed what the policy computes"),
        say("Let only one of them write it; then retry, or drop it to keep the other's."),
    ),
    "drift_merge": Words(
        say("records were merged and the other one's value was kept"),
        say("Retry to let the policy's value stand, or drop it to keep what the merge left."),
    ),
    "drift_normalised": Words(
        say("the CRM keeps our value in a form of its own"),
        say("Let the policy write it in that form; then retry, or drop it."),
    ),
    "drift_not_stored": Words(
        say("the CRM accepted our write and kept what it had"),
        say("Mend the likely cause in the CRM, then retry; or drop it to leave it as it is."),
    ),
    # why a CRM that said yes stored nothing
    "read_only_field": Words(
        say("the field is read-only or calculated"), say("Map the field to another property, or make it writable.")
    ),
    "missing_permission": Words(
        say("our app may not see or edit the field"), say("Give the app, or its user, the right to edit the field.")
    ),
    "unknown_choice": Words(say("the field has no such choice"), say("Run `tasuki connect` to add the choice.")),
    "forward_only": Words(
        say("the CRM lets the field move forward only"), say("Clear it in the CRM; the policy's value follows.")
    ),
    "put_back": Words(
        say("a workflow or another app changed it back at once"), say("Find who writes it in the record's history.")
    ),
    "validation_rule": Words(
        say("a rule of the CRM refused the value without saying so"), say("Look at the CRM's rules for the field.")
    ),
    # our own
    "flip_flop": Words(say("two writers kept changing it back and forth"), say("Let only one of them write it.")),
}

_OTHERWISE = say("Look at the log of the worker, mend the cause, then retry.")


def cause(reason: str) -> str:
    """What happened."""
    if reason in _REASONS:
        return _REASONS[reason].cause
    if reason.startswith("evaluation_failed_"):
        error = reason.removeprefix("evaluation_failed_")
        return say("deciding it failed again and again ({error})", error=error)
    return word(reason.replace("_", " "))


def remedy(reason: str) -> str:
    """What to do about it."""
    if reason in _REASONS:
        return _REASONS[reason].remedy
    if reason.startswith("evaluation_failed_"):
        return say(
            "The worker's log has the error (`evaluation_failed`); retry after mending the policy or an upgrade."
        )
    return _OTHERWISE
