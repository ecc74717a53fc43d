"""`start_sandbox` and `SandboxHandle`: the HubSpot sandbox from Python, in this process or over HTTP alike."""

from __future__ import annotations

from typing import Any

from connector.sandbox.behaviour import FormSubmission
from connector.sandbox.control import Control
from connector.sandbox.handle_common import CommonHandle, Json
from connector.sandbox.server import SandboxServer
from connector.sandbox.service import SandboxService
from connector.sandbox.settings import SandboxSettings
from connector.sandbox.world import WorldSettings, build_world


class SandboxHandle(CommonHandle):
    """A portal to drive: every method is one control call. `with` closes what `start_sandbox` started."""

    def __init__(self, base_url: str, server: SandboxServer | None = None) -> None:
        super().__init__(base_url, server)
        about = self.control("GET", "")
        #: the private app's token
        self.token: str = about["token"]
        self.client_id: str = about["client_id"]
        #: client secret of the app; signs webhooks
        self.app_secret: str = about["app_secret"]
        self.portal_id: int = about["portal_id"]
        self.app_id: int = about["app_id"]

    def refused(self) -> dict[str, int]:
        """429s by limit: search, burst, associations, daily."""
        found: dict[str, int] = self.control("GET", "/calls")["refused"]
        return found

    def reset_limits(self) -> None:
        """Empty all rate windows."""
        self.control("POST", "/limits/reset", {})

    def others_call(self, calls: int) -> None:
        """Other apps of the account use so many calls of the day."""
        self.control("POST", "/limits/spend", {"calls": calls})

    # ------------------------------------------------------------------ people

    def edit(self, type: str, id: str, properties: Json, *, owner_id: str = "", source: str = "CRM_UI") -> Json:
        """A person edits a record; gives it whole."""
        body = {"type": type, "id": id, "properties": properties, "owner_id": owner_id, "source": source}
        found: Json = self.control("POST", "/edit", body)
        return found

    def create(
        self,
        type: str,
        properties: Json,
        *,
        associations: list[tuple[str, str]] | None = None,
        owner_id: str = "",
        source: str = "CRM_UI",
    ) -> Json:
        """A person makes a record; `associations` are (type, id)."""
        targets = [{"type": kind, "id": one} for kind, one in associations or []]
        body = {
            "type": type,
            "properties": properties,
            "associations": targets,
            "owner_id": owner_id,
            "source": source,
        }
        found: Json = self.control("POST", "/create", body)
        return found

    def delete(self, type: str, id: str, *, owner_id: str = "") -> None:
        """A person deletes a record (recycle bin)."""
        self.control("POST", "/delete", {"type": type, "id": id, "owner_id": owner_id})

    def restore(self, type: str, id: str) -> Json:
        """Back from the recycle bin."""
        found: Json = self.control("POST", "/restore", {"type": type, "id": id})
        return found

    def complete_task(self, id: str, *, owner_id: str = "") -> Json:
        """A person ticks a task off."""
        return self.edit("tasks", id, {"hs_task_status": "COMPLETED"}, owner_id=owner_id)

    def delete_task(self, id: str, *, owner_id: str = "") -> None:
        """A person deletes a task."""
        self.delete("tasks", id, owner_id=owner_id)

    def merge(self, primary: str, other: str, *, type: str = "contacts", new_record: bool | None = None) -> Json:
        """A person merges two records; gives the winner."""
        body: Json = {"type": type, "primary": primary, "other": other}
        if new_record is not None:
            body["new_record"] = new_record
        found: Json = self.control("POST", "/merge", body)
        return found

    def forget(self, id: str) -> None:
        """Privacy deletion of a contact."""
        self.control("POST", "/forget", {"id": id})

    def submit(
        self,
        form: str | FormSubmission,
        values: dict[str, str] | None = None,
        *,
        page_title: str = "",
        page_url: str = "",
        submitted_at: int | None = None,
    ) -> Json:
        """Fill in a form (guid or name): {"conversion_id", "contact_id", "submitted_at", "form"}."""
        if isinstance(form, FormSubmission):
            body: Json = {
                "form": form.form,
                "values": form.values,
                "page_title": form.page_title,
                "page_url": form.page_url,
            }
        else:
            body = {"form": form, "values": values or {}, "page_title": page_title, "page_url": page_url}
        body["submitted_at"] = submitted_at
        found: Json = self.control("POST", "/submit", body)
        return found

    def visit(self, id: str, *, times: int = 1, url: str = "") -> Json:
        """A contact visits the web site."""
        found: Json = self.control("POST", "/visit", {"id": id, "times": times, "url": url})
        return found

    def mail(self, id: str, event: str, *, times: int = 1) -> Json:
        """Something happens to a marketing mail: open, click, reply, bounce, delivered, optout."""
        found: Json = self.control("POST", "/mail", {"id": id, "event": event, "times": times})
        return found

    def calculated(self, type: str, id: str, properties: dict[str, str], *, source: str = "CALCULATED") -> Json:
        """HubSpot itself sets properties, read-only ones included."""
        body = {"type": type, "id": id, "properties": properties, "source": source}
        found: Json = self.control("POST", "/calculated", body)
        return found

    def import_rows(self, rows: list[dict[str, str]], *, type: str = "contacts") -> list[str]:
        """A list import (change source IMPORT); gives the ids."""
        ids: list[str] = self.control("POST", "/import", {"type": type, "rows": rows})["ids"]
        return ids

    # ------------------------------------------------------------------ looking

    def record(self, type: str, id: str) -> Json:
        """One record with properties, history and associations."""
        found: Json = self.control("GET", "/record", query={"type": type, "id": str(id)})
        return found

    def find(self, type: str, property: str, value: str) -> Json:
        """The first record with that value."""
        found: Json = self.control("GET", "/record", query={"type": type, "property": property, "value": value})
        return found

    def records(self, type: str, *, properties: list[str] | None = None, limit: int = 1_000_000) -> list[Json]:
        """All records: {"id", "archived", "properties", "associations"}."""
        query = {"type": type, "properties": ",".join(properties or []), "limit": str(limit)}
        found: list[Json] = self.control("GET", "/records", query=query)["results"]
        return found

    def forms(self) -> dict[str, str]:
        """Form name -> guid."""
        return {one["name"]: one["guid"] for one in self.control("GET", "/forms")["forms"]}

    def owners(self) -> list[Json]:
        """Owners as HubSpot prints them."""
        found: list[Json] = self.control("GET", "/owners")["owners"]
        return found

    def put_owner(self, **values: Any) -> Json:
        """Add an owner (email, first_name, last_name, teams) or change one (id, archived …)."""
        found: Json = self.control("POST", "/owners", values)
        return found

    def put_disposition(self, id: str, label: str) -> Json:
        """Name an outcome of calls; an empty label removes it."""
        found: Json = self.control("POST", "/dispositions", {"id": id, "label": label})["dispositions"]
        return found

    def put_list(self, name: str, *, kind: str = "MANUAL", add: Any = (), remove: Any = ()) -> Json:
        """Make a list, or put contacts on it and take them off, as people and HubSpot's filters do."""
        body = {"name": name, "kind": kind, "add": list(add), "remove": list(remove)}
        found: Json = self.control("POST", "/lists", body)
        return found

    def lists(self) -> dict[str, list[str]]:
        """List name -> ids of its members, longest there first."""
        return {one["name"]: one["members"] for one in self.control("GET", "/lists")["lists"]}

    def put_sequence(self, name: str, *, user_id: int = 0) -> Json:
        """Make a sequence (of one user, or shared)."""
        found: Json = self.control("POST", "/sequences", {"name": name, "user_id": user_id})
        return found

    def build_world(self, contacts: int, *, seed: int | None = None, companies: int | None = None) -> Json:
        """Add a seeded world; gives its numbers."""
        found: Json = self.control("POST", "/world", {"contacts": contacts, "seed": seed, "companies": companies})
        return found

    # ------------------------------------------------------------------ webhooks and tokens

    def webhooks(self, **changes: Any) -> Json:
        """Change the sender's switches (see WebhookSettings); gives settings, subscriptions, emitted, state."""
        found: Json = self.control("PATCH", "/webhooks", changes) if changes else self.control("GET", "/webhooks")
        return found

    def subscribe(self, objects: dict[str, list[str]], *, replace: bool = True) -> Json:
        """object type -> property names: all its events, and changes of those properties."""
        found: Json = self.control("PUT", "/webhooks/subscriptions", {"objects": objects, "replace": replace})
        return found

    def wait_webhooks(self, timeout_seconds: float = 10.0, *, retries: bool = False) -> bool:
        """Whether all events were sent within the time (with `retries`: none waits for another attempt)."""
        body = {"timeout_seconds": timeout_seconds, "retries": retries}
        return bool(self.control("POST", "/webhooks/wait", body)["idle"])

    def flush_webhooks(self) -> None:
        """Send what waits, and retries as if their time had come."""
        self.control("POST", "/webhooks/flush", {})

    def redeliver_webhooks(self, last: int = 1) -> None:
        """Send the last batches that were taken once more."""
        self.control("POST", "/webhooks/redeliver", {"last": last})

    def webhook_log(self, last: int = 1000) -> list[Json]:
        """Attempts: at, attempt, events, event_ids, status, error, seconds."""
        found: list[Json] = self.control("GET", "/webhooks/log", query={"last": str(last)})["attempts"]
        return found

    def issue_token(self, *, oauth: bool = False, scopes: str = "") -> Json:
        """A private token, or with `oauth` {"token", "refresh_token"}."""
        found: Json = self.control("POST", "/tokens", {"oauth": oauth, "scopes": scopes})
        return found

    def issue_code(self, *, scopes: str = "", redirect_uri: str = "") -> str:
        """An authorisation code, as after consent."""
        return str(self.control("POST", "/tokens/code", {"scopes": scopes, "redirect_uri": redirect_uri})["code"])

    def revoke_token(self, token: str = "") -> None:
        """Revoke one token, or all of them (an uninstall)."""
        self.control("POST", "/tokens/revoke", {"token": token})


def start_sandbox(
    port: int = 0,
    *,
    host: str = "127.0.0.1",
    contacts: int = 0,
    companies: int | None = None,
    settings: SandboxSettings | None = None,
    **switches: Any,
) -> SandboxHandle:
    """Start a sandbox in a thread of this process; `switches` are names of SandboxSettings."""
    chosen = settings or SandboxSettings()
    chosen.update(switches)
    service = SandboxService(chosen)
    build_world(service.portal, WorldSettings(contacts=contacts, companies=companies))
    server = SandboxServer(host, port, service, Control(service))
    server.start()
    return SandboxHandle(server.base_url, server)


def connect_sandbox(base_url: str) -> SandboxHandle:
    """Drive a sandbox that runs elsewhere (`tasuki sandbox`)."""
    return SandboxHandle(base_url)
