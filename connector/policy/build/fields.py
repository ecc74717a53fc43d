"""fields.yaml and the ratings of scoring.yaml: canonical fields and where they live."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from connector.policy.build.context import Context
from connector.policy.build.names import scopes
from connector.policy.document import Where
from connector.policy.files.fields import FieldModel, HubSpotHome, SalesforceHome, ValueRuleModel
from connector.policy.files.scoring import RatingModel
from connector.policy.model import FieldDef, FieldType, Home, ValueRule
from connector.policy.vocabulary import Name, plain_label
from connector.texts import say

TIDY_WORDS = ("name", "email", "phone_jp", "postcode_jp", "prefecture_jp", "company_jp", "width", "domain")
_OBJECTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "hubspot": {"lead": ("contact",), "company": ("company",), "deal": ("deal",)},
    "salesforce": {
        "lead": ("Lead", "Contact", "Account"),
        "company": ("Lead", "Account", "Contact"),
        "deal": ("Opportunity",),
    },
}
_PLACE = re.compile(r"([A-Za-z]+)\.([A-Za-z][A-Za-z0-9_]*)\Z")
SHOWN = {
    "last_contact": (FieldType.MOMENT,),
    "next_task_due": (FieldType.MOMENT,),
    "next_meeting": (FieldType.MOMENT,),
    "queues": (FieldType.TEXT,),
    "attempts_in_stage": (FieldType.NUMBER,),
    "reasons": (FieldType.TEXT, FieldType.LONG_TEXT),
    "times_sent_back": (FieldType.NUMBER,),
    "refused_move": (FieldType.TEXT, FieldType.LONG_TEXT),
    "contact_limit": (FieldType.TEXT, FieldType.LONG_TEXT),
    "held_reason": (FieldType.TEXT, FieldType.LONG_TEXT),
    "sender": (FieldType.PERSON,),
    "pipeline.missing": (FieldType.TEXT, FieldType.LONG_TEXT),
}
"""What `shows:` may write beside scores and what gates lack, and the types it needs."""


def build_fields(context: Context) -> dict[str, FieldDef]:
    """Every field by canonical name, in file order, ratings last."""
    found: dict[str, FieldDef] = {}
    for scope, key, name, model, where in scopes(context):
        found[name] = _field(context, scope, key, context.vocabulary.names[name], model, where)
    for key, rating in context.files.scoring.ratings.items():
        found[key] = _rating(context, context.vocabulary.names[key], rating)
    _one_writer(context, found)
    return found


def _field(context: Context, scope: str, key: str, name: Name, model: FieldModel, where: Where) -> FieldDef:
    defaults = context.files.fields.defaults
    if model.tidy is not None:
        context.known(model.tidy, TIDY_WORDS, "way to tidy", where / "tidy")
    if model.shows is not None:
        _check_shows(context, name, model.shows, where / "shows")
    if model.renamed_from is not None:
        context.put_off("renamed_from")
    return FieldDef(
        name=name.name,
        scope=scope,
        label=name.label,
        type=FieldType(model.type),
        choices=name.choices,
        tidy=model.tidy,
        blank_as=model.blank_as,
        homes=_homes(context, scope, name, model, where),
        sync=model.sync or defaults.sync,
        wins=model.wins or defaults.wins,
        blank_overwrites=model.blank_overwrites,
        keep_first=model.keep == "first",
        rules=_rules(context, name, model.rules, where),
        shows=model.shows,
        answer=model.answer,
    )


def _rating(context: Context, name: Name, model: RatingModel) -> FieldDef:
    where = context.at("scoring") / "ratings" / name.name
    return FieldDef(
        name=name.name,
        scope="lead",
        label=name.label,
        type=FieldType.CHOICE,
        choices=name.choices,
        tidy=None,
        blank_as=None,
        homes=_homes(context, "lead", name, model, where),
        sync=model.sync or context.files.fields.defaults.sync,
        wins=context.files.fields.defaults.wins,
        blank_overwrites=False,
        keep_first=False,
        rules=_rules(context, name, model.rules, where),
        shows=None,
        answer=False,
    )


def _rules(
    context: Context, name: Name, models: Sequence[ValueRuleModel] | None, where: Where
) -> tuple[ValueRule, ...]:
    if models is None:
        return ()
    if not models:
        context.report.error(where / "rules", say("at least one rule belongs here"), reason="empty_rules")
    rules = []
    for index, model in enumerate(models):
        spot = where / "rules" / index
        value = context.scalar(name, model.value, spot / "value")
        when = context.compiler.optional(model.when, spot)
        always = model.when is None and index + 1 < len(models)
        if always and name.type is not FieldType.CHOICES:
            message = say("`{name}` is always true: the rules below it are never reached", name=model.id)
            context.report.error(spot, message, reason="unreachable_rule")
        if value is not None:
            label = model.label or name.choices.get(model.value) or plain_label(model.id)
            rules.append(ValueRule(id=model.id, label=label, when=when, value=value))
    return tuple(rules)


def _check_shows(context: Context, name: Name, shows: str, where: Where) -> None:
    scores = ("total", *context.vocabulary.scores) if context.vocabulary.scores else ()
    allowed: dict[str, tuple[FieldType, ...]] = {
        **SHOWN,
        **{f"score.{key}": (FieldType.NUMBER,) for key in scores},
        **{f"gate.{key}.missing": (FieldType.TEXT, FieldType.LONG_TEXT) for key in context.vocabulary.gates},
    }
    if not context.vocabulary.deal_stages:
        del allowed["pipeline.missing"]
    if context.known(shows, allowed, "value to show", where) and name.type not in allowed[shows]:
        types = tuple(kind.value for kind in allowed[shows])
        context.report.error(
            where,
            say("`{shows}` needs type {types}", shows=shows, types=" or ".join(types)),
            reason="shows_type",
            allowed=types,
        )


def _homes(context: Context, scope: str, name: Name, model: FieldModel | RatingModel, where: Where) -> tuple[Home, ...]:
    homes: list[Home] = []
    if model.hubspot is not None:
        places: Sequence[str] = (model.hubspot.property,)
        homes += _at_vendor(context, "hubspot", scope, name, model.hubspot, places, where / "hubspot")
    if model.salesforce is not None:
        places = model.salesforce.fields
        homes += _at_vendor(context, "salesforce", scope, name, model.salesforce, places, where / "salesforce")
    return tuple(homes)


def _at_vendor(
    context: Context,
    vendor: str,
    scope: str,
    name: Name,
    home: HubSpotHome | SalesforceHome,
    places: Sequence[str],
    where: Where,
) -> list[Home]:
    for choice in home.values:
        _known_choice(context, name, choice, where / "values" / choice)
    read_also = _read_also(context, name, home, where)
    found = (parse_place(context, vendor, scope, place, where) for place in places)
    return [
        Home(vendor=vendor, object_type=place[0], name=place[1], values=home.values, read_also=read_also)
        for place in found
        if place is not None
    ]


def _known_choice(context: Context, name: Name, choice: str, where: Where) -> None:
    allowed = ("yes", "no") if name.type is FieldType.YES_NO else tuple(name.choices)
    if choice not in allowed:
        context.report.error(
            where,
            say("`{choice}` is no choice of `{name}`", choice=choice, name=name.name),
            reason="unknown_choice",
            got=choice,
            allowed=allowed,
        )


def _read_also(context: Context, name: Name, home: HubSpotHome | SalesforceHome, where: Where) -> Mapping[str, str]:
    """Vendor value → choice; one vendor value cannot mean two choices."""
    meanings = {stored: choice for choice, stored in home.values.items()}
    found: dict[str, str] = {}
    for choice, stored_values in home.read_also.items():
        spot = where / "read_also" / choice
        _known_choice(context, name, choice, spot)
        for stored in stored_values:
            if meanings.setdefault(stored, choice) != choice:
                message = say("`{stored}` means `{meanings}` already", stored=stored, meanings=meanings[stored])
                context.report.error(spot, message, reason="ambiguous_value")
            found[stored] = choice
    return found


def parse_place(context: Context, vendor: str, scope: str, place: str, where: Where) -> tuple[str, str] | None:
    """`contact.email` → (`contact`, `email`), checked against what this scope may live in."""
    objects = _OBJECTS[vendor][scope]
    found = _PLACE.match(place)
    if found is None or found[1] not in objects:
        example = f"{objects[0]}.{'email' if vendor == 'hubspot' else 'Email'}"
        message = say(
            "`{place}` is no place for a {scope} field in {vendor}; write one such as {example}",
            place=place[:80],
            scope=scope,
            vendor=vendor,
            example=example,
        )
        got = found[1] if found is not None else place
        context.report.error(where, message, reason="bad_place", got=got, allowed=objects)
        return None
    return found[1], found[2]


def _one_writer(context: Context, fields: Mapping[str, FieldDef]) -> None:
    """One property of a vendor holds one field."""
    holders: dict[tuple[str, str, str], str] = {}
    places = {name: where for _, _, name, _, where in scopes(context)}
    for name, definition in fields.items():
        where = places.get(name, context.at("scoring") / "ratings" / name)
        for home in definition.homes:
            key = (home.vendor, home.object_type, home.name)
            if key in holders:
                message = say(
                    "`{object_type}.{name}` holds `{holders}` already",
                    object_type=home.object_type,
                    name=home.name,
                    holders=holders[key],
                )
                context.report.error(where / home.vendor, message, reason="two_writers")
            holders.setdefault(key, name)
