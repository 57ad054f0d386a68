"""What the server offers, as an OpenAPI 3.1 document and as a page."""

import html
import json
from typing import Any

import facealign
from facealign.formats.json import SCHEMA_FILE
from facealign.markup import MARKUPS
from facealign.models import bundled
from facealign.server.options import LIMITS
from facealign.server.problem import MEDIA_TYPE
from facealign.server.settings import ServerSettings
from facealign.server.work import markups_of

REFUSALS = {
    "400": "The request is damaged, or the client disconnected.",
    "401": "No valid token.",
    "403": "A page of another site.",
    "408": "The request was sent too slowly.",
    "413": "The body is too large, or a picture has too many pixels.",
    "415": "Of another content type.",
    "422": "A parameter is not one of those offered, or there is no picture.",
    "503": "All slots and the queue are taken: try again after Retry-After seconds.",
    "504": "Not done in time.",
}
TEXT = {"type": "string"}


def document(settings: ServerSettings) -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    ways = {
        "/healthz": _get("The process answers.", "text/plain", TEXT),
        "/readyz": _get("There is room for a request.", "text/plain", TEXT, "503"),
        "/openapi.json": _get("This document.", "application/json", {"type": "object"}),
        "/docs": _get("This document, readable.", "text/html", TEXT),
    }
    guarded = {
        "/v1/models": _get("The models.", "application/json", {"type": "object"}, "401", "403"),
        "/metrics": _get("Counts and times for Prometheus.", "text/plain", TEXT, "401", "403"),
        "/v1/align": {"post": _align(settings)},
    }
    if settings.token is not None:
        for methods in guarded.values():
            for method in methods.values():
                method["security"] = [{"token": []}]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "facealign",
            "version": facealign.__version__,
            "description": "Facial landmarks. Left and right are the subject's; pixels, the "
            "top-left one's centre at (0, 0).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": guarded | ways,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _get(summary: str, media_type: str, schema: dict[str, Any], *refused: str) -> dict[str, Any]:
    return {
        "get": {
            "summary": summary,
            "responses": {"200": _content(summary, media_type, schema)} | _refusals(*refused),
        }
    }


def _content(text: str, media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, "content": {media_type: {"schema": schema}}}


def _refusals(*codes: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/problem"}
    return {code: _content(REFUSALS[code], MEDIA_TYPE, schema) for code in codes}


def _align(settings: ServerSettings) -> dict[str, Any]:
    results = {"$ref": "#/components/schemas/results"}
    limits = (
        f"At most {settings.max_megabytes:g} MB a request, {settings.max_megapixels:g} million "
        f"pixels a picture, {settings.max_images} pictures a request."
    )
    return {
        "summary": "The faces of one picture or several.",
        "description": f"{limits} Of several pictures, one that cannot be read has an error in "
        "its entry; a single one is answered with the problem itself.",
        "parameters": _parameters(settings.model),
        "requestBody": {"required": True, "content": _bodies(settings.max_images)},
        "responses": {"200": _content("The faces.", "application/json", results)}
        | _refusals(*REFUSALS),
    }


def _parameters(model: str) -> list[dict[str, Any]]:
    schemas: dict[str, dict[str, Any]] = {
        "model": {"enum": ["default", *bundled()]},
        "markup": {"enum": list(dict.fromkeys((*MARKUPS, *markups_of(model))))},
        "min_face": {"type": "integer", "default": 20},
        "max_faces": {"type": "integer"},
        "measures": {"type": "boolean", "default": False},
    }
    for name, (low, high) in LIMITS.items():
        schemas[name] |= {"minimum": low, "maximum": high}
    texts = {
        "model": "A bundled model.",
        "markup": "The point scheme; the model's first unless given.",
        "min_face": "Side of the smallest face to look for, in pixels.",
        "max_faces": "At most that many faces, the most certain.",
        "measures": "Also the openness of eyes and mouth.",
    }
    return [
        {"name": name, "in": "query", "schema": schema, "description": texts[name]}
        for name, schema in schemas.items()
    ]


def _bodies(most: int) -> dict[str, Any]:
    file = {"type": "string", "format": "binary"}
    picture = {
        "type": "object",
        "required": ["image"],
        "properties": {"image": {"type": "string", "contentEncoding": "base64"}, "name": TEXT},
    }
    several = {"type": "array", "items": picture, "minItems": 1, "maxItems": most}
    group = {"type": "object", "required": ["images"], "properties": {"images": several}}
    files = {"type": "array", "items": file, "minItems": 1, "maxItems": most}
    form = {"type": "object", "required": ["image"], "properties": {"image": files}}
    return {
        "multipart/form-data": {"schema": form},
        "application/json": {"schema": {"anyOf": [picture, group]}},
        "image/*": {"schema": file},
        "application/octet-stream": {"schema": file},
    }


def _schemas() -> dict[str, Any]:
    text = SCHEMA_FILE.read_text(encoding="utf-8").replace("#/$defs/", "#/components/schemas/")
    results = json.loads(text)
    parts = results.pop("$defs")
    for name in ("$schema", "$id"):
        results.pop(name, None)
    problem = {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": TEXT,
            "title": TEXT,
            "status": {"type": "integer"},
            "detail": TEXT | {"description": "What was given, why it fails, what to do."},
        },
    }
    return {"results": results, "problem": problem, **parts}


STYLE = (
    ":root{color-scheme:light dark}body{max-width:48rem;margin:2rem auto;padding:0 1rem;"
    "font:16px/1.5 system-ui,sans-serif}table{border-collapse:collapse}td,th{text-align:left;"
    "padding:.2rem 1rem .2rem 0;vertical-align:top}code{font-size:.95em}pre{overflow-x:auto}"
)


def readable(content: dict[str, Any]) -> str:
    """The document as one HTML page without scripts."""
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>facealign over HTTP</title><style>{STYLE}</style>",
        f"<h1>facealign {html.escape(content['info']['version'])} over HTTP</h1>",
        f"<p>{html.escape(content['info']['description'])}</p>",
        "<pre>curl -F image=@photo.jpg http://127.0.0.1:8000/v1/align</pre>",
        "<p>The same for machines: <code>/openapi.json</code>.</p>",
    ]
    for path, methods in content["paths"].items():
        for method, way in methods.items():
            parts += _readable_way(f"{method.upper()} {path}", way)
    return "\n".join([*parts, "</html>"])


def _readable_way(title: str, way: dict[str, Any]) -> list[str]:
    lines = [f"<h2><code>{title}</code></h2><p>{html.escape(way['summary'])}"]
    lines.append(f" {html.escape(way.get('description', ''))}</p>")
    if "requestBody" in way:
        kinds = ", ".join(f"<code>{kind}</code>" for kind in way["requestBody"]["content"])
        lines.append(f"<p>Body: {kinds}.</p>")
    rows = [
        (p["name"], f"{p['description']} {_allowed(p['schema'])}")
        for p in way.get("parameters", ())
    ]
    lines += _table("parameter", rows)
    lines += _table("answer", [(code, r["description"]) for code, r in way["responses"].items()])
    return lines


def _allowed(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(schema["enum"])
    if "minimum" in schema:
        return f"{schema['minimum']} to {schema['maximum']}"
    return "true or false"


def _table(title: str, rows: list[tuple[str, str]]) -> list[str]:
    if not rows:
        return []
    cells = (
        f"<tr><td><code>{html.escape(name)}</code></td><td>{html.escape(text)}</td></tr>"
        for name, text in rows
    )
    return [f"<table><tr><th>{title}</th><th></th></tr>", *cells, "</table>"]
