"""The OpenAPI 3.1 description, made from the route table; nothing is written twice."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from recorder import __version__
from recorder.domain.limit import Limit
from recorder.domain.people import GRANTS, Permission
from recorder.web import problems, schemas
from recorder.web.middleware import ROWS
from recorder.web.problem_catalogue import CATALOGUE
from recorder.web.route import Route

Json = dict[str, Any]
#: The problem that tells of each limit.
CODE_OF_LIMIT = {
    Limit.SEARCH: "search-limited",
    Limit.OPENING: "upload-opening-limited",
    Limit.HOOK: "gateway-limited",
}
_REFERENCE = "#/components/schemas/{model}"
_PATH_PARAMETER = re.compile(r"{(\w+)}")

_PROBLEM: Json = {
    "type": "object",
    "description": "RFC 9457 problem details. Facts of the failure are further members.",
    "required": ["type", "title", "status", "detail", "code", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "examples": ["/docs/problems#x"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "enum": sorted(CATALOGUE)},
        "instance": {"type": "string", "description": "the request, as logs name it"},
    },
    "additionalProperties": True,
}


def document(rows: Iterable[Route]) -> Json:
    """The description of every row that is part of the API."""
    described = [row for row in rows if row.described]
    models = {model for row in described for model in _models(row)}
    shapes = [(model, "serialization" if _is_answer(model) else "validation") for model in models]
    _, definitions = models_json_schema(
        sorted(shapes, key=lambda shape: shape[0].__name__),  # type: ignore[arg-type]
        ref_template=_REFERENCE,
    )
    paths: Json = {}
    for row in described:
        paths.setdefault(row.path, {})[row.method.lower()] = _operation(row)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Recorder",
            "version": __version__,
            "description": "Body-camera footage in, evidence by case number out.",
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in sorted({tag for row in described for tag in row.tags})],
        "paths": paths,
        "components": {
            "schemas": {**definitions.get("$defs", {}), "Problem": _PROBLEM},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "recorder_session"},
            },
        },
    }


def _models(row: Route) -> list[type[BaseModel]]:
    less = row.answer.less[0] if row.answer.less else None
    return [model for model in (row.request, row.answer.schema, less) if model]


def _is_answer(model: type[BaseModel]) -> bool:
    return not issubclass(model, schemas.Body)


def _operation(row: Route) -> Json:
    operation: Json = {
        "operationId": operation_id(row),
        "summary": row.summary,
        "tags": list(row.tags),
        "x-permission": row.permission.value,
        "x-roles": roles(row.permission),
        "parameters": _parameters(row),
        "responses": {str(row.answer.status): _answer(row), **_others(row), **_failures(row)},
    }
    if row.permission is not Permission.PUBLIC:
        operation["security"] = [{"token": []}, {"session": []}]
    if row.request is not None:
        operation["requestBody"] = {"required": True, "content": _content(row.request)}
    elif row.request_media_type is not None:
        content = {row.request_media_type: {"schema": {"type": "string", "format": "binary"}}}
        operation["requestBody"] = {"required": False, "content": content}
    return operation


def operation_id(row: Route) -> str:
    """A name for the row that generated clients can use."""
    module = inspect.getmodule(row.handler)
    place = module.__name__.rpartition(".")[2] if module else ""
    head = "_head" if row.method == "HEAD" and row.tags != ("uploads",) else ""
    collection = "_collection" if row.method == "OPTIONS" and "{" not in row.path else ""
    return f"{place}_{getattr(row.handler, '__name__', '')}{head}{collection}"


def roles(permission: Permission) -> list[str]:
    """The roles that have a permission; everybody for public rows."""
    if permission is Permission.PUBLIC:
        return ["everybody"]
    if permission is Permission.SIGNED_IN:
        return [role.value for role in GRANTS]
    return [role.value for role, granted in GRANTS.items() if permission in granted]


def _parameters(row: Route) -> list[Json]:
    found = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string"}
            if name in ("secret", "hook", "embed")
            else {"type": "string", "format": "uuid"},
        }
        for name in _PATH_PARAMETER.findall(row.path)
    ]
    if row.query is not None:
        for name, schema in (
            row.query.model_json_schema(by_alias=True).get("properties", {}).items()
        ):
            about = schema.pop("description", None)
            parameter = {"name": name, "in": "query", "required": False, "schema": schema}
            found.append({**parameter, "description": about} if about else parameter)
    for name, about in row.request_headers:
        header = {"name": name, "in": "header", "description": about, "schema": {"type": "string"}}
        found.append({**header, "required": False})
    return found


def _content(*models: type[BaseModel]) -> Json:
    names = [re.sub(r"[^a-zA-Z0-9.\-_]", "_", model.__name__) for model in models]
    refs = [{"$ref": _REFERENCE.format(model=name)} for name in names]
    return {"application/json": {"schema": refs[0] if len(refs) == 1 else {"anyOf": refs}}}


def _answer(row: Route) -> Json:
    answer: Json = {"description": row.summary}
    if row.answer.schema is not None:
        less = (row.answer.less[0],) if row.answer.less else ()
        answer["content"] = _content(row.answer.schema, *less)
    elif row.answer.media_type is not None:
        kind = "object" if row.answer.media_type == "application/json" else "string"
        answer["content"] = {row.answer.media_type: {"schema": {"type": kind}}}
    if row.answer.headers:
        answer["headers"] = {
            name: {"description": about, "schema": {"type": "string"}}
            for name, about in row.answer.headers
        }
    return answer


def _others(row: Route) -> Json:
    content = {}
    if row.answer.media_type is not None:
        content = {"content": {row.answer.media_type: {"schema": {"type": "string"}}}}
    return {
        str(status): {"description": about, **(content if status == 206 else {})}
        for status, about in row.answer.others
    }


def codes(row: Route) -> list[str]:
    """Every problem code that the row may answer, its own and the common ones."""
    common = ["internal"]
    if not row.brings_footage:
        common.append("connections-limited")
    if row.limit is not None:
        common.append(CODE_OF_LIMIT[row.limit])
    if row.permission is not Permission.PUBLIC:
        common += ["credentials-missing", "token-invalid", "token-unknown", "session-ended"]
        common += ["permission-missing", "device-suspended", "database-unavailable"]
        if row.method not in ("GET", "HEAD", "OPTIONS"):
            common.append("csrf-token-invalid")
    if "{id}" in row.path:
        common.append("id-malformed")
    if row.query is not None:
        common.append("query-invalid")
    if row.request is not None:
        common += ["body-invalid", "body-not-json", "body-too-large"]
    return sorted({*common, *row.problems})


def _failures(row: Route) -> Json:
    by_status: dict[int, list[str]] = {}
    for code in codes(row):
        status = problems.status_of_code(code)
        by_status.setdefault(status, []).append(code)
    schema = {"schema": {"$ref": _REFERENCE.format(model="Problem")}}
    return {
        str(status): {
            "description": ", ".join(names),
            "content": {problems.MEDIA_TYPE: schema},
        }
        for status, names in sorted(by_status.items())
    }


async def answer(request: web.Request) -> web.StreamResponse:
    return web.json_response(
        document(request.app[ROWS].values()), headers={"Cache-Control": "no-cache"}
    )
