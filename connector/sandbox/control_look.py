"""Control actions that look: records, forms, owners (and change owners)."""

from __future__ import annotations

from connector.errors import UsageError
from connector.sandbox import lists, people
from connector.sandbox.control_calls import Actions, Query
from connector.sandbox.lists_data import Sequence
from connector.sandbox.object_types import object_type
from connector.sandbox.owners_data import Owner, Team
from connector.sandbox.portal import Portal
from connector.sandbox.wire import Json


class LookControl:
    """What tests read and whom they employ."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal

    def actions(self) -> Actions:
        """(method, path) -> action."""
        return {
            ("GET", "/record"): self._record,
            ("GET", "/records"): self._records,
            ("GET", "/forms"): self._forms,
            ("GET", "/owners"): self._owners,
            ("POST", "/owners"): self._put_owner,
            ("POST", "/dispositions"): self._put_disposition,
            ("GET", "/lists"): self._lists,
            ("POST", "/lists"): self._put_list,
            ("POST", "/sequences"): self._put_sequence,
        }

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

    def _put_disposition(self, body: Json, query: Query) -> Json:
        """Name an outcome of calls: {id, label}; an unknown id is a new one, an empty label removes it."""
        if body.get("label"):
            self.portal.dispositions[str(body["id"])] = str(body["label"])
        else:
            self.portal.dispositions.pop(str(body["id"]), None)
        return {"dispositions": self.portal.dispositions}

    def _lists(self, body: Json, query: Query) -> Json:
        rows = [one.as_json() | {"members": [str(id) for _, id in one.joined()]} for one in self.portal.lists.values()]
        return {"lists": rows}

    def _put_list(self, body: Json, query: Query) -> Json:
        """Make a list, or change who is on it, as people or HubSpot's own filters do: {name, kind, add, remove}."""
        name = str(body["name"])
        found = next((one for one in self.portal.lists.values() if one.name == name), None)
        if found is None:
            found = lists.make(self.portal, name, str(body.get("kind") or "MANUAL"))
        lists.join(self.portal, found, [str(one) for one in body.get("add") or []], people.person(self.portal))
        for one in body.get("remove") or []:
            found.members.pop(int(one), None)
        return found.as_json()

    def _put_sequence(self, body: Json, query: Query) -> Json:
        """Make a sequence: {name, user_id}; without a user it is shared with everybody."""
        made = Sequence(
            id=str(7_000_000 + len(self.portal.sequences)),
            name=str(body["name"]),
            user_id=int(body.get("user_id") or 0),
            created=self.portal.now(),
        )
        self.portal.sequences[made.id] = made
        return made.as_json()

    def _team(self, name: str) -> Team:
        for team in self.portal.teams.values():
            if team.name == name:
                return team
        made = Team(id=str(5_100_000 + len(self.portal.teams)), name=name)
        self.portal.teams[made.id] = made
        return made
