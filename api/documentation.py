"""The OpenAPI document and the page that shows it: plain HTML, no script, nothing from elsewhere."""

import json
from collections.abc import Iterator
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from jinja2 import Environment

from api import policy, schemas
from api.auth import COOKIE
from api.middleware import DOCUMENT_POLICY
from api.policy import GuardedRoute, allow

router = APIRouter(route_class=GuardedRoute)
DESCRIPTION: Final = (
    "Ceasefire monitoring along a contact line: events in; incidents, findings, cases and reports out. "
    "People sign in and send `X-Requested-With: contactline` with every change; machines send a bearer token. "
    "Errors are RFC 9457 problem details with a stable `code`. Times are RFC 3339 in UTC, lengths metres."
)
_METHODS: Final = ("get", "post", "put", "patch", "delete")
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{ title }} API {{ version }}</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;
color:#1c2430;background:#fff}
h2{border-bottom:1px solid #ccd;margin-top:2.5rem;font-size:1.1rem}
h3{font:600 14px/1.4 ui-monospace,monospace;margin:1.5rem 0 .2rem}
p{margin:.2rem 0}td,th{text-align:left;padding:.1rem 1rem .1rem 0;vertical-align:top;font-size:13px}
code{font:13px ui-monospace,monospace}.who{color:#5a6675;font-size:13px}
@media(prefers-color-scheme:dark){
body{color:#dde3ea;background:#14181d}h2{border-color:#394350}.who{color:#97a3b0}}
</style></head><body>
<h1>{{ title }} API {{ version }}</h1><p>{{ description }}</p>
<p>Machine-readable: <a href="/openapi.json">openapi.json</a></p>
{% for tag, operations in groups %}<h2>{{ tag }}</h2>
{% for one in operations %}<h3>{{ one.method }} {{ one.path }}</h3>
<p>{{ one.text }}</p><p class="who">{{ one.who }}</p>
{% if one.parameters %}<table>{% for p in one.parameters %}<tr><td><code>{{ p.name }}</code></td>
<td>{{ p.where }}</td><td>{{ p.text }}</td></tr>{% endfor %}</table>{% endif %}
{% endfor %}{% endfor %}</body></html>
"""


@router.get("/openapi.json", include_in_schema=False, response_class=Response, **allow(policy.PUBLIC))
async def document(request: Request) -> Response:
    """The OpenAPI 3.1 document."""
    return Response(json.dumps(request.app.openapi()), media_type="application/json")


@router.get("/docs", include_in_schema=False, response_class=Response, **allow(policy.PUBLIC))
async def page(request: Request) -> Response:
    """The OpenAPI document for people."""
    described = request.app.openapi()
    groups: dict[str, list[dict[str, Any]]] = {}
    for tag, operation in _operations(described):
        groups.setdefault(tag, []).append(operation)
    content = (
        Environment(autoescape=True)
        .from_string(_PAGE)
        .render(
            title=described["info"]["title"],
            version=described["info"]["version"],
            description=described["info"]["description"],
            groups=list(groups.items()),
        )
    )
    return Response(content, media_type="text/html", headers={"Content-Security-Policy": DOCUMENT_POLICY})


def describe(app: FastAPI, version: str) -> dict[str, Any]:
    """The document of `app`, made once: routes, shapes, how to sign in, and that failures are problems."""
    if app.openapi_schema is None:
        described = get_openapi(
            title="contactline", version=version, description=DESCRIPTION, routes=app.routes
        )
        components = described.setdefault("components", {})
        shapes = components.setdefault("schemas", {})
        shapes["Problem"] = schemas.Problem.model_json_schema()
        for unused in ("HTTPValidationError", "ValidationError"):
            shapes.pop(unused, None)
        components["securitySchemes"] = {
            "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
            "token": {"type": "http", "scheme": "bearer"},
        }
        for _, operation in _raw_operations(described):
            _finish(operation)
        app.openapi_schema = described
    return app.openapi_schema


def _finish(operation: dict[str, Any]) -> None:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    responses = operation["responses"]
    if "422" in responses:
        responses["422"] = {"description": "The request is malformed", "content": problem}
    responses.setdefault("default", {"description": "Any other failure", "content": problem})
    is_public = operation.get("x-roles") == list(policy.PUBLIC)
    operation["security"] = [] if is_public else [{"session": []}, {"token": []}]


def _raw_operations(described: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in described["paths"].items():
        for method in _METHODS:
            if method in item:
                yield f"{method.upper()} {path}", item[method]


def _operations(described: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, operation in _raw_operations(described):
        method, _, path = name.partition(" ")
        roles = operation.get("x-roles", [])
        parameters = [
            {"name": p["name"], "where": p["in"], "text": p.get("description", "")}
            for p in operation.get("parameters", [])
        ]
        yield (
            operation.get("tags", ["other"])[0],
            {
                "method": method,
                "path": path,
                "text": operation.get("description") or operation.get("summary", ""),
                "who": "open to everybody" if roles == ["public"] else "for " + ", ".join(roles),
                "parameters": parameters,
            },
        )
