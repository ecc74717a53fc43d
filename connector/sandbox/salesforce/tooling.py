"""The part of the Tooling API that makes custom fields, and who sees them then.

A field that is made over the API is visible to nobody through the API until a permission set (or a profile) grants it:
`FieldPermissions` of a `PermissionSet` that the user is assigned to.
"""

from __future__ import annotations

import re
from typing import Any

from connector.sandbox.salesforce.ids import made_id
from connector.sandbox.salesforce.org import Org
from connector.sandbox.salesforce.schema import FieldInfo, ObjectInfo
from connector.sandbox.salesforce.wire import Call, Json, Reply, refusal

_TYPES = {
    "Text": "string", "LongTextArea": "textarea", "TextArea": "textarea", "Email": "email", "Phone": "phone",
    "Url": "url", "Number": "double", "Currency": "currency", "Percent": "percent", "Picklist": "picklist",
    "MultiselectPicklist": "multipicklist", "Checkbox": "boolean", "Date": "date", "DateTime": "datetime",
    "Lookup": "reference",
}  # fmt: skip
_LENGTHS = {"Email": 80, "Phone": 40, "Url": 255, "Picklist": 255, "MultiselectPicklist": 4099, "TextArea": 255}
_ACTIVITY = ("Task", "Event")
_WHERE = re.compile(r"TableEnumOrId = '(\w+)' AND DeveloperName = '(\w+)'")


class Tooling:
    """The custom fields that were made over the API, by their ids."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._made: dict[str, tuple[str, str, Json]] = {}  # id -> object, field, metadata

    def create(self, call: Call) -> Reply:
        """POST /tooling/sobjects/CustomField: {FullName, Metadata}"""
        body: Json = call.body if isinstance(call.body, dict) else {}
        object_name, _, name = str(body.get("FullName") or "").partition(".")
        metadata: Json = body.get("Metadata") or {}
        targets = self._targets(object_name, name, metadata)
        for info in targets:
            if info.find(name) is not None:
                told = f"There is already a field named {name.removesuffix('__c')} on {info.label}."
                raise refusal(400, "DUPLICATE_DEVELOPER_NAME", told)
        for info in targets:
            info.add(_field(name, metadata))
            self._org.ungranted.setdefault(info.name, set()).add(name)
        record_id = made_id("00N", len(self._made) + 1)
        self._made[record_id] = (object_name, name, metadata)
        return Reply(status=201, body={"id": record_id, "success": True, "errors": [], "warnings": [], "infos": []})

    def query(self, call: Call) -> Reply:
        """GET /tooling/query: custom fields of one object by name"""
        found = _WHERE.search(call.one("q"))
        wanted = (found[1], f"{found[2]}__c") if found is not None else ("", "")
        rows = [
            {"attributes": {"type": "CustomField"}, "Id": record_id, "Metadata": metadata}
            for record_id, (object_name, name, metadata) in self._made.items()
            if (object_name, name) == wanted
        ]
        return Reply(body={"size": len(rows), "totalSize": len(rows), "done": True, "records": rows})

    def update(self, call: Call) -> Reply:
        """PATCH /tooling/sobjects/CustomField/{id}: {Metadata}"""
        known = self._made.get(call.args[0])
        if known is None:
            raise refusal(404, "NOT_FOUND", "The requested resource does not exist")
        object_name, name, _ = known
        metadata: Json = call.body["Metadata"]
        for info in self._targets(object_name, name, metadata):
            info.add(_field(name, metadata))
        self._made[call.args[0]] = (object_name, name, metadata)
        return Reply(status=204)

    def _targets(self, object_name: str, name: str, metadata: Json) -> list[ObjectInfo]:
        names = _ACTIVITY if object_name == "Activity" else (object_name,)
        found = [info for one in names if (info := self._org.object(one)) is not None]
        if not found or not re.fullmatch(r"[A-Za-z]\w*__c", name) or metadata.get("type") not in _TYPES:
            raise refusal(400, "FIELD_INTEGRITY_EXCEPTION", f"Cannot make the field {object_name}.{name}")
        return found


def _field(name: str, metadata: Json) -> FieldInfo:
    kind = str(metadata["type"])
    values: list[dict[str, Any]] = (metadata.get("valueSet") or {}).get("valueSetDefinition", {}).get("value", [])
    return FieldInfo(
        name=name,
        label=str(metadata.get("label") or name),
        type=_TYPES[kind],
        length=int(metadata.get("length") or _LENGTHS.get(kind, 255)),
        unique=metadata.get("unique") is True,
        external_id=metadata.get("externalId") is True,
        options={str(one["fullName"]): str(one.get("label") or one["fullName"]) for one in values},
        restricted=(metadata.get("valueSet") or {}).get("restricted") is True,
        refers=(str(metadata["referenceTo"]),) if kind == "Lookup" else (),
        relationship=str(metadata.get("relationshipName") or ""),
    )
