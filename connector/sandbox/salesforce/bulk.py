"""Bulk API 2.0: ingest jobs (insert, update, upsert, delete) from CSV, and query jobs."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.sandbox.salesforce import query, rows, soql, writing
from connector.sandbox.salesforce.ids import made_id
from connector.sandbox.salesforce.org import Org, Row, stamp
from connector.sandbox.salesforce.schema import ObjectInfo
from connector.sandbox.salesforce.wire import Actor, Call, Headers, Json, RefusalError, Reply, not_found, refusal
from connector.sandbox.salesforce.writing import RowRefusedError

MAX_BYTES = 150 * 1024 * 1024
_OPERATIONS = ("insert", "update", "upsert", "delete")
_NULL = "#N/A"
_CSV = "text/csv;charset=UTF-8"
_PAGE = 50_000


@dataclass(slots=True)
class Job:
    """One job. `done` holds the rows of the three result files."""

    id: str
    operation: str
    object: str
    created: int
    actor: Actor
    version: str
    external: str = ""
    query: str = ""
    assignment: bool = False
    state: str = "Open"
    content: str | None = None
    closed_at: int = 0
    header: list[str] = field(default_factory=list)
    done: dict[str, list[dict[str, str]]] = field(
        default_factory=lambda: {"successfulResults": [], "failedResults": [], "unprocessedrecords": []}
    )
    records: list[Json] = field(default_factory=list)


@dataclass
class Jobs:
    """The jobs of an org."""

    known: dict[str, Job] = field(default_factory=dict)
    ingests: int = 0
    queries: int = 0

    # ── ingest ───────────────────────────────────────────────────────────────────────────────────────────────

    def create_ingest(self, call: Call) -> Reply:
        """POST /jobs/ingest"""
        body = rows.body_object(call.body)
        operation = str(body.get("operation"))
        if operation not in _OPERATIONS:
            raise refusal(400, "INVALIDJOB", f"Operation {operation} not supported")
        info = query.source(call.org, str(body.get("object")))
        external = str(body.get("externalIdFieldName") or "")
        if operation == "upsert" and not external:
            raise refusal(400, "INVALIDJOB", "externalIdFieldName is needed for upsert")
        self.ingests += 1
        job = self._new(call, operation, info.name)
        job.external = external
        job.assignment = bool(body.get("assignmentRuleId"))
        return Reply(body=self._shown(call, job))

    def upload(self, call: Call) -> Reply:
        """PUT /jobs/ingest/{id}/batches: once, text/csv"""
        job = self._job(call)
        if job.state != "Open" or job.content is not None:
            raise refusal(400, "INVALIDJOBSTATE", "Found multiple contents for job: a job takes one upload")
        if "text/csv" not in call.header("content-type"):
            raise refusal(415, "UNSUPPORTED_MEDIA_TYPE", "Content-Type is text/csv")
        if len(call.raw_body) > MAX_BYTES:
            raise refusal(400, "INVALIDBATCH", "The content is larger than 150 MB")
        job.content = call.raw_body.decode("utf-8")
        return Reply(status=201)

    def patch(self, call: Call) -> Reply:
        """PATCH /jobs/ingest/{id} {"state": "UploadComplete" | "Aborted"}"""
        job = self._job(call)
        state = str(rows.body_object(call.body).get("state"))
        if job.state != "Open" or state not in ("UploadComplete", "Aborted"):
            raise refusal(400, "INVALIDJOBSTATE", f"The job cannot go from {job.state} to {state}")
        job.state, job.closed_at = state, call.org.now()
        self._work(call.org, job)
        return Reply(body=self._shown(call, job))

    def get(self, call: Call) -> Reply:
        """GET /jobs/{ingest|query}/{id}"""
        job = self._job(call)
        self._work(call.org, job)
        return Reply(body=self._shown(call, job))

    def delete(self, call: Call) -> Reply:
        """DELETE /jobs/ingest/{id}"""
        del self.known[self._job(call).id]
        return Reply(status=204)

    def results(self, call: Call) -> Reply:
        """GET /jobs/ingest/{id}/{successfulResults|failedResults|unprocessedrecords}"""
        job = self._job(call)
        name = call.args[1]
        if name not in job.done:
            raise not_found()
        extra = {"successfulResults": ["sf__Id", "sf__Created"], "failedResults": ["sf__Id", "sf__Error"]}.get(name, [])
        text = io.StringIO()
        writer = csv.DictWriter(text, [*extra, *job.header], lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(job.done[name])
        return Reply(body=text.getvalue().encode(), content_type=_CSV)

    # ── query ────────────────────────────────────────────────────────────────────────────────────────────────

    def create_query(self, call: Call) -> Reply:
        """POST /jobs/query {"operation": "query" | "queryAll", "query": …}"""
        body = rows.body_object(call.body)
        parsed = soql.parse(str(body.get("query")))
        query.run(call.org, parsed, call.version)  # refuses what cannot be run
        self.queries += 1
        job = self._new(call, str(body.get("operation")), query.source(call.org, parsed.source).name)
        job.query, job.state, job.closed_at = str(body.get("query")), "UploadComplete", call.org.now()
        return Reply(body=self._shown(call, job))

    def query_results(self, call: Call) -> Reply:
        """GET /jobs/query/{id}/results?maxRecords=&locator="""
        job = self._job(call)
        if job.state != "JobComplete":
            raise refusal(400, "INVALIDJOBSTATE", f"The job is {job.state}")
        start = int(call.one("locator") or 0)
        page = job.records[start : start + int(call.one("maxRecords") or _PAGE)]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
        names = [one.path for one in soql.parse(job.query).select]
        writer.writerow(names)
        writer.writerows([_cell(_at(one, name)) for name in names] for one in page)
        following = start + len(page)
        locator = str(following) if following < len(job.records) else "null"
        headers = {"Sforce-Locator": locator, "Sforce-NumberOfRecords": str(len(page))}
        return Reply(body=text.getvalue().encode(), headers=headers, content_type=_CSV)

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────────

    def _new(self, call: Call, operation: str, name: str) -> Job:
        job = Job(made_id("750", len(self.known) + 1), operation, name, call.org.now(), call.actor, call.version)
        self.known[job.id] = job
        return job

    def _job(self, call: Call) -> Job:
        found = self.known.get(call.args[0])
        if found is None:
            raise not_found()
        return found

    def _work(self, org: Org, job: Job) -> None:
        """A closed job is worked off once its time has passed."""
        if job.state not in ("UploadComplete", "InProgress"):
            return
        if org.now() < job.closed_at + org.settings.bulk_seconds * 1000:
            job.state = "InProgress"
            return
        if job.query:
            _, job.records = query.run(org, soql.parse(job.query), job.version, deleted=job.operation == "queryAll")
        else:
            self._ingest(org, job)
        job.state = "JobComplete"

    def _ingest(self, org: Org, job: Job) -> None:
        reader = csv.DictReader(io.StringIO(job.content or ""))
        job.header = list(reader.fieldnames or [])
        info = org.objects[job.object]
        for given in reader:
            try:
                row, created = self._applied(org, job, info, given)
            except RowRefusedError as error:
                first = error.problems[0]
                told = f"{first.code}:{first.message}:{','.join(first.fields) or '--'}"
                job.done["failedResults"].append({"sf__Id": given.get("Id", ""), "sf__Error": told, **given})
            except RefusalError as error:
                first = error.problems[0]
                word = "InvalidBatch " if first.code == "INVALID_FIELD" else first.code
                told = f"{word}:{first.message}:--"
                job.done["failedResults"].append({"sf__Id": given.get("Id", ""), "sf__Error": told, **given})
            else:
                job.done["successfulResults"].append({"sf__Id": row.id, "sf__Created": str(created).lower(), **given})

    def _applied(self, org: Org, job: Job, info: ObjectInfo, given: Mapping[str, str]) -> tuple[Row, bool]:
        # an empty cell leaves the field alone, #N/A clears it; without a rule in the job nothing is assigned
        values: dict[str, Any] = {name: None if one == _NULL else one for name, one in given.items() if one != ""}
        headers = Headers(auto_assign=job.assignment)
        if job.operation == "insert":
            return writing.insert(org, info, values, job.actor, headers), True
        if job.operation == "upsert":
            found = rows.by_external(org, info, job.external, str(values.get(job.external) or ""))
            if found:
                return writing.update(org, found[0], values, job.actor, headers), False
            return writing.insert(org, info, values, job.actor, headers), True
        row = writing.lookup(org, values.pop("Id", ""), info)
        if job.operation == "delete":
            writing.remove(org, row, job.actor)
            return row, False
        return writing.update(org, row, values, job.actor, headers), False

    def _shown(self, call: Call, job: Job) -> Json:
        failed, good = len(job.done["failedResults"]), len(job.done["successfulResults"])
        kind = "query" if job.query else "ingest"
        shown: Json = {
            "id": job.id,
            "operation": job.operation,
            "object": job.object,
            "createdById": job.actor.user_id,
            "createdDate": stamp(job.created),
            "systemModstamp": stamp(call.org.now()),
            "state": job.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(job.version),
            "jobType": "V2Query" if job.query else "V2Ingest",
            "lineEnding": "LF",
            "columnDelimiter": "COMMA",
            "numberRecordsProcessed": len(job.records) if job.query else failed + good,
            "numberRecordsFailed": failed,
            "retries": 0,
        }
        if kind == "ingest":
            shown["contentUrl"] = f"services/data/v{job.version}/jobs/ingest/{job.id}/batches"
            if job.external:
                shown["externalIdFieldName"] = job.external
        return shown


def _cell(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _at(record: Json, path: str) -> Any:
    value: Any = record
    for step in path.split("."):
        lowered = {name.lower(): one for name, one in (value or {}).items()}
        value = lowered.get(step.lower())
    return value
