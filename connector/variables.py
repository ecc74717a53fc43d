"""The environment variables that the product reads."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_HUBSPOT_URL = "https://api.hubapi.com"
DEFAULT_LOGIN_URL = "https://login.salesforce.com"
DEFAULT_PUBSUB = "api.pubsub.salesforce.com:7443"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One environment variable that the product reads; `secret` ones are also read from `NAME_FILE`."""

    name: str
    secret: bool = False
    default: str | None = None


VARIABLES = (
    Variable(name="TASUKI_DATABASE_URL", secret=True),
    Variable(name="TASUKI_HOME", default="var"),
    Variable(name="TASUKI_SECRET_KEY", secret=True),
    Variable(name="TASUKI_TOMBSTONES"),
    Variable(name="TASUKI_POLICY"),
    Variable(name="TASUKI_HOST", default="127.0.0.1"),
    Variable(name="TASUKI_PORT", default="8080"),
    Variable(name="TASUKI_PUBLIC_URL"),
    Variable(name="TASUKI_SERVE_PROCESSES", default="2"),
    Variable(name="TASUKI_METRICS_TOKEN", secret=True),
    Variable(name="TASUKI_LOG_LEVEL", default="info"),
    Variable(name="TASUKI_LANG"),  # read by connector.texts, before there is anything to say
    Variable(name="TASUKI_FORM_SECRETS", secret=True),
    Variable(name="TASUKI_FORMS_POLL_SECONDS", default="60"),
    Variable(name="TASUKI_NOTICE_NETWORKS"),
    Variable(name="TASUKI_PROXIES"),
    Variable(name="TASUKI_HUBSPOT_CLIENT_SECRET", secret=True),
    Variable(name="TASUKI_HUBSPOT_ACCESS_TOKEN", secret=True),
    Variable(name="TASUKI_HUBSPOT_PORTAL_ID"),
    Variable(name="TASUKI_HUBSPOT_APP_ID"),
    Variable(name="TASUKI_HUBSPOT_BASE_URL", default=DEFAULT_HUBSPOT_URL),
    Variable(name="TASUKI_HUBSPOT_API_VERSION", default="2026-03"),
    Variable(name="TASUKI_HUBSPOT_ACCEPT_V1", default="no"),
    Variable(name="TASUKI_HUBSPOT_TASK_QUEUES"),
    Variable(name="TASUKI_HUBSPOT_DAY_SHARE", default="50"),
    Variable(name="TASUKI_SALESFORCE_LOGIN_URL", default=DEFAULT_LOGIN_URL),
    Variable(name="TASUKI_SALESFORCE_CLIENT_ID"),
    Variable(name="TASUKI_SALESFORCE_CLIENT_SECRET", secret=True),
    Variable(name="TASUKI_SALESFORCE_USERNAME"),
    Variable(name="TASUKI_SALESFORCE_PRIVATE_KEY", secret=True),
    Variable(name="TASUKI_SALESFORCE_REFRESH_TOKEN", secret=True),
    Variable(name="TASUKI_SALESFORCE_ORG_ID"),
    Variable(name="TASUKI_SALESFORCE_WEBHOOK_SECRET", secret=True),
    Variable(name="TASUKI_SALESFORCE_MESSAGE_ACTIONS"),
    Variable(name="TASUKI_SALESFORCE_NETWORKS"),
    Variable(name="TASUKI_SALESFORCE_API_VERSION", default="66.0"),
    Variable(name="TASUKI_SALESFORCE_ALLOW_DUPLICATES", default="no"),
    Variable(name="TASUKI_SALESFORCE_POLL_SECONDS", default="60"),
    Variable(name="TASUKI_SALESFORCE_DAY_SHARE", default="50"),
    Variable(name="TASUKI_SALESFORCE_CHANGES"),
    Variable(name="TASUKI_SALESFORCE_PUBSUB", default=DEFAULT_PUBSUB),
)
"""Every variable, in the order of docs/operations.md."""
