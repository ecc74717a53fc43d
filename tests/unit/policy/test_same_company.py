"""`identity.same_company`: what may stand there."""

from __future__ import annotations

import pytest

from tests.unit.policy.folders import FIELDS, SMALL, checked

COMPANY = """\
company:
  site: {label: サイト, type: domain, tidy: domain, salesforce: [Lead.Website, Account.Website]}
  name: {label: 社名, type: text, tidy: company_jp, salesforce: [Lead.Company, Account.Name]}
  legal_name: {label: 登記名, type: text, salesforce: [Account.LegalName__c]}
  portal: {label: ポータル, type: domain, hubspot: company.domain}
"""


def _reasons(identity: str) -> list[tuple[str, str | None]]:
    fields = FIELDS.replace("company:\n", COMPANY)
    policy, problems = checked({**SMALL, "fields.yaml": f"identity: {identity}\n{fields}"})
    assert (policy is None) is bool(problems)
    return [(one.reason, one.nearest) for one in problems]


def test_fields_that_the_lead_and_its_account_have() -> None:
    assert _reasons("{same_company: [site, name], not_employers: [gmail.com]}") == []
    assert _reasons("{same_company: name}") == [], "a name is in no address"


@pytest.mark.parametrize(
    ("same_company", "reason"),
    [
        ("[site]", "missing_key"),
        ("[nane]", "unknown_reference"),
        ("[last_name]", "not_of_company"),
        ("[employees]", "bad_type"),
        ("[legal_name]", "no_home"),
        ("[portal]", "no_home"),
    ],
)
def test_what_finds_no_company_is_an_error(same_company: str, reason: str) -> None:
    listed = "" if reason == "missing_key" else ", not_employers: [gmail.com]"
    found = _reasons(f"{{same_company: {same_company}{listed}}}")
    assert reason in [one for one, _ in found], found
    if reason == "unknown_reference":
        assert found[0][1] == "name"
