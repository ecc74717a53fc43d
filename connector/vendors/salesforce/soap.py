"""Lead conversion over SOAP with the OAuth session: the one thing that REST has no call for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from lxml import etree

from connector.errors import RetryableError, UncertainError
from connector.texts import say
from connector.vendors.base import Lane
from connector.vendors.refusal import RefusedError
from connector.vendors.salesforce.api import Api
from connector.vendors.salesforce.failures import PASSING, refused
from connector.vendors.salesforce.reading import chunks
from connector.vendors.xml import parse_xml

_PARTNER = "urn:partner.soap.sforce.com"
_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
MOST_CONVERTED = 100
"""Salesforce converts up to 100 leads a call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """How one lead is to be converted. `status` is one of the org's converted statuses (API name).

    Without ids Salesforce makes the records anew; into existing ones it fills only what is empty there. A lead that a
    queue owns needs `owner_id`.
    """

    lead_id: str
    status: str
    account_id: str | None = None
    contact_id: str | None = None
    owner_id: str | None = None
    opportunity_name: str | None = None
    with_opportunity: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """What became of one lead; `error` is set when it was not converted."""

    lead_id: str
    account_id: str | None = None
    contact_id: str | None = None
    opportunity_id: str | None = None
    error: RefusedError | RetryableError | None = None


def convert_leads(api: Api, conversions: Sequence[Conversion], *, lane: Lane) -> list[Converted]:
    """Convert, 100 a call; one result a lead, in order. Raises `UncertainError` when a call had no usable answer."""
    found: list[Converted] = []
    for chunk in chunks(conversions, MOST_CONVERTED):
        answer = api.soap(lambda session, part=chunk: _request(session, part), lane=lane)  # type: ignore[misc]
        found += _read(answer, chunk)
    return found


def _request(session: str, conversions: Sequence[Conversion]) -> bytes:
    inside = "".join(f"<leadConverts>{_wanted(one)}</leadConverts>" for one in conversions)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<soapenv:Envelope xmlns:soapenv="{_ENVELOPE}" xmlns="{_PARTNER}">'
        f"<soapenv:Header><SessionHeader><sessionId>{escape(session)}</sessionId></SessionHeader>"
        "<CallOptions><client>tasuki</client></CallOptions></soapenv:Header>"
        f"<soapenv:Body><convertLead>{inside}</convertLead></soapenv:Body></soapenv:Envelope>"
    ).encode()


def _wanted(one: Conversion) -> str:
    # the partner schema is a sequence: the order counts
    parts = (
        ("accountId", one.account_id),
        ("contactId", one.contact_id),
        ("convertedStatus", one.status),
        ("doNotCreateOpportunity", str(not one.with_opportunity).lower()),
        ("leadId", one.lead_id),
        ("opportunityName", one.opportunity_name if one.with_opportunity else None),
        ("overwriteLeadSource", "false"),
        ("ownerId", one.owner_id),
        ("sendNotificationEmail", "false"),
    )
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in parts if value is not None)


def _read(answer: bytes, conversions: Sequence[Conversion]) -> list[Converted]:
    root = parse_xml(answer)
    fault = root.find(f".//{{{_ENVELOPE}}}Fault")
    if fault is not None:
        told = fault.findtext("faultstring") or ""
        code, _, message = told.partition(":")
        problem = {"errorCode": code.strip(), "message": message.strip()}
        raise RetryableError(
            say("Salesforce refuses to convert ({code}); check the permission Convert Leads.", code=code.strip()),
            reason=f"convert_{refused(400, [problem]).reason}",
        )
    results = root.findall(f".//{{{_PARTNER}}}result")
    if len(results) != len(conversions):
        raise UncertainError("Salesforce's answer does not tell of every lead.", reason="answer_incomplete")
    return [_one(wanted, result) for wanted, result in zip(conversions, results, strict=True)]


def _one(wanted: Conversion, result: Any) -> Converted:
    told = {etree.QName(part).localname: (part.text or "").strip() or None for part in result}
    if told.get("success") == "true":
        return Converted(
            lead_id=wanted.lead_id,
            account_id=told.get("accountId"),
            contact_id=told.get("contactId"),
            opportunity_id=told.get("opportunityId"),
        )
    errors = result.find(f"{{{_PARTNER}}}errors")
    parts = list(errors) if errors is not None else []
    said = {etree.QName(part).localname: (part.text or "") for part in parts}
    code = said.get("statusCode", "")
    if code in PASSING:
        return Converted(lead_id=wanted.lead_id, error=RetryableError(reason=code.lower()))
    problem = {"statusCode": code, "message": said.get("message", "")}
    return Converted(lead_id=wanted.lead_id, error=refused(200, [problem]))
