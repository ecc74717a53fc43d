"""The settings: read once from `TASUKI_*` variables, checked together, then frozen.

    settings = Settings.from_environ(os.environ)

Every problem is told at once, with the variable and the remedy. A variable that holds a secret may also be given as
`NAME_FILE`, the path of a file that holds it (Docker and Kubernetes secrets). `docs/operations.md` describes each.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from connector.errors import UsageError
from connector.settings_salesforce import SalesforceSettings, faults
from connector.texts import joined, listing, say
from connector.variables import DEFAULT_HUBSPOT_URL, VARIABLES

API_VERSIONS = ("2026-03", "v3")
LOG_LEVELS = ("debug", "info", "warning", "error")
SHORTEST_FORM_SECRET = 16
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
Network = IPv4Network | IPv6Network
_SOURCE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


class SettingsError(UsageError):
    """The settings are not usable as they are; each problem names the variable and what to set it to."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        head = say("Mend these settings (see docs/operations.md):")
        super().__init__(joined("\n", (head, listing(problems))), reason="settings")


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSpotSettings:
    """One portal and the private app in it. The first client secret is the newest; others still open deliveries."""

    portal_id: int
    client_secrets: tuple[str, ...] = field(repr=False)
    access_token: str = field(repr=False)
    base_url: str = DEFAULT_HUBSPOT_URL
    api_version: str = "2026-03"  #: One of API_VERSIONS: the family of paths.
    app_id: int | None = None  #: Our app, as HubSpot names it in the source of changes.
    day_share: float = 0.5  #: The part of the portal's calls of a day that we may use.
    accept_v1: bool = False  #: Accept deliveries with the old signature, which does not resist replay.
    #: The policy's queue → the id of HubSpot's task queue, which only people can make.
    task_queues: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What this process was told. No secret shows in its repr.

    `database_url` None means the embedded server below `home`. `secret_keys` are Fernet keys, newest first; empty
    with the embedded server means the key file (see `connector.store.vault`). `public_url` is the address that
    senders call, without a slash at the end. `form_secrets` maps a source to its secrets, newest first.
    `tombstones` names the file beside the database that remembers who was erased; see `tombstone_file`.
    `notice_networks` are the inner networks that notices may be sent into.
    """

    home: Path
    database_url: str | None = field(default=None, repr=False)
    secret_keys: tuple[str, ...] = field(default=(), repr=False)
    tombstones: Path | None = None
    policy: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str = "http://127.0.0.1:8080"
    serve_processes: int = 2
    metrics_token: str | None = field(default=None, repr=False)
    log_level: str = "info"
    forms_poll_seconds: int = 60
    form_secrets: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    notice_networks: tuple[Network, ...] = ()
    hubspot: HubSpotSettings | None = None
    salesforce: SalesforceSettings | None = None

    @property
    def embedded(self) -> bool:
        """True when the product runs a PostgreSQL of its own below `home`."""
        return self.database_url is None

    @property
    def key_file(self) -> Path:
        """Where the secret key of an embedded installation is kept."""
        return self.home / "secret.key"

    @property
    def tombstone_file(self) -> Path | None:
        """Where erasures are remembered outside the database; None: nowhere, since nobody said where."""
        return self.tombstones or (self.home / "tombstones.jsonl" if self.embedded else None)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Read and check every variable. Raises `SettingsError` with all problems at once."""
        read = _Reader(environ)
        read.check_names()
        host, port = read.text("TASUKI_HOST"), read.integer("TASUKI_PORT", 0, 65535)
        local_url = f"http://{host}:{port}"
        database_url = read.database_url()
        settings = cls(
            home=Path(read.text("TASUKI_HOME")).absolute(),
            database_url=database_url,
            secret_keys=read.secret_keys(required=database_url is not None),
            tombstones=read.file("TASUKI_TOMBSTONES"),
            policy=read.folder("TASUKI_POLICY"),
            host=host,
            port=port,
            public_url=read.url("TASUKI_PUBLIC_URL") or local_url,
            serve_processes=read.integer("TASUKI_SERVE_PROCESSES", 1, 64),
            metrics_token=read.secret("TASUKI_METRICS_TOKEN") or None,
            log_level=read.choice("TASUKI_LOG_LEVEL", LOG_LEVELS),
            forms_poll_seconds=read.integer("TASUKI_FORMS_POLL_SECONDS", 1, 86_400),
            form_secrets=read.form_secrets(),
            notice_networks=read.networks("TASUKI_NOTICE_NETWORKS"),
            hubspot=read.hubspot(),
            salesforce=read.salesforce(),
        )
        if read.problems:
            raise SettingsError(tuple(read.problems))
        return settings


class _Reader:
    """Reads variables one by one and collects what is wrong; a faulty one reads as its default."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._defaults = {variable.name: variable.default or "" for variable in VARIABLES}
        self.problems: list[str] = []

    def check_names(self) -> None:
        """A name that is nearly one of ours is a slip; others (a container platform's own) are left alone."""
        known = {v.name for v in VARIABLES} | {f"{v.name}_FILE" for v in VARIABLES if v.secret}
        for name in sorted(self._environ):
            if name.startswith("TASUKI_") and name not in known:
                near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.85)
                if near:
                    self.problems.append(say("{name} is not a setting: did you mean {near}?", name=name, near=near[0]))

    def given(self, name: str) -> str:
        return self._environ.get(name, "").strip()

    def text(self, name: str) -> str:
        return self.given(name) or self._defaults[name]

    def secret(self, name: str) -> str:
        value, path = self.given(name), self.given(f"{name}_FILE")
        if value and path:
            self.problems.append(say("{name} and {name}_FILE are both set: keep one of them", name=name))
        if value or not path:
            return value
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            self.problems.append(
                say(
                    "{name}_FILE: {path} cannot be read ({error}): mend the path or its rights",
                    name=name,
                    path=path,
                    error=type(error).__name__,
                )
            )
            return ""

    def integer(self, name: str, low: int, high: int) -> int:
        text = self.text(name)
        if re.fullmatch(r"[0-9]{1,18}", text) and low <= int(text) <= high:
            return int(text)
        of_kubernetes = say(" (Kubernetes sets it for a service of that name: enableServiceLinks: false)")
        hint = of_kubernetes if "://" in text else ""
        self.problems.append(
            say(
                "{name} must be a whole number from {low} to {high}, not {text!r}{hint}",
                name=name,
                low=low,
                high=high,
                text=text,
                hint=hint,
            )
        )
        return low

    def share(self, name: str) -> float:
        return self.integer(name, 1, 100) / 100

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        text = self.text(name).lower()
        if text not in allowed:
            self.problems.append(
                say("{name} must be one of {allowed}, not {text!r}", name=name, allowed=", ".join(allowed), text=text)
            )
        return text

    def file(self, name: str) -> Path | None:
        text = self.text(name)
        if text and (Path(text).is_dir() or not Path(text).absolute().parent.is_dir()):
            self.problems.append(say("{name}: {text!r} is no file in a folder that exists", name=name, text=text))
        return Path(text).absolute() if text else None

    def folder(self, name: str) -> Path | None:
        text = self.text(name)
        if text and not Path(text).is_dir():
            self.problems.append(
                say(
                    "{name}: there is no folder {text!r}; name one that holds a policy's YAML files",
                    name=name,
                    text=text,
                )
            )
        return Path(text).absolute() if text else None

    def url(self, name: str) -> str:
        text = self.text(name).rstrip("/")
        if text and not _is_web_address(text):
            self.problems.append(
                say("{name} must be a web address such as https://crm.example.co.jp, without a query", name=name)
            )
        return text

    def database_url(self) -> str | None:
        text = self.secret("TASUKI_DATABASE_URL")
        if not text:
            return None
        try:
            conninfo_to_dict(text)
        except ProgrammingError:  # its words repeat the password
            self.problems.append(
                say("TASUKI_DATABASE_URL must look like postgresql://user:password@host:5432/database")
            )
        return text

    def secret_keys(self, *, required: bool) -> tuple[str, ...]:
        keys = _parts(self.secret("TASUKI_SECRET_KEY"))
        remedy = say("make one with: openssl rand -base64 32 | tr '+/' '-_'")
        if required and not keys:
            self.problems.append(
                say("TASUKI_SECRET_KEY must be set when TASUKI_DATABASE_URL is; {remedy}", remedy=remedy)
            )
        for place, key in enumerate(keys, start=1):
            try:
                Fernet(key)
            except ValueError:
                self.problems.append(
                    say(
                        "TASUKI_SECRET_KEY: key {place} is not 32 bytes in URL-safe base64; {remedy}",
                        place=place,
                        remedy=remedy,
                    )
                )
        return keys

    def form_secrets(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for place, pair in enumerate(_parts(self.secret("TASUKI_FORM_SECRETS")), start=1):
            source, sign, value = (part.strip() for part in pair.partition("="))
            if not sign or not _SOURCE.fullmatch(source):
                self.problems.append(
                    say(
                        "TASUKI_FORM_SECRETS: entry {place} must read source=secret, the source of a-z, 0-9, - and _",
                        place=place,
                    )
                )
            elif len(value) < SHORTEST_FORM_SECRET:
                self.problems.append(
                    say(
                        "TASUKI_FORM_SECRETS: the secret of {source!r} needs {least} characters or more",
                        source=source,
                        least=SHORTEST_FORM_SECRET,
                    )
                )
            else:
                found[source] = (*found.get(source, ()), value)
        return MappingProxyType(found)

    def networks(self, name: str) -> tuple[Network, ...]:
        found: list[Network] = []
        for text in _parts(self.given(name)):
            try:
                found.append(ip_network(text))
            except ValueError:
                self.problems.append(
                    say("{name}: {text!r} must be a network such as 10.1.2.0/24 or an address", name=name, text=text)
                )
        return tuple(found)

    def hubspot(self) -> HubSpotSettings | None:
        secrets = _parts(self.secret("TASUKI_HUBSPOT_CLIENT_SECRET"))
        token = self.secret("TASUKI_HUBSPOT_ACCESS_TOKEN")
        portal = self.given("TASUKI_HUBSPOT_PORTAL_ID")
        base_url = self.url("TASUKI_HUBSPOT_BASE_URL")
        version = self.choice("TASUKI_HUBSPOT_API_VERSION", API_VERSIONS)
        accept_v1 = self.choice("TASUKI_HUBSPOT_ACCEPT_V1", ("no", "yes")) == "yes"
        if not (secrets or token or portal):
            return None
        missing = {"CLIENT_SECRET": secrets, "ACCESS_TOKEN": token, "PORTAL_ID": portal}
        self.problems += [
            say(
                "{name} is missing: a portal needs its client secret, its access token and its id",
                name=f"TASUKI_HUBSPOT_{name}",
            )
            for name, value in missing.items()
            if not value
        ]
        self._check_reach(base_url)
        return HubSpotSettings(
            portal_id=self.integer("TASUKI_HUBSPOT_PORTAL_ID", 1, 10**15) if portal else 0,
            client_secrets=secrets,
            access_token=token,
            base_url=base_url,
            api_version=version,
            app_id=self.integer("TASUKI_HUBSPOT_APP_ID", 1, 10**15) if self.given("TASUKI_HUBSPOT_APP_ID") else None,
            accept_v1=accept_v1,
            day_share=self.share("TASUKI_HUBSPOT_DAY_SHARE"),
            task_queues=self.task_queues(),
        )

    def task_queues(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for pair in _parts(self.given("TASUKI_HUBSPOT_TASK_QUEUES")):
            queue, _, number = (part.strip() for part in pair.partition("="))
            if not queue or not re.fullmatch(r"[0-9]{1,18}", number):
                self.problems.append(
                    say("TASUKI_HUBSPOT_TASK_QUEUES: {pair!r} must read queue=id, such as tele_call=123456", pair=pair)
                )
            found[queue] = number
        return MappingProxyType(found)

    def salesforce(self) -> SalesforceSettings | None:
        client_id = self.given("TASUKI_SALESFORCE_CLIENT_ID")
        names = ("CLIENT_SECRET", "PRIVATE_KEY", "REFRESH_TOKEN", "WEBHOOK_SECRET")
        secrets = {name: self.secret(f"TASUKI_SALESFORCE_{name}") for name in names}
        login_url = self.url("TASUKI_SALESFORCE_LOGIN_URL")
        allow_duplicates = self.choice("TASUKI_SALESFORCE_ALLOW_DUPLICATES", ("no", "yes")) == "yes"
        poll_seconds = self.integer("TASUKI_SALESFORCE_POLL_SECONDS", 10, 86_400)
        if not client_id and not any(secrets.values()):
            return None
        found = SalesforceSettings(
            login_url=login_url,
            client_id=client_id,
            client_secret=secrets["CLIENT_SECRET"] or None,
            username=self.given("TASUKI_SALESFORCE_USERNAME") or None,
            private_key=secrets["PRIVATE_KEY"] or None,
            refresh_token=secrets["REFRESH_TOKEN"] or None,
            org_id=self.given("TASUKI_SALESFORCE_ORG_ID") or None,
            webhook_secrets=_parts(secrets["WEBHOOK_SECRET"]),
            message_actions=_parts(self.given("TASUKI_SALESFORCE_MESSAGE_ACTIONS")),
            networks=self.networks("TASUKI_SALESFORCE_NETWORKS"),
            proxies=self.networks("TASUKI_PROXIES"),
            api_version=self.text("TASUKI_SALESFORCE_API_VERSION"),
            allow_duplicates=allow_duplicates,
            poll_seconds=poll_seconds,
            day_share=self.share("TASUKI_SALESFORCE_DAY_SHARE"),
            changes=self.given("TASUKI_SALESFORCE_CHANGES") or None,
            pubsub=self.text("TASUKI_SALESFORCE_PUBSUB"),
        )
        self.problems += [problem for wrong, problem in faults(found) if wrong]
        return found

    def _check_reach(self, base_url: str) -> None:
        """A real portal signs the address that it calls, over TLS; only one on this machine may do without."""
        if urlsplit(base_url).hostname in _LOOPBACK:
            return
        if urlsplit(base_url).scheme != "https":
            self.problems.append(
                say("TASUKI_HUBSPOT_BASE_URL must begin with https://: the access token travels with it")
            )
        if not self.given("TASUKI_PUBLIC_URL"):
            self.problems.append(
                say("TASUKI_PUBLIC_URL must be the address that HubSpot calls: it is part of what HubSpot signs")
            )


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and plain and not re.search(r"\s", text)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
