"""Texts only substitute named values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.policy.templates import Template, TemplateFault


def test_values_are_put_in_as_text() -> None:
    template = Template.parse("{company_name} {deal.amount}円 {{not a name}} {company_name}")
    assert template.names == ("company_name", "deal.amount")
    values = {"company_name": "{last_name}<b>", "deal.amount": "100"}
    assert template.render(values.__getitem__) == "{last_name}<b> 100円 {not a name} {last_name}<b>"


@pytest.mark.parametrize(
    "text", ["{", "}", "a {b", "{a b}", "{}", "{a.}", "{A}", "{a!r}", "{a:>9}", "{a[0]}", "{a.__x}}"]
)
def test_what_is_no_name_in_braces(text: str) -> None:
    with pytest.raises(TemplateFault):
        Template.parse(text)


@given(st.text())
def test_any_text_survives_with_its_braces_doubled(text: str) -> None:
    doubled = text.replace("{", "{{").replace("}", "}}")
    template = Template.parse(doubled)
    assert template.names == ()
    assert template.render(pytest.fail) == text
