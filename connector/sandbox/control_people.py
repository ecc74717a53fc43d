"""Control actions of people and of HubSpot itself: edits, forms, visits, merges, imports."""

from __future__ import annotations

from connector.errors import UsageError
from connector.sandbox import forms, merging, people
from connector.sandbox.control_calls import Actions, Query
from connector.sandbox.object_types import object_type
from connector.sandbox.portal import Portal
from connector.sandbox.wire import Json


class PeopleControl:
    """What happens on the screens and the web site."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal

    def actions(self) -> Actions:
        """(method, path) -> action."""
        return {
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
        }

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
