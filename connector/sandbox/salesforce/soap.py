"""The SOAP calls that have no REST counterpart: convertLead, merge, undelete. login() is off, as in today's orgs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from lxml import etree

from connector.sandbox.salesforce import writing
from connector.sandbox.salesforce.conversion import Conversion, convert, merge
from connector.sandbox.salesforce.oauth import Sessions
from connector.sandbox.salesforce.wire import Actor, Call, Problem, RefusalError, Reply
from connector.sandbox.salesforce.writing import RowRefusedError

_PARTNER = "urn:partner.soap.sforce.com"
_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_XML = "text/xml;charset=UTF-8"
Node = Any


def endpoint(sessions: Sessions, call: Call) -> Reply:
    """POST /services/Soap/u/{version}"""
    try:
        root = etree.fromstring(call.raw_body, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as error:
        return _fault("UNKNOWN_EXCEPTION", f"cannot be parsed: {error}")
    body = root.find(f"{{{_ENVELOPE}}}Body")
    action = body[0] if body is not None and len(body) else None
    if action is None:
        return _fault("UNKNOWN_EXCEPTION", "no operation")
    name = etree.QName(action).localname
    call.kind = f"soap.{name}"
    if name == "login":
        return _fault("INVALID_OPERATION", "SOAP API login() is disabled by default in this org.")
    session = root.find(f".//{{{_PARTNER}}}sessionId")
    try:
        actor = sessions.actor("" if session is None else session.text or "")
    except RefusalError:
        return _fault("INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader: Illegal Session")
    work = _OPERATIONS.get(name)
    if work is None:
        return _fault("INVALID_OPERATION", f"{name} is not served by this sandbox")
    call.actor = actor
    results = work(call, action, actor)
    call.records = len(results)
    return _envelope(f'<{name}Response xmlns="{_PARTNER}">{"".join(results)}</{name}Response>')


def _convert(call: Call, action: Node, actor: Actor) -> list[str]:
    results = []
    for one in _children(action, "leadConverts"):
        try:
            wanted = Conversion(
                lead_id=_text(one, "leadId"),
                status=_text(one, "convertedStatus"),
                account_id=_text(one, "accountId"),
                contact_id=_text(one, "contactId"),
                owner_id=_text(one, "ownerId"),
                opportunity_name=_text(one, "opportunityName"),
                no_opportunity=_text(one, "doNotCreateOpportunity") == "true",
                overwrite_source=_text(one, "overwriteLeadSource") == "true",
            )
            made = convert(call.org, wanted, actor)
        except RowRefusedError as error:
            results.append(_result(_errors(error), "false"))
            continue
        told = f"<accountId>{made.account_id}</accountId><contactId>{made.contact_id}</contactId>"
        opportunity = "<opportunityId xsi:nil='true'/>"
        if made.opportunity_id:
            opportunity = f"<opportunityId>{made.opportunity_id}</opportunityId>"
        results.append(_result(f"{told}<leadId>{wanted.lead_id}</leadId>{opportunity}", "true"))
    return results


def _merge(call: Call, action: Node, actor: Actor) -> list[str]:
    results = []
    for one in _children(action, "request"):
        try:
            (record,) = _children(one, "masterRecord")
            values: dict[str, Any] = {
                etree.QName(part).localname: part.text
                for part in record
                if etree.QName(part).localname not in ("type", "Id", "fieldsToNull")
            }
            master = writing.lookup(call.org, _text(record, "Id"))
            losers = [writing.lookup(call.org, part.text) for part in _children(one, "recordToMergeIds")]
            merge(call.org, master, losers, values, actor)
        except RowRefusedError as error:
            results.append(_result(_errors(error), "false"))
            continue
        merged = "".join(f"<mergedRecordIds>{row.id}</mergedRecordIds>" for row in losers)
        results.append(_result(f"<id>{master.id}</id>{merged}", "true"))
    return results


def _undelete(call: Call, action: Node, actor: Actor) -> list[str]:
    results = []
    for one in _children(action, "ids"):
        try:
            row = writing.lookup(call.org, one.text)
            if not row.deleted:
                raise RowRefusedError(Problem(code="UNDELETE_FAILED", message="Entity is not in the recycle bin"))
        except RowRefusedError as error:
            results.append(_result(_errors(error), "false"))
            continue
        call.org.undelete(row, actor)
        results.append(_result(f"<id>{row.id}</id>", "true"))
    return results


_OPERATIONS: dict[str, Callable[[Call, Node, Actor], list[str]]] = {
    "convertLead": _convert,
    "merge": _merge,
    "undelete": _undelete,
}


# ── XML ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _children(node: Node, name: str) -> list[Node]:
    return [one for one in node if etree.QName(one).localname == name]


def _text(node: Node, name: str) -> str:
    found = _children(node, name)
    return (found[0].text or "").strip() if found else ""


def _result(inside: str, success: str) -> str:
    return f"<result>{inside}<success>{success}</success></result>"


def _errors(error: RowRefusedError) -> str:
    return "".join(
        "<errors>"
        + "".join(f"<fields>{escape(name)}</fields>" for name in one.fields)
        + f"<message>{escape(one.message)}</message><statusCode>{one.code}</statusCode></errors>"
        for one in error.problems
    )


def _envelope(inside: str, status: int = 200) -> Reply:
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<soapenv:Envelope xmlns:soapenv="{_ENVELOPE}" xmlns:xsi="{_XSI}"><soapenv:Body>{inside}'
        "</soapenv:Body></soapenv:Envelope>"
    )
    return Reply(status=status, body=text.encode(), content_type=_XML)


def _fault(code: str, message: str) -> Reply:
    said = f"<faultcode>sf:{code}</faultcode><faultstring>{code}: {escape(message)}</faultstring>"
    return _envelope(f'<soapenv:Fault xmlns:sf="urn:fault.partner.soap.sforce.com">{said}</soapenv:Fault>', 500)
