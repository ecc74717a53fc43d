"""The control API under /control: settings, clock, faults, people, webhooks, tokens, ledger. See docs/sandbox.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import orjson

from connector.errors import UsageError
from connector.sandbox import forms, merging, people
from connector.sandbox.clock import iso
from connector.sandbox.faults import EFFECTS
from connector.sandbox.oauth import DEFAULT_SCOPES, Grant
from connector.sandbox.object_types import object_type
from connector.sandbox.owners_data import Owner, Team
from connector.sandbox.service import Outcome, Request, SandboxService
from connector.sandbox.values import to_ms
from connector.sandbox.wire import ApiRefusalError, Json
from connector.sandbox.world import WorldSettings, build_world, describe

Query = dict[str, str]
Action = Callable[[Json, Query], Any]


class Control:
    """Method + path -> action. Every action runs under the portal's lock, except waiting ones."""

    def __init__(self, service: SandboxService) -> None:
        self.service = service
        self.portal = service.portal
        self.base_url = ""
        self._actions: dict[tuple[str, str], Action] = {
            ("GET", ""): self._index,
            ("GET", "/settings"): lambda body, query: self.service.settings.as_json(),
            ("PATCH", "/settings"): self._patch_settings,
            ("GET", "/clock"): self._clock,
            ("POST", "/clock"): self._set_clock,
            ("GET", "/ledger"): self._ledger,
            ("GET", "/calls"): self._calls,
            ("POST", "/calls/reset"): self._reset_calls,
            ("POST", "/limits/reset"): self._reset_limits,
            ("GET", "/faults"): self._faults,
            ("POST", "/faults"): lambda body, query: self.service.faults.add(body).as_json(),
            ("DELETE", "/faults"): self._delete_faults,
            ("POST", "/faults/release"): lambda body, query: {"applied": self.service.release_delayed()},
            ("POST", "/edit"): self._edit,
            ("POST", "/create"): self._create,
            ("POST", "/delete"): self._delete,
            ("POST", "/restore"): self._restore,
            ("POST", "/merge"): self._merge,
            ("POST", "/forget"): self._forget,
            ("POST", "/submit"): self._submit,
            ("POST", "/visit"): self._visit,
            ("POST", "/mail"): self._mail,
            ("POST", "/calculated"): self._calculated,
            ("POST", "/import"): self._import,
            ("GET", "/record"): self._record,
            ("GET", "/records"): self._records,
            ("GET", "/forms"): self._forms,
            ("GET", "/owners"): self._owners,
            ("POST", "/owners"): self._put_owner,
            ("POST", "/world"): self._world,
            ("GET", "/world"): lambda body, query: describe(self.portal),
            ("GET", "/webhooks"): self._webhooks,
            ("PATCH", "/webhooks"): self._patch_webhooks,
            ("PUT", "/webhooks/subscriptions"): self._subscribe,
            ("POST", "/webhooks/flush"): self._flush,
            ("POST", "/webhooks/redeliver"): self._redeliver,
            ("GET", "/webhooks/log"): self._webhook_log,
            ("GET", "/tokens"): self._tokens,
            ("POST", "/tokens"): self._issue_token,
            ("POST", "/tokens/revoke"): self._revoke,
            ("POST", "/tokens/code"): self._code,
        }

    def handle(self, request: Request) -> Outcome:
        """Answer a control call: 200 JSON, 400 with a remedy, 404."""
        path, _, query_text = request.target.partition("?")
        name = path.removeprefix("/control").rstrip("/")
        query = {key: values[-1] for key, values in parse_qs(query_text).items()}
        try:
            body = orjson.loads(request.body) if request.body else {}
            if not isinstance(body, dict):
                raise UsageError("Control calls take a JSON object.", reason="not_an_object")
            if (request.method, name) == ("POST", "/webhooks/wait"):
                return _json(200, self._wait(body))
            action = self._actions.get((request.method, name))
            if action is None:
                return _json(404, {"error": f"No control action {request.method} /control{name}; see GET /control"})
            with self.portal.lock:
                return _json(200, action(body, query))
        except UsageError as error:
            return _json(400, {"error": error.message, "reason": error.reason})
        except ApiRefusalError as error:
            return _json(400, {"error": "refused as HubSpot would", "hubspot": _readable(error)})
        except orjson.JSONDecodeError as error:
            return _json(400, {"error": f"not JSON: {error.msg}", "reason": "not_json"})
        except (KeyError, TypeError, ValueError) as error:
            return _json(400, {"error": f"{type(error).__name__}: {error}", "reason": "bad_arguments"})

    # ------------------------------------------------------------------ the sandbox itself

    def _index(self, body: Json, query: Query) -> Json:
        return {
            "base_url": self.base_url,
            "token": self.service.tokens.private.token,
            "client_id": self.service.tokens.client_id,
            "app_secret": self.portal.webhooks.settings.app_secret,
            "portal_id": self.service.settings.portal_id,
            "app_id": self.service.settings.app_id,
            "actions": sorted(f"{method} /control{path}" for method, path in self._actions)
            + ["POST /control/webhooks/wait"],
        }

    def _patch_settings(self, body: Json, query: Query) -> Json:
        self.service.settings.update(body)
        if {"burst_window_seconds"} & set(body):
            self.service.limits.reset()
        return self.service.settings.as_json()

    def _clock(self, body: Json, query: Query) -> Json:
        now = self.portal.now()
        return {"now_ms": now, "now": iso(now), "rate": self.portal.clock.rate}

    def _set_clock(self, body: Json, query: Query) -> Json:
        now = body.get("now")
        now_ms = body.get("now_ms") if now is None else to_ms(str(now))
        if now is not None and now_ms is None:
            raise UsageError(f"{now!r} is no instant; use milliseconds or ISO 8601.", reason="bad_instant")
        rate = body.get("rate")
        if rate is not None and float(rate) < 0:
            raise UsageError("The clock's rate is 0 (frozen) or positive.", reason="bad_rate")
        self.portal.clock.set(
            now_ms=now_ms,
            advance_seconds=float(body.get("advance_seconds") or 0),
            rate=None if rate is None else float(rate),
        )
        return self._clock(body, query)

    def _ledger(self, body: Json, query: Query) -> Json:
        since = int(query.pop("since", "0"))
        rows = self.portal.ledger.select(query, since)
        return {"rows": rows, "last": self.portal.ledger.rows[-1].seq if self.portal.ledger.rows else 0}

    def _calls(self, body: Json, query: Query) -> Json:
        limits = self.service.limits
        return {
            "kinds": self.portal.ledger.counts(),
            "refused": dict(limits.refused),
            "used_today": limits.used_today,
        }

    def _reset_calls(self, body: Json, query: Query) -> Json:
        self.portal.ledger.reset_calls()
        return {}

    def _reset_limits(self, body: Json, query: Query) -> Json:
        self.service.limits.reset()
        return {}

    def _world(self, body: Json, query: Query) -> Json:
        build_world(self.portal, WorldSettings(**body))
        return describe(self.portal)

    # ------------------------------------------------------------------ faults

    def _faults(self, body: Json, query: Query) -> Json:
        rules = [rule.as_json() for rule in self.service.faults.rules]
        return {"rules": rules, "delayed": self.service.delayed, "effects": EFFECTS}

    def _delete_faults(self, body: Json, query: Query) -> Json:
        if "id" in query:
            return {"removed": self.service.faults.remove(int(query["id"]))}
        self.service.faults.clear()
        return {"removed": True}

    # ------------------------------------------------------------------ people and HubSpot itself

    def _edit(self, body: Json, query: Query) -> Json:
        record = people.edit(
            self.portal,
            str(body["type"]),
            str(body["id"]),
            body["properties"],
            str(body.get("owner_id") or ""),
            str(body.get("source") or "CRM_UI"),
        )
        return people.dump(self.portal, record)

    def _create(self, body: Json, query: Query) -> Json:
        record = people.create(
            self.portal,
            str(body["type"]),
            body["properties"],
            body.get("associations") or [],
            str(body.get("owner_id") or ""),
            str(body.get("source") or "CRM_UI"),
        )
        return people.dump(self.portal, record)

    def _delete(self, body: Json, query: Query) -> Json:
        people.remove(self.portal, str(body["type"]), str(body["id"]), str(body.get("owner_id") or ""))
        return {}

    def _restore(self, body: Json, query: Query) -> Json:
        record = people.the_record(self.portal, str(body["type"]), str(body["id"]))
        if record.archived:
            self.portal.restore(record, people.person(self.portal, str(body.get("owner_id") or "")))
        return people.dump(self.portal, record)

    def _merge(self, body: Json, query: Query) -> Json:
        type_name = str(body.get("type") or "contacts")
        primary = people.the_record(self.portal, type_name, str(body["primary"]))
        other = people.the_record(self.portal, type_name, str(body["other"]))
        if primary is other:
            raise UsageError("A record cannot be merged with itself.", reason="same_record")
        actor = people.person(self.portal, str(body.get("owner_id") or ""))
        winner = merging.merge(self.portal, primary, other, actor, new_record=body.get("new_record"))
        return people.dump(self.portal, winner)

    def _forget(self, body: Json, query: Query) -> Json:
        record = people.the_record(self.portal, "contacts", str(body["id"]))
        merging.forget(self.portal, record, people.person(self.portal))
        return {}

    def _submit(self, body: Json, query: Query) -> Json:
        wanted = str(body["form"])
        found = [form for form in self.portal.forms.values() if wanted in (form.guid, form.name)]
        if not found:
            names = ", ".join(form.name for form in self.portal.forms.values())
            raise UsageError(f"No form {wanted}; known: {names}.", reason="unknown_form")
        submission = forms.accept_submission(
            self.portal,
            found[0],
            {str(name): str(value) for name, value in body["values"].items()},
            page_title=str(body.get("page_title") or found[0].page_title),
            page_url=str(body.get("page_url") or "https://www.example.com/"),
            submitted_at=body.get("submitted_at"),
        )
        return {
            "conversion_id": submission.conversion_id,
            "contact_id": str(submission.contact_id),
            "submitted_at": submission.submitted_at,
            "form": found[0].guid,
        }

    def _visit(self, body: Json, query: Query) -> Json:
        record = people.count_up(
            self.portal,
            str(body["id"]),
            "hs_analytics_num_visits",
            int(body.get("times") or 1),
            "ANALYTICS",
            str(body.get("url") or ""),
        )
        return people.dump(self.portal, record)

    def _mail(self, body: Json, query: Query) -> Json:
        names = {"open": "hs_email_open", "click": "hs_email_click", "bounce": "hs_email_bounce"}
        names |= {"reply": "hs_email_replied", "delivered": "hs_email_delivered"}
        kind = str(body["event"])
        if kind == "optout":
            values = {"hs_email_optout": "true"}
            return people.dump(
                self.portal, people.calculated(self.portal, "contacts", str(body["id"]), values, "EMAIL")
            )
        record = people.count_up(self.portal, str(body["id"]), names[kind], int(body.get("times") or 1), "EMAIL")
        return people.dump(self.portal, record)

    def _calculated(self, body: Json, query: Query) -> Json:
        values = {str(name): str(value) for name, value in body["properties"].items()}
        source = str(body.get("source") or "CALCULATED")
        record = people.calculated(self.portal, str(body["type"]), str(body["id"]), values, source)
        return people.dump(self.portal, record)

    def _import(self, body: Json, query: Query) -> Json:
        """A list import: rows by e-mail, changed or created, with change source IMPORT."""
        kind = object_type(str(body.get("type") or "contacts"))
        ids: list[str] = []
        for row in body["rows"]:
            known = self.portal.find_by(kind, "email", str(row.get("email", ""))) if kind.name == "contacts" else None
            if known is not None and not known.archived:
                people.edit(self.portal, kind.name, str(known.id), row, "", "IMPORT")
                ids.append(str(known.id))
            else:
                ids.append(str(people.create(self.portal, kind.name, row, [], "", "IMPORT").id))
        return {"ids": ids}

    # ------------------------------------------------------------------ looking

    def _record(self, body: Json, query: Query) -> Json:
        kind = object_type(query["type"])
        if "property" in query:
            wanted, value = query["property"], query["value"]
            for record in self.portal.tables[kind.name].records.values():
                if record.props.get(wanted) == value:
                    return people.dump(self.portal, record)
            raise UsageError(f"No {kind.singular} with {wanted} = {value}.", reason="unknown_record")
        return people.dump(self.portal, people.the_record(self.portal, kind.name, query["id"]))

    def _records(self, body: Json, query: Query) -> Json:
        kind = object_type(query["type"])
        names = [name for name in query.get("properties", "").split(",") if name]
        limit, offset = int(query.get("limit", "1000000")), int(query.get("offset", "0"))
        rows = [
            {
                "id": str(record.id),
                "archived": record.archived,
                "properties": {name: record.props.get(name) for name in names} if names else record.props,
                "associations": {to: [str(one) for one in found] for to, found in record.links.items() if found},
            }
            for record in self.portal.tables[kind.name].records.values()
        ]
        return {"total": len(rows), "results": rows[offset : offset + limit]}

    def _forms(self, body: Json, query: Query) -> Json:
        return {"forms": [{"guid": one.guid, "name": one.name} for one in self.portal.forms.values()]}

    def _owners(self, body: Json, query: Query) -> Json:
        return {"owners": [one.as_json() for one in self.portal.owners.values()]}

    def _put_owner(self, body: Json, query: Query) -> Json:
        """Add an owner, or change one: {id, email, first_name, last_name, teams: [names], archived}."""
        known = self.portal.owners.get(str(body.get("id") or ""))
        now = self.portal.now()
        if known is None:
            number = max((int(one) for one in self.portal.owners), default=70_000_000) + 11
            known = Owner(
                id=str(body.get("id") or number),
                user_id=number - 60_000_000,
                email=str(body["email"]),
                first_name=str(body.get("first_name") or ""),
                last_name=str(body.get("last_name") or ""),
                created=now,
            )
            self.portal.owners[known.id] = known
        for name in ("email", "first_name", "last_name", "archived"):
            if name in body:
                setattr(known, name, body[name])
        if "teams" in body:
            known.teams = [self._team(str(name)) for name in body["teams"]]
        known.updated = now
        return known.as_json()

    def _team(self, name: str) -> Team:
        for team in self.portal.teams.values():
            if team.name == name:
                return team
        made = Team(id=str(5_100_000 + len(self.portal.teams)), name=name)
        self.portal.teams[made.id] = made
        return made

    # ------------------------------------------------------------------ webhooks and tokens

    def _webhooks(self, body: Json, query: Query) -> Json:
        hooks = self.portal.webhooks
        return {
            "settings": hooks.settings.as_json(),
            "subscriptions": [one.as_json() for one in hooks.subscriptions.values()],
            "emitted": dict(hooks.emitted),
            "state": hooks.sender.state(),
        }

    def _patch_webhooks(self, body: Json, query: Query) -> Json:
        self.portal.webhooks.settings.update(body)
        self.portal.webhooks.sender.wake()
        return self._webhooks(body, query)

    def _subscribe(self, body: Json, query: Query) -> Json:
        """{"contacts": ["email", …], "tasks": ["hs_task_status"]}: every event of the type and these properties."""
        if body.get("replace", True):
            self.portal.webhooks.clear()
        for name, properties in body["objects"].items():
            self.portal.webhooks.subscribe_type(object_type(name), [str(one) for one in properties])
        return self._webhooks(body, {})

    def _flush(self, body: Json, query: Query) -> Json:
        self.portal.webhooks.sender.flush()
        return {}

    def _redeliver(self, body: Json, query: Query) -> Json:
        self.portal.webhooks.sender.redeliver(int(body.get("last") or 1))
        return {}

    def _webhook_log(self, body: Json, query: Query) -> Json:
        rows = list(self.portal.webhooks.sender.log)
        return {"attempts": rows[-int(query.get("last", "1000")) :]}

    def _wait(self, body: Json) -> Json:
        timeout = float(body.get("timeout_seconds") or 10.0)
        idle = self.portal.webhooks.sender.wait_idle(timeout, retries=bool(body.get("retries")))
        return {"idle": idle, **self.portal.webhooks.sender.state()}

    def _tokens(self, body: Json, query: Query) -> Json:
        tokens = self.service.tokens
        return {
            "access": [
                {
                    "token": one.token,
                    "app": one.app,
                    "scopes": sorted(one.scopes),
                    "expires_at": one.expires_at,
                    "revoked": one.revoked,
                }
                for one in tokens.access.values()
            ],
            "refresh": [token for token, grant in tokens.refresh.items() if not grant.revoked],
        }

    def _issue_token(self, body: Json, query: Query) -> Json:
        """A private token, or with {"oauth": true} an access and a refresh token."""
        tokens = self.service.tokens
        if not body.get("oauth"):
            return {"token": tokens.issue_private(scopes=str(body.get("scopes") or "*")).token}
        grant = Grant(scopes=frozenset(str(body.get("scopes") or DEFAULT_SCOPES).split()))
        made = tokens.issue_oauth(grant, self.portal.now(), self.service.settings.access_token_seconds)
        return {"token": made.token, "refresh_token": tokens.issue_refresh(grant)}

    def _revoke(self, body: Json, query: Query) -> Json:
        """One token (access or refresh), or with an empty body all of them, as after an uninstall."""
        tokens = self.service.tokens
        wanted = str(body.get("token") or "")
        if not wanted:
            tokens.revoke_all()
        if wanted in tokens.access:
            tokens.access[wanted].revoked = True
        if wanted in tokens.refresh:
            tokens.refresh[wanted].revoked = True
        return {}

    def _code(self, body: Json, query: Query) -> Json:
        code = self.service.tokens.issue_code(
            str(body.get("scopes") or DEFAULT_SCOPES), str(body.get("redirect_uri") or "")
        )
        return {"code": code}


def _json(status: int, body: Any) -> Outcome:
    return Outcome(
        status=status,
        body=orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS),
        headers={"Content-Type": "application/json;charset=utf-8"},
    )


def _readable(error: ApiRefusalError) -> Any:
    body = error.reply.body
    return body if isinstance(body, dict) else error.reply.status
