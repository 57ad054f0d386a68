"""What the server offers: an OpenAPI 3.1 document, `openapi.yaml`, and a page, `docs.html`."""

import html
import json
from functools import lru_cache
from string import Template
from typing import Any

import yaml

import facealign
from facealign.files import packaged, present
from facealign.formats.json import SCHEMA_FILE
from facealign.markup import MARKUPS
from facealign.models import bundled
from facealign.server.intake import LIMITS
from facealign.server.settings import ServerSettings
from facealign.server.work import markups_of


@lru_cache(maxsize=1)
def document(settings: ServerSettings) -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    values = {
        "version": facealign.__version__,
        "security": "[]" if settings.token is None else "[{token: []}]",
        "megabytes": f"{settings.max_megabytes:g}",
        "megapixels": f"{settings.max_megapixels:g}",
        "images": settings.max_images,
        "models": json.dumps(["default", *bundled()]),
        "markups": json.dumps(list(dict.fromkeys((*MARKUPS, *markups_of(settings.model))))),
    }
    values |= {name: f"minimum: {low}, maximum: {high}" for name, (low, high) in LIMITS.items()}
    text = present(packaged("server/openapi.yaml")).read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.safe_load(text % values)
    schema = SCHEMA_FILE.read_text(encoding="utf-8")
    results = json.loads(schema.replace("#/$defs/", "#/components/schemas/"))
    parts = results.pop("$defs")
    for name in ("$schema", "$id"):
        results.pop(name, None)
    content["components"]["schemas"] |= {"results": results, **parts}
    return content


def readable(content: dict[str, Any]) -> str:
    """The document as one HTML page without scripts."""
    ways = [
        line
        for path, methods in content["paths"].items()
        for method, way in methods.items()
        for line in _readable_way(f"{method.upper()} {path}", way)
    ]
    info = {name: html.escape(content["info"][name]) for name in ("version", "description")}
    page = Template(present(packaged("server/docs.html")).read_text(encoding="utf-8").rstrip())
    return page.substitute(info, ways="\n".join(ways))


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
    return f"{schema['minimum']} to {schema['maximum']}" if "minimum" in schema else "true or false"


def _table(title: str, rows: list[tuple[str, str]]) -> list[str]:
    if not rows:
        return []
    cells = (
        f"<tr><td><code>{html.escape(name)}</code></td><td>{html.escape(text)}</td></tr>"
        for name, text in rows
    )
    return [f"<table><tr><th>{title}</th><th></th></tr>", *cells, "</table>"]
