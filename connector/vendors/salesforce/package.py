"""What an org needs, as an SFDX project: for admins who do not let our user customise the org. No I/O.

Custom fields, the permission set that shows them, how lead fields go into contacts at a conversion, and a list view of
leads and of contacts for each queue that names one. Deploying it changes nothing else; `tasuki connect salesforce` then
checks by describe that every field is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from xml.sax.saxutils import escape

import orjson

from connector.policy.model import Policy, Queue
from connector.vendors.provisioning import text_of
from connector.vendors.salesforce.names import Names
from connector.vendors.salesforce.protocol import API_VERSION, CONTACT, PERSON, VENDOR
from connector.vendors.salesforce.provision import PERMISSION_SET
from connector.vendors.salesforce.wanted import ACTIVITY, Wanted, wanted_fields

_ROOT: Final = "force-app/main/default"
_LABEL_LIMIT: Final = 40
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
    for policy in policies:
        found |= {f"{_ROOT}/objects/{path}": content for path, content in _list_views(policy)}
    return found


def _list_views(policy: Policy) -> Iterator[tuple[str, str]]:
    """Who stands in a queue, by the field that shows it, with what the queue is ordered by. A list view's definition
    has no order: people sort by the column."""
    queues = [one for one in policy.queues.values() if VENDOR in one.names]
    for object_type in (PERSON, CONTACT):
        stands = _shown_in(policy, object_type, "queues")
        for queue in queues if stands is not None else ():
            order = _shown_in(policy, object_type, queue.order) if queue.order is not None else None
            due = _shown_in(policy, object_type, "next_task_due")
            columns = ["FULL_NAME", *(one for one in (order, due, stands) if one is not None), "CORE.USERS.ALIAS"]
            name = f"{PERMISSION_SET}_{queue.id.replace('__', '_').strip('_')}"
            content = {
                "fullName": name,
                "columns": columns,
                "filterScope": "Everything",
                "filters": {"field": stands, "operation": "contains", "value": _filter_value(policy, queue)},
                "label": queue.names[VENDOR][:_LABEL_LIMIT],
            }
            yield f"{object_type}/listViews/{name}.listView-meta.xml", _document("ListView", content)


def _filter_value(policy: Policy, queue: Queue) -> str:
    """The queue's label; a comma would part it in two."""
    label = text_of(queue.label, policy.language) or queue.id
    return f'"{label}"' if "," in label else label


def _shown_in(policy: Policy, object_type: str, what: str) -> str | None:
    """The field of this object that shows it."""
    homes = (home for one in policy.shows if one.shows == what for home in one.homes if home.vendor == VENDOR)
    return next((home.name for home in homes if home.object_type == object_type), None)


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
