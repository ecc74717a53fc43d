"""`start_salesforce` and `SalesforceHandle`: the Salesforce sandbox from Python, in this process or over HTTP alike."""

from __future__ import annotations

from typing import Any

from connector.sandbox.handle_common import CommonHandle, Json
from connector.sandbox.salesforce.control import SalesforceControl
from connector.sandbox.salesforce.service import SalesforceService
from connector.sandbox.salesforce.settings import OrgSettings
from connector.sandbox.salesforce.world import OrgWorld, build_world
from connector.sandbox.server import SandboxServer


class SalesforceHandle(CommonHandle):
    """An org to drive: every method is one control call. `with` closes what `start_salesforce` started."""

    def __init__(self, base_url: str, server: SandboxServer | None = None) -> None:
        super().__init__(base_url, server)
        about = self.control("GET", "")
        self.organization_id: str = about["organization_id"]
        #: the user that our app runs as
        self.user_id: str = about["user_id"]
        #: the person who edits unless another is named
        self.admin_id: str = about["admin_id"]
        self.client_id: str = about["client_id"]
        self.client_secret: str = about["client_secret"]
        self.username: str = about["username"]

    # ------------------------------------------------------------------ people

    def create(self, object: str, fields: Json, *, user_id: str = "", web: bool = False, assign: bool = False) -> str:
        """A person (`web`: a Web-to-Lead form) makes a record; its id."""
        body = {"object": object, "fields": fields, "user_id": user_id, "web": web, "assign": assign}
        return str(self.control("POST", "/create", body)["id"])

    def import_rows(self, object: str, rows: list[Json]) -> list[str]:
        """An admin imports rows; their ids."""
        ids: list[str] = self.control("POST", "/import", {"object": object, "rows": rows})["ids"]
        return ids

    def edit(self, id: str, fields: Json, *, user_id: str = "") -> Json:
        """A person edits a record; gives it whole."""
        found: Json = self.control("POST", "/edit", {"id": id, "fields": fields, "user_id": user_id})
        return found

    def delete(self, id: str, *, user_id: str = "") -> None:
        """A person deletes a record (recycle bin)."""
        self.control("POST", "/delete", {"id": id, "user_id": user_id})

    def undelete(self, id: str) -> None:
        """Back from the recycle bin."""
        self.control("POST", "/undelete", {"id": id})

    def purge(self) -> int:
        """Empty the recycle bin."""
        return int(self.control("POST", "/purge", {})["purged"])

    def convert(self, id: str, **conversion: Any) -> Json:
        """A person converts a lead: {"account_id", "contact_id", "opportunity_id"}."""
        found: Json = self.control("POST", "/convert", {"id": id, "conversion": conversion})
        return found

    def merge(self, master: str, loser: str) -> Json:
        """A person merges two records; gives the master."""
        found: Json = self.control("POST", "/merge", {"master": master, "loser": loser})
        return found

    # ------------------------------------------------------------------ looking

    def record(self, id: str) -> Json:
        """One record: {"object", "id", "deleted", "fields"}; blank fields are absent."""
        found: Json = self.control("GET", "/record", query={"id": id})
        return found

    def records(self, object: str, *, deleted: bool = False) -> list[Json]:
        """All records of an object."""
        query = {"object": object, "deleted": str(deleted).lower()}
        found: list[Json] = self.control("GET", "/records", query=query)["records"]
        return found

    # ------------------------------------------------------------------ setup

    def put_field(self, object: str, name: str, **more: Any) -> Json:
        """An admin makes or changes a field (type, length, unique, external_id, options, restricted …)."""
        found: Json = self.control("POST", "/fields", {"object": object, "name": name, **more})
        return found

    def remove_field(self, object: str, name: str) -> None:
        """An admin deletes a field."""
        self.control("DELETE", "/fields", query={"object": object, "name": name})

    def rules(self, **rules: Any) -> Json:
        """Set validation, duplicates or assignment rules; gives all."""
        found: Json = self.control("PUT", "/rules", rules) if rules else self.control("GET", "/rules")
        return found

    def lock(self, *ids: str) -> None:
        """Somebody holds these rows; without ids all are let go."""
        self.control("POST", "/lock", {"ids": list(ids)})

    def put_user(self, **values: Any) -> str:
        """Add a user (Username, Email, LastName …; `groups`: names) or change one (Id, IsActive …)."""
        return str(self.control("POST", "/users", values)["id"])

    def build_world(self, people: int, *, seed: int | None = None) -> Json:
        """Add a seeded world; gives its numbers."""
        body: Json = {"people": people} | ({} if seed is None else {"seed": seed})
        found: Json = self.control("POST", "/world", body)
        return found

    # ------------------------------------------------------------------ messages and sessions

    def message_action(self, object: str, url: str, fields: list[str], **more: Any) -> str:
        """Set up an outbound message; its action id."""
        body = {"object": object, "url": url, "fields": fields, **more}
        return str(self.control("POST", "/messages/actions", body)["id"])

    def messages(self, **changes: Any) -> Json:
        """Change the sender's switches (see MessageSettings); gives settings, actions, queue and totals."""
        found: Json = self.control("PATCH", "/messages", changes) if changes else self.control("GET", "/messages")
        return found

    def wait_messages(self, timeout_seconds: float = 10.0) -> bool:
        """Whether everything was sent at least once within the time."""
        return bool(self.control("POST", "/messages/wait", {"timeout_seconds": timeout_seconds})["idle"])

    def flush_messages(self) -> None:
        """Send what waits, and retries as if their time had come."""
        self.control("POST", "/messages/flush", {})

    def redeliver_messages(self, last: int = 1) -> None:
        """Send the last acknowledged messages once more."""
        self.control("POST", "/messages/redeliver", {"last": last})

    def message_log(self) -> list[Json]:
        """Attempts: at, notifications, status, acknowledged, error."""
        found: list[Json] = self.control("GET", "/messages/log")["attempts"]
        return found

    # ------------------------------------------------------------------ change events

    def start_changes(self, *, port: int = 0) -> str:
        """Keep change events from now on and serve them by the Pub/Sub API (extra `cdc`); `host:port`."""
        return str(self.control("POST", "/changes/start", {"port": port})["address"])

    def changes(self, **changes: Any) -> Json:
        """Change the switches of change events (see BusSettings); gives settings, what is kept and who follows."""
        found: Json = self.control("PATCH", "/changes", changes) if changes else self.control("GET", "/changes")
        return found

    def tell_change(self, object: str, type: str, *ids: str) -> None:
        """Publish an event without a change, such as GAP_UPDATE of these records or GAP_OVERFLOW of none."""
        self.control("POST", "/changes/tell", {"object": object, "type": type, "ids": list(ids)})

    def garble_change(self, object: str) -> None:
        """Publish an event that nobody can decode."""
        self.control("POST", "/changes/garble", {"object": object})

    def expire_changes(self) -> None:
        """Forget every event: a replay id of before is no longer good."""
        self.control("POST", "/changes/expire", {})

    def disconnect_changes(self) -> None:
        """End every subscription, as maintenance does."""
        self.control("POST", "/changes/disconnect", {})

    def issue_token(self) -> str:
        """A session of the integration user."""
        return str(self.control("POST", "/tokens", {})["token"])

    def issue_refresh_token(self) -> str:
        """A refresh token, as after consent."""
        return str(self.control("POST", "/tokens/refresh", {})["refresh_token"])

    def issue_key(self) -> str:
        """A private key (PEM) whose certificate the app has from now on."""
        return str(self.control("POST", "/tokens/key", {})["private_key"])

    def revoke_token(self, token: str = "") -> None:
        """End one session, or all of them."""
        self.control("POST", "/tokens/revoke", {"token": token})

    def block_app(self) -> None:
        """An admin blocks the app: no session is good, and none is to be had."""
        self.control("POST", "/tokens/revoke", {"block": True})


def start_salesforce(
    port: int = 0,
    *,
    host: str = "127.0.0.1",
    people: int = 0,
    settings: OrgSettings | None = None,
    **switches: Any,
) -> SalesforceHandle:
    """Start an org in a thread of this process; `switches` are names of OrgSettings."""
    chosen = settings or OrgSettings()
    chosen.update(switches)
    service = SalesforceService(chosen)
    build_world(service.org, OrgWorld(people=people))
    server = SandboxServer(host, port, service, SalesforceControl(service))
    server.start()
    return SalesforceHandle(server.base_url, server)


def connect_salesforce(base_url: str) -> SalesforceHandle:
    """Drive an org that runs elsewhere (`tasuki sandbox --vendor salesforce`)."""
    return SalesforceHandle(base_url)
