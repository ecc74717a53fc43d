"""Objects and fields as `describe` tells them, read from the short tables in `tables.py`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

TEXTS = ("string", "textarea", "email", "phone", "url", "picklist", "multipicklist", "combobox")
NUMBERS = ("double", "currency", "int", "percent")
_SOAP = {"boolean": "xsd:boolean", "double": "xsd:double", "currency": "xsd:double", "percent": "xsd:double"}
_SOAP |= {"int": "xsd:int", "date": "xsd:date", "datetime": "xsd:dateTime", "id": "tns:ID", "reference": "tns:ID"}


@dataclass(kw_only=True, slots=True)
class FieldInfo:
    """One field of an object."""

    name: str
    label: str
    type: str = "string"
    length: int = 255
    createable: bool = True
    updateable: bool = True
    nillable: bool = True
    unique: bool = False
    external_id: bool = False
    #: values in display order; value -> label
    options: dict[str, str] = field(default_factory=dict)
    #: a value outside the options is refused
    restricted: bool = False
    refers: tuple[str, ...] = ()
    relationship: str = ""
    default: Any = None

    @property
    def custom(self) -> bool:
        """True for a field that an admin made."""
        return self.name.endswith("__c")

    @property
    def by_system(self) -> bool:
        """True for what Salesforce itself fills in on every record."""
        return not self.createable and not self.nillable and self.type != "string"

    @property
    def required(self) -> bool:
        """True when a create must bring a value."""
        return self.createable and not self.nillable and self.default is None and self.type != "boolean"

    def as_json(self, *, writeable: bool = True) -> dict[str, Any]:
        """One entry of `fields` in a describe; `writeable` is False where field-level security allows reading only."""
        return {
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "length": self.length if self.type in TEXTS else 18 if self.type in ("id", "reference") else 0,
            "byteLength": self.length * 3 if self.type in TEXTS else 18 if self.type in ("id", "reference") else 0,
            "createable": self.createable and writeable,
            "updateable": self.updateable and writeable,
            "nillable": self.nillable,
            "defaultedOnCreate": self.default is not None or self.type == "boolean" or self.by_system,
            "defaultValue": self.default,
            "unique": self.unique,
            "externalId": self.external_id,
            "idLookup": self.external_id or self.type in ("id", "email"),
            "caseSensitive": False,
            "calculated": False,
            "custom": self.custom,
            "filterable": self.type != "textarea" or self.length <= 255,
            "sortable": self.type != "textarea" or self.length <= 255,
            "picklistValues": [
                {"active": True, "defaultValue": value == self.default, "label": label, "value": value}
                | {"validFor": None}
                for value, label in self.options.items()
            ],
            "restrictedPicklist": self.restricted,
            "referenceTo": list(self.refers),
            "relationshipName": self.relationship or None,
            "namePointing": len(self.refers) > 1,
            "polymorphicForeignKey": len(self.refers) > 1,
            "permissionable": self.nillable and self.createable,
            "deprecatedAndHidden": False,
            "precision": 18 if self.type in ("double", "currency", "percent") else 0,
            "scale": 2 if self.type == "currency" else 0,
            "digits": 9 if self.type == "int" else 0,
            "soapType": _SOAP.get(self.type, "xsd:string"),
        }


@dataclass(kw_only=True, slots=True)
class ObjectInfo:
    """One object; fields are found in any case, as in SOQL."""

    name: str
    label: str
    prefix: str
    fields: dict[str, FieldInfo]
    #: rows cannot be made, changed or deleted through the API
    read_only: bool = False
    _by_lower: dict[str, FieldInfo] = field(default_factory=dict)
    _by_relationship: dict[str, FieldInfo] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for one in self.fields.values():
            self._index(one)

    def add(self, info: FieldInfo) -> None:
        """A new field (or a new definition of one)."""
        self.fields[info.name] = info
        self._index(info)

    def remove(self, name: str) -> None:
        """An admin deletes a field."""
        gone = self.fields.pop(name)
        self._by_lower.pop(gone.name.lower(), None)

    def find(self, name: str) -> FieldInfo | None:
        """A field by name in any case."""
        return self._by_lower.get(name.lower())

    def related(self, relationship: str) -> FieldInfo | None:
        """The reference field behind a relationship's name (`Owner` → OwnerId)."""
        return self._by_relationship.get(relationship.lower())

    def _index(self, info: FieldInfo) -> None:
        self._by_lower[info.name.lower()] = info
        if info.relationship:
            self._by_relationship[info.relationship.lower()] = info


def read_table(name: str, label: str, prefix: str, rows: str, *, read_only: bool = False) -> ObjectInfo:
    """An object from lines such as `Rating picklist opts=Hot|Warm|Cold` (see `tables.py`)."""
    fields = [read_field(line) for line in (*_SYSTEM.splitlines(), *rows.splitlines()) if line.strip()]
    return ObjectInfo(
        name=name, label=label, prefix=prefix, fields={one.name: one for one in fields}, read_only=read_only
    )


def read_field(line: str) -> FieldInfo:
    """`Name type[:length] word word=value …`; words: ro, co (create only), req, unique, ext, restricted."""
    name, kind, *words = line.split()
    kind, _, length = kind.partition(":")
    given = dict(word.partition("=")[::2] for word in words)
    default: Any = given.get("default", "").replace("_", " ") or None
    if kind == "boolean":
        default = default == "true"
    return FieldInfo(
        name=name,
        label=given.get("label", name.removesuffix("__c")).replace("_", " "),
        type=kind,
        length=int(length or 255),
        createable="ro" not in given,
        updateable="ro" not in given and "co" not in given,
        nillable="req" not in given and kind != "boolean",
        unique="unique" in given,
        external_id="ext" in given,
        options={one: one for one in given.get("opts", "").replace("_", " ").split("|") if one},
        restricted="restricted" in given,
        refers=tuple(one for one in given.get("ref", "").split("|") if one),
        relationship=given.get("rel", ""),
        default=default,
    )


_SYSTEM = """
Id id ro req
IsDeleted boolean ro
CreatedDate datetime ro req
CreatedById reference ro req ref=User rel=CreatedBy
LastModifiedDate datetime ro req
LastModifiedById reference ro req ref=User rel=LastModifiedBy
SystemModstamp datetime ro req
"""
