"""A whole relay between a HubSpot portal and a Salesforce org: both sandboxes over HTTP; see `tests/e2e/relay.py`."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from connector.bootstrap import open_vault
from connector.bootstrap_salesforce import connect_salesforce
from connector.sandbox.handle import SandboxHandle
from connector.sandbox.salesforce.handle import SalesforceHandle
from connector.settings_salesforce import SalesforceSettings
from connector.store.database import Database
from connector.store.reconcile_passes import Scope
from connector.sync.context import Limits, Line
from connector.sync.deliver import deliver_slice
from connector.sync.evaluate import evaluate_slice
from connector.sync.reading import read_slice
from connector.sync.reconcile import begin, look, types
from connector.sync.sweep import sweep_slice, sweep_wanted
from connector.vendors.base import Lane
from tests.e2e.connected_before import org_connected_before
from tests.e2e.relay import Relay, as_a_job

TWO_CRMS = Path(__file__).parent / "two_crms"


class BothRelay(Relay):
    """The product beside a portal and an org; `line` is the portal's."""

    def __init__(
        self,
        sandbox: SandboxHandle,
        org: SalesforceHandle,
        database: Database,
        home: Path,
        policy: Path,
        limits: Limits,
        *,
        org_later: bool = False,
    ) -> None:
        self.org, self._org_later = org, org_later
        super().__init__(sandbox, database, home, policy, limits)

    def _connect(self) -> tuple[int, int]:
        installation_id, connection_id = super()._connect()
        if not self._org_later:
            self._connect_org(installation_id)
        return installation_id, connection_id

    def connect_org(self) -> None:
        """The org, which is new, is connected beside the portal."""
        self._connect_org(self.installation_id)
        self.runtime.close()
        self.runtime = self._runtime()

    def _connect_org(self, installation_id: int) -> None:
        org = self.org
        salesforce = SalesforceSettings(
            login_url=org.base_url,
            client_id=org.client_id,
            client_secret=org.client_secret,
            org_id=org.organization_id,
        )
        self.settings = replace(self.settings, salesforce=salesforce)
        vault = open_vault(self.settings)
        with org_connected_before(org, self.policy):
            _, self.org_connection_id = connect_salesforce(
                self.database, vault, salesforce, self.policy, installation_id=installation_id
            )

    @property
    def lines(self) -> dict[int, Line]:
        """Both connections."""
        return self.runtime.lines(self.tenant)

    @property
    def org_line(self) -> Line:
        """The org's connection."""
        return self.lines[self.org_connection_id]

    def close(self) -> None:
        """Stop everything."""
        super().close()
        self.org.close()

    # ── what is done ─────────────────────────────────────────────────────────────────────────────────────────
    def meet(self) -> None:
        """See everybody of both for the first time."""
        for line in self.lines.values():
            while sweep_wanted(line):
                sweep_slice(line)

    def hear(self) -> None:
        """What the portal tells, and what a look at the org shows."""
        super().hear()
        self.look_at_org()

    def has_news(self) -> bool:
        """A look at the org may have: it wants reads, and time goes on."""
        return True

    def look_at_org(self) -> None:
        """The poll of the org, through to the end; its moments have whole seconds."""
        self.pass_time(seconds=1)
        line = self.org_line
        for one in begin(line, Scope.CHANGES, types(line)[Scope.CHANGES]):
            while one.under_way:
                one = look(line, one)  # noqa: PLW2901

    def round(self) -> int:
        """One slice of every kind, of both."""
        done = self.decide()
        for line in self.lines.values():
            for lane in Lane:
                done += as_a_job(lambda line=line, lane=lane: deliver_slice(line, lane))
        return done

    def decide(self) -> int:
        """Everything but writing."""
        done = self.runtime.ingest()
        for line in self.lines.values():
            for lane in Lane:
                done += as_a_job(lambda line=line, lane=lane: read_slice(line, lane))
        return done + evaluate_slice(self.tenant)

    def pass_time(self, *, rate: float = 1.0, **span: float) -> None:
        """Time goes on, here and in both CRMs."""
        seconds = timedelta(**span).total_seconds()
        self.org.set_clock(advance_seconds=seconds, rate=rate)
        super().pass_time(rate=rate, **span)

    # ── what can be seen ─────────────────────────────────────────────────────────────────────────────────────
    def fields(self, record_id: str) -> dict[str, Any]:
        """A record's fields as the org holds them; blank ones are absent."""
        found: dict[str, Any] = self.org.record(record_id)["fields"]
        return found

    def people_of_org(self) -> list[dict[str, Any]]:
        """The org's leads, with their ids."""
        return [one["fields"] | {"Id": one["id"]} for one in self.org.records("Lead")]

    def org_writes(self, *, since: int = 0, type: str = "Lead") -> list[dict[str, Any]]:
        """The org's ledger of what we wrote."""
        return self.org.ledger(since=since, type=type, source="API")

    def org_mark(self) -> int:
        """Where the org's ledger stands now."""
        self.org.reset_calls()
        return int(self.org.control("GET", "/ledger")["last"])
