"""What an org needs, as an SFDX project: for admins who do not let our user customise the org. No I/O.

Custom fields, the permission set that shows them, and how lead fields go into contacts at a conversion. Deploying it
changes nothing else; `tasuki connect salesforce` then checks by describe that all of it is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from xml.sax.saxutils import escape

import orjson

from connector.policy.model import Policy
from connector.vendors.salesforce.names import Names
from connector.vendors.salesforce.protocol import API_VERSION, CONTACT, PERSON
from connector.vendors.salesforce.provision import PERMISSION_SET
from connector.vendors.salesforce.wanted import ACTIVITY, Wanted, wanted_fields

_ROOT: Final = "force-app/main/default"
_SPACE: Final = "http://soap.sforce.com/2006/04/metadata"


def files_of(*policies: Policy) -> dict[str, str]:
    """Path below the project → content, for every field of ours that the policies need."""
    every = [one for policy in policies for one in wanted_fields(policy) if one.ours]
    ours = list({(one.object_type, one.name): one for one in every}.values())
    project = {"packageDirectories": [{"path": "force-app", "default": True}], "sourceApiVersion": API_VERSION}
    found = {"sfdx-project.json": orjson.dumps(project, option=orjson.OPT_INDENT_2).decode() + "\n"}
    for one in ours:
        object_type, _, name = one.full_name.partition(".")
        found[f"{_ROOT}/objects/{object_type}/fields/{name}.field-meta.xml"] = _document(
            "CustomField", {"fullName": name, **one.metadata()}
        )
    found[f"{_ROOT}/permissionsets/{PERMISSION_SET}.permissionset-meta.xml"] = _permission_set(ours)
    found[f"{_ROOT}/LeadConvertSettings/LeadConvertSettings.LeadConvertSetting-meta.xml"] = _conversion(policies, ours)
    return found


def _permission_set(ours: Sequence[Wanted]) -> str:
    seen = dict.fromkeys(
        f"{place}.{one.name}"
        for one in ours
        for place in (("Task", "Event") if one.full_name.startswith(f"{ACTIVITY}.") else (one.object_type,))
    )
    shown = [{"editable": True, "field": name, "readable": True} for name in sorted(seen)]
    return _document("PermissionSet", {"fieldPermissions": shown, "hasActivationRequired": False, "label": "Tasuki"})


def _conversion(policies: Sequence[Policy], ours: Sequence[Wanted]) -> str:
    """Our fields of leads go into those of the contact, so that nothing is asked for twice after a hand-over."""
    on_contacts = {one.name for one in ours if one.object_type == CONTACT}
    mapped = {
        one.name: here
        for names in map(Names.of, policies)
        for one in ours
        if one.object_type == PERSON and (here := names.contact(one.name)) in on_contacts
    }
    pairs = [{"inputField": name, "outputField": here} for name, here in mapped.items()]
    mapping = {"inputObject": PERSON, "mappingFields": pairs, "outputObject": CONTACT}
    return _document("LeadConvertSettings", {"allowOwnerChange": True, "objectMapping": mapping})


def _document(kind: str, content: Mapping[str, Any]) -> str:
    inside = "".join(_element(name, value, 1) for name, value in content.items())
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{kind} xmlns="{_SPACE}">\n{inside}</{kind}>\n'


def _element(name: str, value: Any, depth: int) -> str:
    """One element; a list is the element again and again."""
    pad = "    " * depth
    if isinstance(value, list):
        return "".join(_element(name, one, depth) for one in value)
    if isinstance(value, Mapping):
        inside = "".join(_element(inner, one, depth + 1) for inner, one in value.items())
        return f"{pad}<{name}>\n{inside}{pad}</{name}>\n"
    text = str(value).lower() if isinstance(value, bool) else escape(str(value))
    return f"{pad}<{name}>{text}</{name}>\n"
