"""The protobuf package `reactor_wire.v1` as published clients speak it, as far as this runtime takes part.

Built from the table below instead of generated code, which would tie the installation to one version of protobuf.
Fields and payloads that are left out are skipped when they come.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, struct_pb2

PACKAGE = "reactor_wire.v1"
REQUEST, RESPONSE, NOTIFICATION = 1, 2, 3

_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "string": _FIELD.TYPE_STRING,
    "double": _FIELD.TYPE_DOUBLE,
    "int64": _FIELD.TYPE_INT64,
    "int32": _FIELD.TYPE_INT32,
}
_STRUCT = ".google.protobuf.Struct"
# Message to fields: name, number, type. `payload:` marks the members of the message's oneof, `repeated:` a list.
_MESSAGES: dict[str, list[tuple[str, int, str]]] = {
    "Error": [("code", 1, "string"), ("message", 2, "string")],
    "UploadReference": [
        ("upload_id", 1, "string"),
        ("name", 2, "string"),
        ("mime_type", 3, "string"),
        ("size", 4, "int64"),
    ],
    "Upload": [("key", 1, "string"), ("value", 2, "UploadReference")],
    "Command": [("type", 1, "string"), ("data", 2, _STRUCT), ("uploads", 3, "repeated:Upload")],
    "ModelMessage": [("type", 1, "string"), ("data", 2, _STRUCT)],
    "Empty": [],
    "Track": [("name", 1, "string")],
    "RequestClip": [("duration_seconds", 1, "double")],
    "ModelSchema": [("openapi", 1, _STRUCT)],
    "Reason": [("reason", 1, "string")],
    "Moderation": [
        ("action", 1, "string"),
        ("input_kind", 2, "string"),
        ("command", 3, "string"),
        ("categories", 4, "repeated:string"),
        ("message", 5, "string"),
    ],
    "DataClientMessage": [
        ("request_id", 1, "string"),
        ("kind", 2, "int32"),
        ("command", 10, "payload:Command"),
        ("request_step", 11, "payload:Empty"),
        ("error", 40, "payload:Error"),
    ],
    "DataServerMessage": [
        ("request_id", 1, "string"),
        ("kind", 2, "int32"),
        ("message", 10, "payload:ModelMessage"),
        ("error", 40, "payload:Error"),
    ],
    "ControlClientMessage": [
        ("request_id", 1, "string"),
        ("kind", 2, "int32"),
        ("ping", 10, "payload:Empty"),
        ("request_schema", 11, "payload:Empty"),
        ("file_uploaded", 12, "payload:UploadReference"),
        ("request_clip", 13, "payload:RequestClip"),
        ("request_recording", 14, "payload:Empty"),
        ("publish_track", 15, "payload:Track"),
        ("pause_track", 16, "payload:Track"),
        ("resume_track", 17, "payload:Track"),
        ("unpublish_track", 18, "payload:Track"),
        ("client_stats", 19, "payload:Empty"),
        ("error", 40, "payload:Error"),
    ],
    "ControlServerMessage": [
        ("request_id", 1, "string"),
        ("kind", 2, "int32"),
        ("model_schema", 10, "payload:ModelSchema"),
        ("clip_failed", 12, "payload:Reason"),
        ("moderation", 13, "payload:Moderation"),
        ("publish_track", 14, "payload:Empty"),
        ("session_ended", 15, "payload:Reason"),
        ("error", 40, "payload:Error"),
    ],
}


def _build() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="reactor_wire/v1/wire.proto", package=PACKAGE, syntax="proto3")
    file.dependency.append(struct_pb2.DESCRIPTOR.name)
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field_name, number, declared in fields:
            field = message.field.add(name=field_name, number=number, label=_FIELD.LABEL_OPTIONAL)
            form, _, kind = declared.rpartition(":")
            if form == "repeated":
                field.label = _FIELD.LABEL_REPEATED
            if form == "payload":
                if not message.oneof_decl:
                    message.oneof_decl.add(name="payload")
                field.oneof_index = 0
            if kind in _SCALARS:
                field.type = _SCALARS[kind]
            else:
                field.type = _FIELD.TYPE_MESSAGE
                field.type_name = kind if kind.startswith(".") else f".{PACKAGE}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(struct_pb2.DESCRIPTOR.serialized_pb)
    described = pool.AddSerializedFile(file.SerializeToString())
    return {name: message_factory.GetMessageClass(d) for name, d in described.message_types_by_name.items()}


_CLASSES = _build()
DataClientMessage = _CLASSES["DataClientMessage"]
DataServerMessage = _CLASSES["DataServerMessage"]
ControlClientMessage = _CLASSES["ControlClientMessage"]
ControlServerMessage = _CLASSES["ControlServerMessage"]
