"""The OpenAPI 3.1 document, made of the same operations that are served: it cannot say anything else than they do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from control_api.endpoint import Access, Operation

API_VERSION = "1.0.0"
_REFERENCE = "#/components/schemas/{model}"
_PROBLEM = {
    "type": "object",
    "description": "RFC 9457; `errors` only where fields of the request are not acceptable",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["in", "field", "detail"],
                "properties": {
                    "in": {"enum": ["query", "body"]},
                    "field": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}

Model = tuple[type[BaseModel], JsonSchemaMode]
Schemas = Mapping[Any, dict[str, Any]]  # by Model


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """The whole document as JSON values."""
    models: list[Model] = []
    for operation in operations:
        if body := operation.model("body"):
            models.append((body, "validation"))
        if answer := operation.model("return") or operation.answer_words:
            models.append((answer, "serialization"))
    schemas, definitions = models_json_schema(list(dict.fromkeys(models)), ref_template=_REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _describe(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tonearm control API",
            "version": API_VERSION,
            "description": "Accounts, catalogue, search, playlists, recommendations, stream grants and licences.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}) | {"Problem": _PROBLEM},
            "securitySchemes": {"session": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _describe(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    description: dict[str, Any] = {
        "operationId": _identifier(operation),
        "summary": operation.summary,
        "responses": _responses(operation, schemas),
    }
    if parameters := _parameters(operation):
        description["parameters"] = parameters
    if body := operation.model("body"):
        content = {"application/json": {"schema": schemas[body, "validation"]}}
        description["requestBody"] = {"required": True, "content": content}
    elif operation.request_types:
        description["requestBody"] = {
            "required": True,
            "content": {media_type: {} for media_type in operation.request_types},
        }
    if operation.access is not Access.ANYONE:
        description["security"] = [{"session": []}]
    return description


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found = []
    for place in ("path", "query"):
        model = operation.model(place)
        schema = {} if model is None else model.model_json_schema()
        for name, field in schema.get("properties", {}).items():
            field.pop("title", None)
            described = {"description": field.pop("description")} if "description" in field else {}
            required = name in schema.get("required", ())
            found.append({"name": name, "in": place, "required": required, "schema": field} | described)
    if "if_match" in operation.takes:
        found.append(
            {
                "name": "If-Match",
                "in": "header",
                "required": False,
                "description": "the ETag of the version to change",
                "schema": {"type": "string"},
            }
        )
    return found


def _responses(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    answer = operation.model("return")
    good: dict[str, Any] = {"description": "Done" if operation.answers_nothing else "The answer"}
    if answer is not None:
        good["content"] = {"application/json": {"schema": schemas[answer, "serialization"]}}
    elif operation.answer_types:
        good["content"] = {media_type: _binary(operation, schemas) for media_type in operation.answer_types}
    status = 204 if operation.answers_nothing else operation.status
    refused = {
        str(code): {"description": text, "content": _problem()}
        for code, text in sorted(operation.all_refusals.items())
    }
    return {str(status): good} | refused | {"default": {"description": "Trouble", "content": _problem()}}


def _binary(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    """A body that is no JSON; `x-words` is the schema of the JSON that stands inside it."""
    words = operation.answer_words
    return {} if words is None else {"x-words": schemas[words, "serialization"]}


def _problem() -> dict[str, Any]:
    return {"application/problem+json": {"schema": {"$ref": _REFERENCE.format(model="Problem")}}}


def _identifier(operation: Operation) -> str:
    words = re.findall(r"[a-z0-9]+", operation.path.replace("/v1/", "/"))
    return "_".join([operation.method.lower(), *words])
