"""fields.yaml, `identity`: who is the same lead, to which company it belongs, what a new employer means."""

from __future__ import annotations

from connector.policy.build.context import Context
from connector.policy.conditions import Condition
from connector.policy.document import Where
from connector.policy.files.fields import Leaving
from connector.policy.model import FieldType, Identity, NewEmployer
from connector.texts import say

_VENDORS = ("hubspot", "salesforce")
_LEAD, _ACCOUNT = "Lead", "Account"
_FINDS_A_COMPANY = (FieldType.DOMAIN.value, FieldType.TEXT.value)


def build_identity(context: Context) -> Identity:
    """Who is the same lead in two CRMs, who gets a record in the other one, and which company a lead belongs to."""
    model, where = context.files.fields.identity, context.at("fields") / "identity"
    for group, names in enumerate(model.same_lead):
        for index, name in enumerate(names):
            _comparable(context, name, where / "same_lead" / group / index)
    wanted = {vendor: getattr(model.create_in, vendor) for vendor in _VENDORS}
    create_in: dict[str, Condition | None] = {
        vendor: None if raw == "all" else context.compiler.condition(raw, where / "create_in" / vendor)
        for vendor, raw in wanted.items()
        if raw is not None
    }
    native = model.native_sync == "identity_and_fields"
    if native and create_in:
        message = say("the CRMs' own integration makes the records: leave out `create_in`, or set `native_sync: none`")
        context.report.error(where / "create_in", message, reason="two_creators")
    return Identity(
        same_lead=tuple(tuple(names) for names in model.same_lead),
        same_company=_same_company(context, where),
        not_employers=_domains(context, model.not_employers, where / "not_employers") if model.same_company else (),
        create_in=create_in,
        native_sync=native,
    )


def _same_company(context: Context, where: Where) -> tuple[str, ...]:
    """The company fields by which a Salesforce lead finds its account. A domain also stands in its e-mail address, so
    that the policy has to say which domains are nobody's."""
    model, place = context.files.fields.identity, where / "same_company"
    for index, name in enumerate(model.same_company):
        _finds_a_company(context, name, place / index)
    fields = [context.files.fields.company.get(name) for name in model.same_company]
    by_domain = any(field is not None and field.type == FieldType.DOMAIN.value for field in fields)
    if by_domain and not model.not_employers:
        message = say(
            "say in `not_employers` which domains name no employer, such as those of free mail: by them no company is "
            "found"
        )
        context.report.error(place, message, reason="missing_key")
    return tuple(dict.fromkeys(model.same_company))


def _finds_a_company(context: Context, name: str, where: Where) -> None:
    """A domain or text that the CRM fills on the company's record; a text must stand on the lead's too."""
    _comparable(context, name, where)
    field = context.files.fields.company.get(name)
    if field is None:
        if name in context.vocabulary.names:
            message = say("`{name}` is no field of the company", name=name)
            context.report.error(where, message, reason="not_of_company")
        return
    if field.type not in _FINDS_A_COMPANY:
        message = say(
            "a company is found by a domain or a text; `{name}` is of type {type}", name=name, type=field.type
        )
        context.report.error(where, message, reason="bad_type")
    places = [one.partition(".")[0] for one in field.salesforce.fields] if field.salesforce is not None else []
    wanted = [_ACCOUNT] if field.type == FieldType.DOMAIN.value else [_LEAD, _ACCOUNT]
    lacking = [one for one in wanted if one not in places]
    if lacking:
        message = say(
            "leads find their account in Salesforce by `{name}`: give it a field on {places} there",
            name=name,
            places=" and ".join(lacking),
        )
        context.report.error(where, message, reason="no_home")


def _comparable(context: Context, name: str, where: Where) -> None:
    """Only what people and the CRMs fill tells who somebody is."""
    context.field(name, where)
    model = context.files.fields.lead.get(name) or context.files.fields.company.get(name)
    if model is not None and (model.rules is not None or model.shows is not None):
        message = say("`{name}` is computed and tells nobody apart", name=name)
        context.report.error(where, message, reason="computed_identity")


def build_new_employer(context: Context) -> NewEmployer | None:
    """None where such a person goes on as the same lead, or where leads have no stages."""
    identity, where = context.files.fields.identity, context.at("fields") / "identity"
    if identity.new_employer != "new_lead" or context.files.lifecycle is None:
        return None
    lead = context.files.fields.lead
    email = next((name for name, field in lead.items() if field.type == FieldType.EMAIL.value), None)
    if email is None:
        message = say("an employer is known by an e-mail address: a lead field of type email is missing")
        context.report.error(where / "new_employer", message, reason="missing_key")
        return None
    leaving = identity.on_leaving
    if leaving is not None:
        _check(context, leaving, where / "on_leaving")
    return NewEmployer(
        email=email,
        not_employers=_domains(context, identity.not_employers, where / "not_employers"),
        stage=leaving.to if leaving is not None else None,
        reason=leaving.reason if leaving is not None else None,
        forget=tuple(leaving.forget) if leaving is not None else (),
    )


def _check(context: Context, leaving: Leaving, where: Where) -> None:
    context.known(leaving.to, context.vocabulary.stages, "stage", where / "to")
    if leaving.reason is not None:
        context.known(leaving.reason, context.vocabulary.reasons, "reason", where / "reason")
    for index, name in enumerate(leaving.forget):
        context.field(name, where / "forget" / index)
        field = context.files.fields.lead.get(name)
        if field is not None and (field.rules is not None or field.shows is not None):
            message = say("`{name}` is computed and cannot be forgotten", name=name)
            context.report.error(where / "forget" / index, message, reason="set_computed")


def _domains(context: Context, said: str | tuple[str, ...], where: Where) -> tuple[str, ...]:
    """A named list, or domains in place."""
    if not isinstance(said, str):
        return tuple(domain.lower() for domain in said)
    if not context.known(said, context.vocabulary.lists, "list", where):
        return ()
    return tuple(domain.lower() for domain in context.vocabulary.lists[said].values)
