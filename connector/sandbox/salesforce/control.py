"""Salesforce's control API under /control: people, setup, messages, sessions besides the common actions."""

from __future__ import annotations

from typing import Any

from connector.errors import RejectedError, UsageError
from connector.sandbox.control_calls import Json, Query
from connector.sandbox.control_common import CommonControl
from connector.sandbox.salesforce import people
from connector.sandbox.salesforce.org import Row
from connector.sandbox.salesforce.rules import AssignmentRule, DuplicateRule, ValidationRule
from connector.sandbox.salesforce.schema import FieldInfo
from connector.sandbox.salesforce.service import SalesforceService
from connector.sandbox.salesforce.wire import RefusalError
from connector.sandbox.salesforce.world import OrgWorld, build_world, describe


class SalesforceControl(CommonControl):
    """The common actions and those of an org."""

    def __init__(self, service: SalesforceService) -> None:
        self.service = service
        self.org = service.org
        super().__init__(
            lock=self.org.lock,
            clock=self.org.clock,
            ledger=self.org.ledger,
            faults=service.faults,
            carrier=service.carrier,
            settings=service.settings,
        )
        self.waiting[("POST", "/messages/wait")] = self._wait_messages
        self.actions |= self._people() | self._setup() | self._others() | self._changes()

    def about(self) -> Json:
        """See `CommonControl.about`."""
        sessions = self.service.sessions
        return {
            "organization_id": self.org.id,
            "user_id": self.org.me,
            "admin_id": self.org.admin,
            "client_id": sessions.client_id,
            "client_secret": sessions.client_secret,
            "username": sessions.username,
        }

    def refused(self, error: RejectedError) -> Json:
        """See `CommonControl.refused`."""
        body = error.reply.body if isinstance(error, RefusalError) else error.message
        return {"error": "refused as Salesforce would", "salesforce": body}

    def limits_told(self) -> Json:
        """See `CommonControl.limits_told`."""
        return {"used_today": len(self.service.used)}

    # ------------------------------------------------------------------ actions

    def _people(self) -> dict[tuple[str, str], Any]:
        org = self.org
        return {
            ("POST", "/create"): self._create,
            ("POST", "/import"): self._import,
            ("POST", "/edit"): lambda body, query: _dump(
                people.edit(org, body["id"], body["fields"], body.get("user_id") or "")
            ),
            ("POST", "/delete"): self._delete,
            ("POST", "/undelete"): lambda body, query: _dump(people.undelete(org, body["id"])),
            ("POST", "/purge"): lambda body, query: {"purged": org.purge()},
            ("POST", "/convert"): lambda body, query: people.convert(org, body["id"], body.get("conversion") or {}),
            ("POST", "/merge"): lambda body, query: _dump(people.merge(org, body["master"], body["loser"])),
            ("GET", "/record"): lambda body, query: _dump(people.the_row(org, query["id"])),
            ("GET", "/records"): self._records,
            ("GET", "/world"): lambda body, query: describe(org),
            ("POST", "/world"): self._world,
        }

    def _setup(self) -> dict[tuple[str, str], Any]:
        return {
            ("POST", "/fields"): self._put_field,
            ("DELETE", "/fields"): self._remove_field,
            ("GET", "/rules"): lambda body, query: self.org.rules.as_json(),
            ("PUT", "/rules"): self._put_rules,
            ("POST", "/lock"): self._lock_rows,
            ("POST", "/users"): self._put_user,
        }

    def _others(self) -> dict[tuple[str, str], Any]:
        outbound, sessions = self.service.outbound, self.service.sessions
        return {
            ("GET", "/messages"): lambda body, query: outbound.state(),
            ("PATCH", "/messages"): self._patch_messages,
            ("POST", "/messages/actions"): lambda body, query: {"id": outbound.put_action(body).id},
            ("POST", "/messages/flush"): self._flush_messages,
            ("POST", "/messages/redeliver"): self._redeliver,
            ("GET", "/messages/log"): lambda body, query: {"attempts": list(outbound.log)},
            ("POST", "/tokens"): lambda body, query: {"token": sessions.open().token},
            ("POST", "/tokens/refresh"): lambda body, query: {"refresh_token": sessions.consent()},
            ("POST", "/tokens/code"): lambda body, query: {"code": sessions.code(body["redirect_uri"])},
            ("POST", "/tokens/key"): lambda body, query: {"private_key": sessions.key()},
            ("POST", "/tokens/revoke"): self._revoke,
        }

    def _changes(self) -> dict[tuple[str, str], Any]:
        """Change events over the Pub/Sub API."""
        service = self.service
        return {
            ("POST", "/changes/start"): lambda body, query: {
                "address": service.start_pubsub(str(body.get("host") or "127.0.0.1"), int(body.get("port") or 0))
            },
            ("GET", "/changes"): lambda body, query: service.pubsub.bus.state(),
            ("PATCH", "/changes"): self._patch_changes,
            ("POST", "/changes/tell"): self._tell_change,
            ("POST", "/changes/garble"): self._garble_change,
            ("POST", "/changes/expire"): lambda body, query: {"gone": service.pubsub.bus.expire()},
            ("POST", "/changes/disconnect"): self._disconnect,
        }

    def _patch_changes(self, body: Json, query: Query) -> Json:
        settings = self.service.pubsub.bus.settings
        unknown = sorted(set(body) - set(vars(settings)))
        if unknown:
            raise UsageError(f"Unknown settings of change events {', '.join(unknown)}.", reason="unknown_setting")
        for name, value in body.items():
            setattr(settings, name, value)
        return self.service.pubsub.bus.state()

    def _tell_change(self, body: Json, query: Query) -> Json:
        """An event without a change: {object, type: GAP_UPDATE | GAP_OVERFLOW …, ids}."""
        ids = [str(one) for one in body.get("ids") or []]
        self.service.pubsub.bus.tell(str(body["object"]), str(body["type"]), ids)
        return {}

    def _garble_change(self, body: Json, query: Query) -> Json:
        self.service.pubsub.bus.garble(str(body["object"]))
        return {}

    def _disconnect(self, body: Json, query: Query) -> Json:
        self.service.pubsub.bus.disconnect()
        return {}

    def _create(self, body: Json, query: Query) -> Json:
        row = people.create(
            self.org,
            body["object"],
            body["fields"],
            body.get("user_id") or "",
            web=bool(body.get("web")),
            assign=bool(body.get("assign")),
        )
        return _dump(row)

    def _import(self, body: Json, query: Query) -> Json:
        """An admin imports rows: {object, rows: [fields, …]}."""
        return {"ids": [people.create(self.org, body["object"], row).id for row in body["rows"]]}

    def _delete(self, body: Json, query: Query) -> Json:
        people.delete(self.org, body["id"], body.get("user_id") or "")
        return {}

    def _records(self, body: Json, query: Query) -> Json:
        name = query["object"]
        if name not in self.org.tables:
            raise UsageError(f"There is no object {name}.", reason="unknown_object")
        return {"records": [_dump(row) for row in self.org.rows(name, deleted=query.get("deleted") == "true")]}

    def _world(self, body: Json, query: Query) -> Json:
        build_world(self.org, OrgWorld(**body))
        return describe(self.org)

    def _put_field(self, body: Json, query: Query) -> Json:
        """An admin makes a field: {object, name, label, type, length, unique, external_id, options, restricted, …}."""
        given = dict(body)
        info = self.org.objects[given.pop("object")]
        given["refers"] = tuple(given.get("refers") or ())
        given.setdefault("label", given["name"].removesuffix("__c"))
        info.add(FieldInfo(**given))
        return info.fields[given["name"]].as_json()

    def _remove_field(self, body: Json, query: Query) -> Json:
        self.org.objects[query["object"]].remove(query["name"])
        return {}

    def _put_rules(self, body: Json, query: Query) -> Json:
        """{validation: […], duplicates: […], assignment: {object: {entries: [{when, owner}], active}}}, each whole."""
        rules = self.org.rules
        if "validation" in body:
            rules.validation = [ValidationRule(**one) for one in body["validation"]]
        if "duplicates" in body:
            rules.duplicates = [DuplicateRule(**one) for one in body["duplicates"]]
        if "assignment" in body:
            rules.assignment = {name: AssignmentRule(object=name, **one) for name, one in body["assignment"].items()}
        return rules.as_json()

    def _lock_rows(self, body: Json, query: Query) -> Json:
        """Somebody holds these rows: {ids: […]}; an empty list lets go of all."""
        ids = [str(one) for one in body.get("ids") or []]
        self.org.locked = self.org.locked | set(ids) if ids else set()
        return {"locked": sorted(self.org.locked)}

    def _put_user(self, body: Json, query: Query) -> Json:
        """Add a user (Username, Email, LastName …, `groups`: names) or change one ({"Id", "IsActive": false})."""
        given = dict(body)
        groups = [str(one) for one in given.pop("groups", ())]
        record_id = given.pop("Id", None)
        if record_id is not None:
            return _dump(people.edit(self.org, str(record_id), given))
        row = people.create(self.org, "User", given)
        for name in groups:
            found = next((one.id for one in self.org.rows("Group") if one.get("Name") == name), None)
            group = found or people.create(self.org, "Group", {"Name": name, "Type": "Regular"}).id
            people.create(self.org, "GroupMember", {"GroupId": group, "UserOrGroupId": row.id})
        return _dump(row)

    def _patch_messages(self, body: Json, query: Query) -> Json:
        self.service.outbound.settings.update(body)
        self.service.outbound.wake()
        return self.service.outbound.state()

    def _wait_messages(self, body: Json, query: Query) -> Json:
        return {"idle": self.service.outbound.wait_idle(float(body.get("timeout_seconds") or 10.0))}

    def _flush_messages(self, body: Json, query: Query) -> Json:
        self.service.outbound.flush()
        return {}

    def _redeliver(self, body: Json, query: Query) -> Json:
        self.service.outbound.redeliver(int(body.get("last") or 1))
        return {}

    def _revoke(self, body: Json, query: Query) -> Json:
        """One session or, empty, everything; {"block": true}: an admin blocks the app for good."""
        token = str(body.get("token") or "")
        sessions = self.service.sessions
        if not token:
            sessions.revoke_all(block=bool(body.get("block")))
        elif token in sessions.known:
            sessions.known[token].revoked = True
        return {}


def _dump(row: Row) -> Json:
    return {"object": row.info.name, "id": row.id, "deleted": row.deleted, "fields": dict(row.values)}
