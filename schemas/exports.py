"""Subjects as other tools' documents: AsyncAPI 3.0, and the Open Data Contract Standard 3.

Sources: AsyncAPI 3.0.0 specification; Open Data Contract Standard 3.0.2 (Bitol). Pure: a
registry in, JSON out. The Avro schema is carried whole in AsyncAPI; in a data contract every
field is named with its rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from schemas.changes import type_in_words
from schemas.registry import Subject
from schemas.versions import SubjectVersion

Json = Any
ASYNCAPI = "3.0.0"
ODCS = "v3.0.2"
AVRO_FORMAT = "application/vnd.apache.avro+json;version=1.9.0"
"""As AsyncAPI writes it for every Avro since 1.9."""
CONTENT_TYPE = "application/avro"


def asyncapi(subjects: Iterable[Subject], title: str, release: str) -> Json:
    """One document: a channel per subject, a message per version, who sends and who receives."""
    channels: dict[str, Json] = {}
    operations: dict[str, Json] = {}
    messages: dict[str, Json] = {}
    for subject in subjects:
        name = subject.name
        here = {_message_key(version): version for version in subject.versions}
        messages |= {key: _message(subject, version) for key, version in here.items()}
        channels[name] = {
            "address": name,
            "title": name,
            "description": _line(subject.about.purpose),
            "messages": {key: {"$ref": f"#/components/messages/{key}"} for key in here},
            "x-owner": subject.about.owner,
            "x-state": subject.about.state,
            "x-compatibility": subject.compatibility,
        }
        for action, who in _parties(subject):
            operations[f"{action}.{name}.{who}"] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{name}"},
                "title": f"{who} {action}s {name}",
            }
    return {
        "asyncapi": ASYNCAPI,
        "info": {"title": title, "version": release},
        "defaultContentType": CONTENT_TYPE,
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }


def _parties(subject: Subject) -> list[tuple[str, str]]:
    """Who sends, who receives; names as keys of a document may have them."""
    consumers = [("receive", consumer) for consumer in subject.about.consumers]
    return [
        (action, who.replace(" ", "_"))
        for action, who in (("send", subject.about.owner), *consumers)
    ]


def _message_key(version: SubjectVersion) -> str:
    return f"{version.subject}.v{version.number}"


def _message(subject: Subject, version: SubjectVersion) -> Json:
    return {
        "name": version.label,
        "title": version.label,
        "summary": _line(subject.about.purpose),
        "contentType": CONTENT_TYPE,
        "payload": {"schemaFormat": AVRO_FORMAT, "schema": spaced(version.schema)},
        "x-fingerprint": version.rabin,
    }


def spaced(schema: Json) -> Json:
    """The same schema with `namespace` beside simple names, the only form AsyncAPI takes."""
    if isinstance(schema, list):
        return [spaced(branch) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    result = {k: spaced(v) if k in ("type", "items", "values") else v for k, v in schema.items()}
    if "fields" in schema:
        result["fields"] = [{**f, "type": spaced(f["type"])} for f in schema["fields"]]
    if schema.get("type") in ("record", "enum", "fixed"):
        result["namespace"], _, result["name"] = schema["name"].rpartition(".")
    return result


def odcs(subject: Subject) -> Json:
    """The data contract of a subject: its latest version, with every field."""
    about, latest = subject.about, subject.latest
    contract = {
        "apiVersion": ODCS,
        "kind": "DataContract",
        "id": f"crossfoot:{subject.name}",
        "name": subject.name,
        "version": f"{latest.number}.0.0",
        "status": about.state,
        "domain": subject.name.partition(".")[0],
        "description": {"purpose": _line(about.purpose)},
        "tags": [about.service_class],
        "schema": [
            {
                "name": latest.full_name,
                "logicalType": "object",
                "physicalType": "avro record",
                "description": latest.schema.get("doc", ""),
                "properties": _properties(latest.schema, "", subject, {}),
            }
        ],
        "customProperties": [
            {"property": name, "value": value}
            for name, value in (
                ("owner", about.owner),
                ("compatibility", subject.compatibility),
                ("eventTime", about.event_time),
                ("consumers", list(about.consumers)),
                ("fingerprint", latest.rabin),
                ("sunset", about.sunset),
                ("successor", about.successor),
            )
            if value is not None
        ],
    }
    return contract


def _properties(schema: Json, path: str, subject: Subject, named: dict[str, Json]) -> list[Json]:
    named[schema["name"]] = schema
    return [_property(field, path, subject, named) for field in schema["fields"]]


def _property(field: Json, path: str, subject: Subject, named: dict[str, Json]) -> Json:
    at = f"{path}{field['name']}"
    is_key = at in subject.about.keys.idempotency
    found: Json = {
        "name": field["name"],
        "description": field.get("doc", ""),
        "required": "default" not in field,
        "primaryKey": is_key,
        **({"primaryKeyPosition": 1} if is_key else {}),
        **_typed(field["type"], f"{at}.", subject, named),
    }
    if at in subject.latest.personal_data:
        found["classification"] = "personal"
    if "crossfoot" in field:
        found["customProperties"] = [{"property": "rule", "value": field["crossfoot"]}]
    return found


_LOGICAL = {"boolean": "boolean", "long": "integer", "string": "string", "bytes": "string"}


def _typed(schema: Json, path: str, subject: Subject, named: dict[str, Json]) -> Json:
    """The logical and physical type, with what is inside."""
    if isinstance(schema, list):
        return _typed(schema[-1], path, subject, named)
    if isinstance(schema, str) and schema in named:
        schema = named[schema]
    if isinstance(schema, str):
        return {"logicalType": _LOGICAL[schema], "physicalType": schema}
    words = type_in_words(schema)
    if schema["type"] == "record":
        inner = _properties(schema, path, subject, named)
        return {"logicalType": "object", "physicalType": schema["name"], "properties": inner}
    if schema["type"] == "array":
        return {
            "logicalType": "array",
            "physicalType": "array",
            "items": _typed(schema["items"], path, subject, named),
        }
    if schema["type"] == "map":
        return {"logicalType": "object", "physicalType": "map of " + str(schema["values"])}
    if schema.get("logicalType") == "decimal":
        return {"logicalType": "number", "physicalType": words}
    if schema["type"] == "enum":
        named[schema["name"]] = schema
        return {"logicalType": "string", "physicalType": f"enum {' '.join(schema['symbols'])}"}
    return {"logicalType": _LOGICAL[schema["type"]], "physicalType": words}


def _line(text: str) -> str:
    """Text on one line."""
    return " ".join(text.split())
