"""What `tasuki doctor` says of fields: what is only read is told once and is no trouble."""

from __future__ import annotations

from connector.cli.doctor_checks import State, not_connected, of_fields
from connector.store.connections import ConnectionRow
from connector.vendors.provisioning import READ_ONLY, Problem, ProvisionPlan

OPTED_OUT = "contact.hs_email_optout"


def row() -> ConnectionRow:
    return ConnectionRow(
        installation_id=1,
        id=1,
        vendor="hubspot",
        account_id="4711",
        base_url="",
        status="active",
        paused_reason=None,
        paused_until=None,
        paused_at=None,
        capabilities={"read_only": [OPTED_OUT]},
        settings={},
        stage_values={},
    )


def plan(severity: str, reason: str = READ_ONLY) -> ProvisionPlan:
    problem = Problem(
        severity=severity, object_type="contact", property_name="hs_email_optout", reason=reason, message="It is so."
    )
    return ProvisionPlan(steps=(), problems=(problem,), stage_values={}, keyed=(), asked=(OPTED_OUT,))


def test_what_is_only_read_is_told_once_and_is_no_trouble() -> None:
    found = list(of_fields({"b2b-ja": plan("warning"), "rest": plan("warning")}, row(), "hubspot 4711"))
    assert {one.state for one in found} == {State.OK}
    assert [one.says for one in found] == [
        "b2b-ja has all that it needs",
        "rest has all that it needs",
        f"read and never written, as nobody may write it there: {OPTED_OUT}",
    ]


def test_what_the_policy_computes_and_nobody_may_write_is_an_error() -> None:
    (found, _) = of_fields({"b2b-ja": plan("error")}, row(), "hubspot 4711")
    assert (found.state, found.says) == (State.ERROR, "It is so.")


def test_other_warnings_stay_warnings_and_what_was_freed_is_told() -> None:
    found, freed = of_fields({"b2b-ja": plan("warning", "list_missing")}, row(), "hubspot 4711")
    assert found.state is State.WARNING
    assert (freed.state, "may be written by now" in freed.says) == (State.ERROR, True)


def test_another_portal_than_the_connected_one_is_named_beside_it() -> None:
    found = not_connected("hubspot", ["12345678"])
    assert (found.state, "connected is 12345678" in found.says) == (State.ERROR, True)
    assert "TASUKI_HUBSPOT_PORTAL_ID" in found.remedy
    assert not_connected("salesforce", []).says == "not connected yet"
