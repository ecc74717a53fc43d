"""Describe: what objects and fields there are, as the integration user sees them; limits and versions."""

from __future__ import annotations

from typing import Any

from connector.sandbox.salesforce.org import Org
from connector.sandbox.salesforce.rows import the_object
from connector.sandbox.salesforce.schema import ObjectInfo
from connector.sandbox.salesforce.wire import Call, Json, Reply

MASTER_TYPE = "012000000000000AAA"


def everything(call: Call) -> Reply:
    """GET /sobjects"""
    listed = [_summary(info, call.version) for info in call.org.objects.values()]
    return Reply(body={"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": listed})


def basic(call: Call) -> Reply:
    """GET /sobjects/{object}"""
    info = the_object(call.org, call.args[0])
    return Reply(body={"objectDescribe": _summary(info, call.version), "recentItems": []})


def describe(call: Call) -> Reply:
    """GET /sobjects/{object}/describe"""
    info = the_object(call.org, call.args[0])
    return Reply(body=_summary(info, call.version) | {"fields": _fields(call.org, info), **_types(call.org, info)})


def _fields(org: Org, info: ObjectInfo) -> list[Json]:
    locked = org.settings.readonly_fields.get(info.name, ())
    return [
        one.as_json(writeable=one.name not in locked) for one in info.fields.values() if not org.hidden(info, one.name)
    ]


def _types(org: Org, info: ObjectInfo) -> Json:
    types = [row for row in org.rows("RecordType") if row.get("SobjectType") == info.name]
    listed: list[Json] = [
        {"recordTypeId": row.id, "name": row.get("Name"), "developerName": row.get("DeveloperName")}
        | {"active": row.get("IsActive"), "available": True, "defaultRecordTypeMapping": False, "master": False}
        for row in types
    ]
    master = {"recordTypeId": MASTER_TYPE, "name": "Master", "developerName": "Master", "active": True}
    listed.append(master | {"available": True, "defaultRecordTypeMapping": not types, "master": True})
    return {"recordTypeInfos": listed, "childRelationships": []}


def _summary(info: ObjectInfo, version: str) -> dict[str, Any]:
    base = f"/services/data/v{version}/sobjects/{info.name}"
    words = ("createable", "deletable", "updateable", "undeletable", "mergeable")
    return {
        "name": info.name,
        "label": info.label,
        "labelPlural": f"{info.label}s",
        "keyPrefix": info.prefix,
        "custom": info.name.endswith("__c"),
        "customSetting": False,
        "queryable": True,
        "retrieveable": True,
        "replicateable": True,
        **dict.fromkeys(words, not info.read_only),
        "urls": {"sobject": base, "describe": f"{base}/describe", "rowTemplate": f"{base}/{{ID}}"},
    }


def versions(call: Call) -> Reply:
    """GET /services/data"""
    settings = call.org.settings
    listed = range(settings.oldest_version, settings.newest_version + 1)
    return Reply(
        body=[{"label": f"API {one}", "url": f"/services/data/v{one}.0", "version": f"{one}.0"} for one in listed]
    )


def resources(call: Call) -> Reply:
    """GET /services/data/vXX.0"""
    base = f"/services/data/v{call.version}"
    names = ("sobjects", "query", "queryAll", "composite", "limits", "jobs")
    return Reply(body={name: f"{base}/{name}" for name in names})
