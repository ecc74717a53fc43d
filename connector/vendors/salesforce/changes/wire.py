"""The messages of the Pub/Sub API (`eventbus.v1`) that a subscriber needs, described here by their field numbers.

The descriptions are made when this module is loaded, so that no compiler for protocol buffers is needed. They have a
pool of their own: another library in the process may hold the whole of `eventbus.v1`.
Source: the Pub/Sub API's reference of its RPC methods.
"""

from __future__ import annotations

from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE: Final = "eventbus.v1"
SERVICE: Final = f"/{PACKAGE}.PubSub"

LATEST, EARLIEST, CUSTOM = 0, 1, 2
"""Where a subscription starts: with what comes, with the oldest that is kept, behind a replay id."""

_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS: Final = {
    "string": _FIELD.TYPE_STRING,
    "bytes": _FIELD.TYPE_BYTES,
    "int32": _FIELD.TYPE_INT32,
    "bool": _FIELD.TYPE_BOOL,
}

#: message → (field, number, type); a type in brackets is repeated, and one with a capital letter is a message
_MESSAGES: Final[dict[str, tuple[tuple[str, int, str], ...]]] = {
    "TopicRequest": (("topic_name", 1, "string"),),
    "TopicInfo": (
        ("topic_name", 1, "string"),
        ("tenant_guid", 2, "string"),
        ("can_publish", 3, "bool"),
        ("can_subscribe", 4, "bool"),
        ("schema_id", 5, "string"),
        ("rpc_id", 6, "string"),
    ),
    "SchemaRequest": (("schema_id", 1, "string"),),
    "SchemaInfo": (("schema_json", 1, "string"), ("schema_id", 2, "string"), ("rpc_id", 3, "string")),
    "ProducerEvent": (("id", 1, "string"), ("schema_id", 2, "string"), ("payload", 3, "bytes")),
    "ConsumerEvent": (("event", 1, "ProducerEvent"), ("replay_id", 2, "bytes")),
    "FetchRequest": (
        ("topic_name", 1, "string"),
        ("replay_preset", 2, "int32"),  # an enumeration, which travels as its number
        ("replay_id", 3, "bytes"),
        ("num_requested", 4, "int32"),
    ),
    "FetchResponse": (
        ("events", 1, "[ConsumerEvent]"),
        ("latest_replay_id", 2, "bytes"),
        ("rpc_id", 3, "string"),
        ("pending_num_requested", 4, "int32"),
    ),
}


def _described() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="tasuki/pubsub.proto", package=PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            inner = kind.strip("[]")
            label = _FIELD.LABEL_REPEATED if kind != inner else _FIELD.LABEL_OPTIONAL
            made = message.field.add(name=field, number=number, label=label)
            if inner in _SCALARS:
                made.type = _SCALARS[inner]
            else:
                made.type, made.type_name = _FIELD.TYPE_MESSAGE, f".{PACKAGE}.{inner}"
    return file


_POOL = descriptor_pool.DescriptorPool()
_POOL.Add(_described())


def message(name: str) -> Any:
    """The class of a message: `message("FetchRequest")(num_requested=100)`."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{PACKAGE}.{name}"))
