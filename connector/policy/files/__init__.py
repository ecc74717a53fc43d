"""The form of every file of a policy: pydantic models, one module a file. References are checked by `build`."""

from __future__ import annotations

from collections.abc import Mapping

from connector.policy.files.base import FileModel
from connector.policy.files.examples import ExamplesFile
from connector.policy.files.fields import FieldsFile
from connector.policy.files.handoff import HandoffFile
from connector.policy.files.kpi import KpiFile
from connector.policy.files.lifecycle import LifecycleFile
from connector.policy.files.recycle import RecycleFile
from connector.policy.files.routing import RoutingFile
from connector.policy.files.scoring import ScoringFile
from connector.policy.files.settings import PolicyFile
from connector.policy.files.signals import SignalsFile
from connector.policy.files.sla import SlaFile
from connector.policy.files.work import WorkFile

MODELS: Mapping[str, type[FileModel]] = {
    "policy": PolicyFile,
    "fields": FieldsFile,
    "signals": SignalsFile,
    "scoring": ScoringFile,
    "lifecycle": LifecycleFile,
    "work": WorkFile,
    "routing": RoutingFile,
    "sla": SlaFile,
    "handoff": HandoffFile,
    "recycle": RecycleFile,
    "kpi": KpiFile,
    "examples": ExamplesFile,
}
"""File stem → its model."""
