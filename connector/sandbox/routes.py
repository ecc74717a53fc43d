"""The table of endpoints: both path families are folded into one before look-up."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from connector.sandbox import (
    account,
    associations,
    batch_objects,
    crm_objects,
    forms,
    lists,
    properties,
    search,
    sequences,
)
from connector.sandbox.object_types import object_type
from connector.sandbox.wire import ApiRefusalError, Call, Reply

Handler = Callable[[Call], Reply]

_DATED = r"(?:2025-09|2026-03)"
_FOLDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(rf"^/crm/objects/{_DATED}/([^/]+/[^/]+/associations/.+)$"), r"/crm/v4/objects/\1"),
    (re.compile(rf"^/crm/associations/{_DATED}/"), "/crm/v4/associations/"),
    (re.compile(rf"^/crm/(objects|properties|owners|pipelines|lists)/{_DATED}(?=/|$)"), r"/crm/v3/\1"),
    (re.compile(rf"^/automation/sequences/{_DATED}(?=/|$)"), "/automation/v4/sequences"),
    (re.compile(rf"^/marketing/forms/{_DATED}(?=/|$)"), "/marketing/v3/forms"),
    (re.compile(rf"^/account-info/{_DATED}/"), "/account-info/v3/"),
    (re.compile(r"^/crm/v3/objects/([^/]+/[^/]+/associations/.+)$"), r"/crm/v4/objects/\1"),
)


def folded(path: str) -> str:
    """The path in its v3/v4 form, without a trailing slash."""
    if len(path) > 1 and path.endswith("/"):
        path = path[:-1]
    if path.startswith(("/crm/", "/marketing/", "/account-info/", "/automation/")):
        for pattern, replacement in _FOLDS:
            new = pattern.sub(replacement, path, count=1)
            if new != path:
                return new
    return path


@dataclass(frozen=True, kw_only=True)
class Route:
    """One endpoint."""

    method: str
    pattern: re.Pattern[str]
    handler: Handler
    #: name for counters and faults; `{0}` is the object type in the path
    kind: str
    #: scope it needs; `{0}` is the type's scope stem; "" none
    scope: str = ""
    #: limit it counts against besides the day: "", "search" or "associations"
    group: str = ""
    #: no token needed
    public: bool = False
    json_body: bool = True


def route(
    method: str,
    pattern: str,
    handler: Handler,
    kind: str,
    scope: str = "",
    group: str = "",
    *,
    public: bool = False,
    json_body: bool = True,
) -> Route:
    compiled = re.compile(pattern.replace("{}", r"([^/]+)"))
    return Route(
        method=method,
        pattern=compiled,
        handler=handler,
        kind=kind,
        scope=scope,
        group=group,
        public=public,
        json_body=json_body,
    )


_O = "/crm/v3/objects/{}"
_P = "/crm/v3/properties/{}"
_S = "/automation/v4/sequences"
_A = "/crm/v4/associations/{}/{}"
_R, _W = "crm.objects.{0}.read", "crm.objects.{0}.write"
_SR, _SW = "crm.schemas.{0}.read", "crm.schemas.{0}.write"

CRM_ROUTES: tuple[Route, ...] = (
    route("POST", f"{_O}/batch/read", batch_objects.batch_read, "{0}.batch_read", _R),
    route("POST", f"{_O}/batch/update", batch_objects.batch_update, "{0}.batch_update", _W),
    route("POST", f"{_O}/batch/create", batch_objects.batch_create, "{0}.batch_create", _W),
    route("POST", f"{_O}/batch/upsert", batch_objects.batch_upsert, "{0}.batch_upsert", _W),
    route("POST", f"{_O}/batch/archive", batch_objects.batch_archive, "{0}.batch_archive", _W),
    route("POST", f"{_O}/search", search.search, "{0}.search", _R, "search"),
    route("POST", f"{_O}/merge", crm_objects.merge_records, "{0}.merge", _W),
    route("POST", f"{_O}/gdpr-delete", crm_objects.gdpr_delete, "{0}.gdpr_delete", _W),
    route("GET", _O, crm_objects.list_records, "{0}.list", _R),
    route("POST", _O, crm_objects.create_record, "{0}.create", _W),
    route("GET", f"{_O}/{{}}", crm_objects.get_record, "{0}.get", _R),
    route("PATCH", f"{_O}/{{}}", crm_objects.update_record, "{0}.update", _W),
    route("DELETE", f"{_O}/{{}}", crm_objects.archive_record, "{0}.archive", _W),
    route("POST", f"{_A}/batch/read", associations.batch_read, "associations.batch_read", _R, "associations"),
    route("POST", f"{_A}/batch/create", associations.batch_create, "associations.batch_create", _W, "associations"),
    route(
        "POST",
        f"{_A}/batch/associate/default",
        associations.batch_create,
        "associations.batch_create",
        _W,
        "associations",
    ),
    route("POST", f"{_A}/batch/archive", associations.batch_archive, "associations.batch_archive", _W, "associations"),
    route("GET", f"{_A}/labels", associations.list_labels, "associations.labels", _R),
    route("POST", f"{_A}/labels", associations.create_label, "associations.create_label", _W),
    route("GET", "/crm/v4/objects/{}/{}/associations/{}", associations.list_of_record, "associations.list", _R),
    route("PUT", "/crm/v4/objects/{}/{}/associations/default/{}/{}", associations.put_link, "associations.create", _W),
    route("PUT", "/crm/v4/objects/{}/{}/associations/{}/{}", associations.put_link, "associations.create", _W),
    route("DELETE", "/crm/v4/objects/{}/{}/associations/{}/{}", associations.delete_link, "associations.archive", _W),
    route("GET", f"{_P}/groups", properties.list_groups, "properties.groups", _SR),
    route("POST", f"{_P}/groups", properties.create_group, "properties.create_group", _SW),
    route("GET", f"{_P}/groups/{{}}", properties.get_group, "properties.get_group", _SR),
    route("POST", f"{_P}/batch/create", properties.batch_create, "properties.batch_create", _SW),
    route("POST", f"{_P}/batch/read", properties.batch_read, "properties.batch_read", _SR),
    route("GET", _P, properties.list_properties, "properties.list", _SR),
    route("POST", _P, properties.create_property, "properties.create", _SW),
    route("GET", f"{_P}/{{}}", properties.get_property, "properties.get", _SR),
    route("PATCH", f"{_P}/{{}}", properties.update_property, "properties.update", _SW),
    route("DELETE", f"{_P}/{{}}", properties.archive_property, "properties.archive", _SW),
    route("GET", "/crm/v3/owners", account.list_owners, "owners.list", "crm.objects.owners.read"),
    route("GET", "/crm/v3/owners/{}", account.get_owner, "owners.get", "crm.objects.owners.read"),
    route("GET", "/settings/v3/users/teams", account.list_teams, "teams.list", "settings.users.teams.read"),
    route(
        "GET", "/calling/v1/dispositions", account.list_dispositions, "dispositions.list", "crm.objects.contacts.read"
    ),
    route("GET", "/crm/v3/pipelines/{}", account.list_pipelines, "pipelines.list", _SR),
    route("POST", "/crm/v3/pipelines/{}", account.create_pipeline, "pipelines.create", _SW),
    route("GET", "/crm/v3/pipelines/{}/{}", account.get_pipeline, "pipelines.get", _SR),
    route("GET", "/crm/v3/pipelines/{}/{}/stages", account.list_stages, "pipelines.stages", _SR),
    route("POST", "/crm/v3/pipelines/{}/{}/stages", account.create_stage, "pipelines.create_stage", _SW),
    route("POST", "/crm/v3/lists", lists.create, "lists.create", "crm.lists.write"),
    route("GET", "/crm/v3/lists/object-type-id/{}/name/{}", lists.by_name, "lists.by_name", "crm.lists.read"),
    route("GET", "/crm/v3/lists/{}", lists.get, "lists.get", "crm.lists.read"),
    route("PUT", "/crm/v3/lists/{}/memberships/add", lists.add, "lists.add", "crm.lists.write"),
    route("GET", "/crm/v3/lists/{}/memberships/join-order", lists.join_order, "lists.join_order", "crm.lists.read"),
    route("GET", f"{_S}", sequences.list_sequences, "sequences.list", "automation.sequences.read"),
    route("POST", f"{_S}/enrollments", sequences.enroll, "sequences.enroll", "automation.sequences.enrollments.write"),
    route("GET", f"{_S}/enrollments/contact/{{}}", sequences.status, "sequences.status", "automation.sequences.read"),
    route("GET", "/marketing/v3/forms", forms.list_v3, "forms.list", "forms"),
    route("GET", "/marketing/v3/forms/{}", forms.get_v3, "forms.get", "forms"),
    route("GET", "/forms/v2/forms", forms.list_v2, "forms.list_v2", "forms"),
    route("POST", "/submissions/v3/integration/submit/{}/{}", forms.submit, "forms.submit", public=True),
    route("POST", "/submissions/v3/integration/secure/submit/{}/{}", forms.submit, "forms.submit", "forms"),
    route("GET", "/form-integrations/v1/submissions/forms/{}", forms.list_submissions, "forms.submissions", "forms"),
    route("GET", "/account-info/v3/details", account.account_details, "account.details"),
    route("GET", "/integrations/v1/me", account.integrations_me, "account.me"),
)


class Router:
    """Finds the route of a call."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self._by_method: dict[str, list[Route]] = {}
        for route in routes:
            self._by_method.setdefault(route.method, []).append(route)

    def match(self, method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
        """The route and the path's arguments."""
        for route in self._by_method.get(method, ()):
            found = route.pattern.fullmatch(path)
            if found is not None:
                return route, found.groups()
        return None

    def methods(self, path: str) -> list[str]:
        """Methods that the path knows, for a 405."""
        return [method for method in self._by_method if self.match(method, path)]


def kind_of(route: Route, args: tuple[str, ...]) -> tuple[str, str]:
    """(kind, scope) with the object type filled in."""
    if "{0}" not in route.kind and "{0}" not in route.scope:
        return route.kind, route.scope
    try:
        found = object_type(args[0])
    except ApiRefusalError:
        return route.kind.format("unknown"), ""
    return route.kind.format(found.name), route.scope.format(found.scope)
