"""XML from outside: no document types, no entities, no network, no giants."""

from __future__ import annotations

from typing import Any

from lxml import etree

from connector.errors import InboundError


def parse_xml(body: bytes) -> Any:
    """The root element. Raises `InboundError` (400) for what is no XML, and for any document type or entity."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False, remove_pis=True
    )
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise InboundError("XML with a document type is refused.", reason="xml_doctype", status=400)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise InboundError("The body is not XML.", reason="not_xml", status=400) from error
    if root is None or root.getroottree().docinfo.doctype:
        raise InboundError("XML with a document type is refused.", reason="xml_doctype", status=400)
    return root
