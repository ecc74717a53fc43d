"""Several policies: who takes which leads, what clashes, and what is read for all of them."""

from __future__ import annotations

from collections.abc import Mapping

from connector.policy.loader import load_policy_from
from connector.policy.model import Policy
from connector.policy.together import clashes
from connector.policy.united import own_signals, split_kind, united

FIELDS = """\
lead:
  email: {label: Mail, type: email, hubspot: contact.email}
  unit: {label: Unit, type: choice, choices: {cloud: Cloud, other: Other}, hubspot: contact.unit}
"""
SIGNALS = "signals: {inquiry: {label: Inquiry, from: [{hubspot_form: [%s]}]}}\n"
BAND = """\
ratings:
  band:
    label: Band
    choices: {%s}
    rules: [{id: band_all, value: hot}]
    hubspot: contact.tasuki_band
"""


def policy(name: str, applies_to: str = "all", **files: str) -> Policy:
    """A small policy with these files besides."""
    every: Mapping[str, str] = {
        "policy": f"policy: {name}\nlanguage: en\ntime_zone: UTC\napplies_to: {applies_to}\n",
        "fields": FIELDS,
        "scoring": BAND % "hot: Hot",
        **files,
    }
    return load_policy_from({f"{stem}.yaml": text.encode() for stem, text in every.items()})


def reasons(*policies: Policy) -> list[str]:
    return [one.reason for one in clashes(policies) if one.reason != "order"]


def errors(*policies: Policy) -> list[str]:
    return [one.reason for one in clashes(policies) if not one.note]


def test_one_policy_has_nothing_to_clash_with() -> None:
    assert clashes([policy("cloud")]) == []


def test_the_order_says_who_takes_which_leads() -> None:
    found = clashes([policy("cloud", "{unit: cloud}"), policy("rest")])
    told = [one.message for one in found if one.reason == "order"]
    assert told == [
        "1. cloud takes the leads that are left of which it is true that: Unit is Cloud",
        "2. rest takes every lead that is left.",
    ]


def test_behind_a_policy_that_takes_everybody_none_is_left() -> None:
    assert errors(policy("rest"), policy("cloud", "{unit: cloud}")) == ["never_taken"]
    assert errors(policy("cloud", "{unit: cloud}"), policy("cloud")) == ["same_name"]


def test_of_two_with_one_name_nothing_but_that_is_an_error() -> None:
    found = clashes([policy("cloud"), policy("cloud")])
    assert [one.message for one in found if not one.note] == [
        "Two of them are called cloud: give one another `policy:` in policy.yaml."
    ]
    assert errors(policy("cloud", "{unit: cloud}"), policy("cloud", "{unit: other}"), policy("rest")) == ["same_name"]
    assert errors(policy("cloud"), policy("rest"), policy("cloud")) == ["same_name", "never_taken"]


def test_what_policies_move_does_not_decide_whose_a_lead_is() -> None:
    for line in ("{stage: lead}", "{hot: 1}", "{owner: known}"):
        files = {
            "lifecycle": "stages: {lead: {label: Lead}}\n",
            "scoring": "scores: {fit: {rules: [{id: r, when: {email: known}, points: 1}]}}\n",
            "fields": FIELDS
            + "  hot: {label: Hot, type: number, rules: [{id: h, when: {score.fit: {at_least: 1}}, value: 1}]}\n",
        }
        assert errors(policy("cloud", line, **files), policy("rest", **files)) == ["reach_moves"], line
    counted = policy("cloud", "{signal.inquiry: {at_least: 1}}", signals=SIGNALS % "a")
    assert errors(counted, policy("rest")) == []


def test_a_property_that_is_written_is_one_thing_in_both() -> None:
    one = policy("cloud", "{unit: cloud}", scoring=BAND % "hot: Hot")
    assert reasons(one, policy("rest", scoring=BAND % "hot: Heiß")) == ["property_shared"]
    assert errors(one, policy("rest", scoring=BAND % "hot: Hot, low: Low")) == ["property_differs"]
    number = FIELDS.replace("type: choice, choices: {cloud: Cloud, other: Other}", "type: text")
    assert errors(one, policy("rest", fields=number)) == ["property_differs"]
    only_read = number.replace("type: text, hubspot: contact.unit", "type: text, sync: no, hubspot: contact.unit")
    reading = policy("cloud", "{unit: cloud}", fields=FIELDS.replace("contact.unit", "contact.unit, sync: no"))
    assert errors(reading, policy("rest", fields=only_read)) == [], "nobody writes it"


def test_a_stage_and_a_pool_mean_the_same_in_both() -> None:
    stages = "stages: {%s: {label: X}}\nstored_as: [{hubspot: contact.lifecyclestage, values: {%s: {create: %s}}}]\n"
    routing = "pools: {sdr: {label: SDR, members: {hubspot_team: %s}}}\nrules: []\n"
    one = policy("cloud", "{unit: cloud}", lifecycle=stages % ("sal", "sal", "SAL"), routing=routing % "Inside")
    other = policy("rest", lifecycle=stages % ("sal", "sal", "Accepted"), routing=routing % "Outside")
    assert errors(one, other) == ["stage_differs", "people_differ"]
    assert errors(one, policy("rest", lifecycle=stages % ("sal", "sal", "SAL"), routing=routing % "Inside")) == []


def test_the_same_id_for_different_rules_is_a_note() -> None:
    work = "rules: [{id: call, on: {signal: inquiry}, do: [{task: {kind: %s, to: owner, due: 1d, title: x}}]}]\n"
    one = policy("cloud", "{unit: cloud}", signals=SIGNALS % "a", work=work % "call")
    other = policy("rest", signals=SIGNALS % "b", work=work % "mail")
    assert reasons(one, other) == ["property_shared", "signal_differs", "id_differs"]
    assert errors(one, other) == []
    assert reasons(one, policy("rest", signals=SIGNALS % "a", work=work % "call")) == ["property_shared"]


def test_what_is_read_for_all_is_what_any_of_them_reads() -> None:
    one = policy("cloud", "{unit: cloud}", signals=SIGNALS % "a")
    more = (
        FIELDS.replace("contact.unit", "contact.division") + "  zip: {label: Zip, type: text, hubspot: contact.zip}\n"
    )
    other = policy("rest", fields=more, signals=SIGNALS % "b")
    reading = united([one, other])
    homes = {home.name for definition in reading.fields.values() for home in definition.homes}
    assert homes == {"email", "unit", "division", "zip", "tasuki_band"}
    assert {name: found.sources[0].match for name, found in reading.signals.items()} == {
        "cloud:inquiry": ("a",),
        "rest:inquiry": ("b",),
    }
    assert own_signals([one, other], one) == {"inquiry"}
    assert united([one]) is one
    assert set(united([one, policy("rest", signals=SIGNALS % "a")]).signals) == {"inquiry"}


def test_the_name_of_a_signal_tells_whose_it_is() -> None:
    assert split_kind("inquiry") == (None, "inquiry")
    assert split_kind("b2b-ja:inquiry") == ("b2b-ja", "inquiry")
