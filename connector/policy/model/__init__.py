"""The compiled policy: what the engine and the sync read. Built by `loader.py`, never by hand.

Everything here is frozen and already resolved: lists are inlined, defaults applied, references checked. One module a
file of the policy.
"""

from connector.policy.model.actions import (
    Action,
    Assign,
    AssignAction,
    EnrolAction,
    EnrolPlace,
    NotifyAction,
    SetAction,
    StartAction,
    StopAction,
    TaskAction,
)
from connector.policy.model.events import Event, EventKind
from connector.policy.model.examples import Example, Examples, Expected, ExpectedTask, Given, Happening
from connector.policy.model.fields import FieldDef, FieldType, Home, Identity, Label, NewEmployer, ValueRule
from connector.policy.model.handoff import AlsoRequired, CreateDeal, Gate, Pipeline, PipelineStage
from connector.policy.model.kpi import Figure, RevenuePlan, Review, Target
from connector.policy.model.lifecycle import ManualMoves, StageDef, StageStore, Transition
from connector.policy.model.policy import Channel, Policy, Trial
from connector.policy.model.recycle import Again, Reason, Recycle
from connector.policy.model.routing import SKIP, WAIT, Capacity, Pool, Routing, RoutingRule
from connector.policy.model.scores import Contribution, Decay, ScoreDef, ScoreRule, SignalDef, SignalSource
from connector.policy.model.sla import Agreement, Clock, Rung
from connector.policy.model.work import Cadence, ContactLimit, NeverRule, Queue, Recall, Script, Step, WorkRule

__all__ = [
    "SKIP",
    "WAIT",
    "Action",
    "Again",
    "Agreement",
    "AlsoRequired",
    "Assign",
    "AssignAction",
    "Cadence",
    "Capacity",
    "Channel",
    "Clock",
    "ContactLimit",
    "Contribution",
    "CreateDeal",
    "Decay",
    "EnrolAction",
    "EnrolPlace",
    "Event",
    "EventKind",
    "Example",
    "Examples",
    "Expected",
    "ExpectedTask",
    "FieldDef",
    "FieldType",
    "Figure",
    "Gate",
    "Given",
    "Happening",
    "Home",
    "Identity",
    "Label",
    "ManualMoves",
    "NeverRule",
    "NewEmployer",
    "NotifyAction",
    "Pipeline",
    "PipelineStage",
    "Policy",
    "Pool",
    "Queue",
    "Reason",
    "Recall",
    "Recycle",
    "RevenuePlan",
    "Review",
    "Routing",
    "RoutingRule",
    "Rung",
    "ScoreDef",
    "ScoreRule",
    "Script",
    "SetAction",
    "SignalDef",
    "SignalSource",
    "StageDef",
    "StageStore",
    "StartAction",
    "Step",
    "StopAction",
    "Target",
    "TaskAction",
    "Transition",
    "Trial",
    "ValueRule",
    "WorkRule",
]
