"""Faults on demand: which calls they hit, how often, and what then happens instead."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Protocol

from connector.errors import UsageError
from connector.sandbox.dice import seeded

EFFECTS = {
    "status": "answer `status` instead of doing the work (`retry_after`, `policy` for 429s)",
    "drop": "cut the connection before applying",
    "lost_response": "apply, then cut the connection without an answer",
    "delay_apply": "answer nothing; apply `seconds` later (machine time), after the client gave up",
    "hang": "answer nothing and apply nothing for `seconds`",
    "latency": "take `seconds` longer",
    "html": "answer 200 with an HTML page (`applied` says whether the work was done)",
    "truncate": "apply, then answer with half of the JSON (`short`: with the full Content-Length)",
    "partial": "the last `rows` rows of a batch fail, the others are applied",
    "ignore": "accept a batch update and leave `properties` as they were; the answer shows what stands, or with"
    " `boast` what was sent (HubSpot alone)",
    "edit": "a person changes a record just `before` (or `after`) the call is applied",
    "revoke": "every token is revoked just before the call",
}


@dataclass(kw_only=True)
class Fault:
    """One rule. It is used up when `times` reaches 0; None lasts."""

    id: int = 0
    effect: str
    #: endpoint kinds, e.g. `contacts.batch_update`, `tasks.*`, `*`
    kind: str = "*"
    #: regular expression on the path
    path: str = ""
    method: str = ""
    #: regular expression on the body as it was sent
    body: str = ""
    #: only calls that name this record in the path or in `inputs`
    record: str = ""
    times: int | None = 1
    #: matching calls to let pass first
    skip: int = 0
    probability: float = 1.0
    status: int = 500
    #: Salesforce: the error code of a `status` or of the rows of a `partial`; "" = the usual one
    code: str = ""
    retry_after: str = ""
    #: of 429: "secondly", "TEN_SECONDLY_ROLLING" or "DAILY"
    policy: str = "TEN_SECONDLY_ROLLING"
    seconds: float = 0.0
    applied: bool = True
    short: bool = False
    rows: int = 1
    #: of ignore: the properties that are not stored, and whether the answer says that they were
    properties: list[str] = field(default_factory=list)
    boast: bool = False
    #: of edit: {"type", "id" ("" = the first record of the call), "properties", "owner_id"}
    edit: dict[str, Any] = field(default_factory=dict)
    #: before, after; Salesforce: between the first part of a Composite call and the second, or when it has written
    #: something and not looked yet (`written`)
    when: str = "before"
    #: how often it struck
    hits: int = 0

    def as_json(self) -> dict[str, Any]:
        """As the control API prints it."""
        return asdict(self)


class Strikable(Protocol):
    """What a rule looks at: a call on its way to a handler."""

    kind: str
    method: str
    path: str
    raw_body: bytes

    def named(self) -> list[str]:
        """Ids of the records that the call names."""


#: effects that end the call: the first rule that strikes keeps the others for later calls
INSTEAD = frozenset(("status", "drop", "hang", "delay_apply", "html", "lost_response", "truncate"))


class Faults:
    """The rules in force. Guarded by the portal's lock."""

    def __init__(self, seed: int) -> None:
        self.rules: list[Fault] = []
        self._rng = seeded(seed + 4)
        self._next_id = 0

    def add(self, given: dict[str, Any]) -> Fault:
        """Add a rule; an unknown effect or key is a UsageError."""
        effect = given.get("effect")
        if effect not in EFFECTS:
            raise UsageError(f"Unknown fault effect {effect!r}; known: {', '.join(EFFECTS)}.", reason="unknown_effect")
        unknown = sorted(set(given) - set(Fault.__dataclass_fields__) | {"id", "hits"} & set(given))
        if unknown:
            raise UsageError(f"Unknown fault keys {', '.join(unknown)}.", reason="unknown_fault_key")
        rule = Fault(**given)
        self._next_id += 1
        rule.id = self._next_id
        self.rules.append(rule)
        return rule

    def remove(self, rule_id: int) -> bool:
        """Remove one rule."""
        before = len(self.rules)
        self.rules = [rule for rule in self.rules if rule.id != rule_id]
        return len(self.rules) < before

    def clear(self) -> None:
        """Remove all."""
        self.rules = []

    def strike(self, call: Strikable) -> list[Fault]:
        """The rules that this call meets; their counts go down."""
        struck: list[Fault] = []
        ended = False
        for rule in self.rules:
            if rule.times == 0 or (ended and rule.effect in INSTEAD) or not _matches(rule, call):
                continue
            if rule.skip > 0:
                rule.skip -= 1
                continue
            if rule.probability < 1.0 and self._rng.random() >= rule.probability:
                continue
            if rule.times is not None:
                rule.times -= 1
            rule.hits += 1
            ended = ended or rule.effect in INSTEAD
            struck.append(rule)
        return struck


def _matches(rule: Fault, call: Strikable) -> bool:
    if not fnmatchcase(call.kind, rule.kind) or (rule.method and rule.method != call.method):
        return False
    if rule.path and not re.search(rule.path, call.path):
        return False
    if rule.body and not re.search(rule.body.encode(), call.raw_body):
        return False
    return not rule.record or rule.record in call.named()
