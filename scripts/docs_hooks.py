"""Fills commands, training settings, errors and point schemes into MkDocs pages.

A page marks the place with `<!-- commands -->`, `<!-- settings -->`, `<!-- errors -->` or
`<!-- schemes -->`. Links to files outside `docs/` become plain text, as a site has no such files.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import io
import itertools
import re
from pathlib import Path
from typing import Any, get_type_hints

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from PIL import Image

from facealign import MARKUPS, errors, load_markup
from facealign.cli.app import EXIT_CODES, VERBS, load_verb
from facealign.draw.chart import draw_chart, ranges
from facealign.markup.conversion import targets
from facealign.training import settings

ROOT = Path(__file__).parents[1]
PROJECT = {
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "security.md": "SECURITY.md",
}
"""Pages of the site → files beside `docs/` that they show."""
SCHEMA = "src/facealign/formats/results.schema.json"
OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./)+(?:src|scripts|benchmarks|tests|[A-Z]+\.md)[^)]*\)")
"""A Markdown link to a file that is not below `docs/`."""


def on_files(files: Files, config: MkDocsConfig, **_: Any) -> Files:
    """MkDocs calls this once: the charts of the point schemes and the project's own files join."""
    for page, name in PROJECT.items():
        text = (ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](")
        text = re.sub(r"\[([^\]]+)\]\(benchmarks/[^)]*\)", r"\1", text)
        files.append(File.generated(config, page, content=text))
    schema = (ROOT / SCHEMA).read_text(encoding="utf-8")
    files.append(File.generated(config, Path(SCHEMA).name, content=schema))
    for name in MARKUPS:
        content = io.BytesIO()
        Image.fromarray(draw_chart(load_markup(name))).save(content, "png", optimize=True)
        files.append(File.generated(config, f"charts/{name}.png", content=content.getvalue()))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """MkDocs calls this for every page."""
    for name, fill in (
        ("commands", commands),
        ("settings", setting_tables),
        ("errors", error_table),
        ("schemes", scheme_sections),
    ):
        mark = f"<!-- {name} -->"
        if mark in markdown:
            markdown = markdown.replace(mark, fill())
    markdown = markdown.replace(f"(../{SCHEMA})", f"({Path(SCHEMA).name})")
    return OUTSIDE.sub(r"\1", markdown)


def commands() -> str:
    """Every command with its help, as in the terminal."""
    return "\n".join(_command(f"facealign {name}", load_verb(name)) for name in VERBS)


def _command(name: str, command: click.Command) -> str:
    context = click.Context(
        command, info_name=name, terminal_width=80, max_content_width=80, show_default=True
    )
    text = f"## {name}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        text += "\n".join(_command(f"{name} {sub}", each) for sub, each in command.commands.items())
    return text


def setting_tables() -> str:
    """The settings of a run, section by section, from their dataclasses."""
    sections = {
        "data": settings.DataSettings,
        "further": settings.FurtherData,
        "model": settings.AANSettings,
        "augment": settings.AugmentSettings,
        "train": settings.TrainSettings,
    }
    return "\n".join(_table(name, kind) for name, kind in sections.items())


def _table(name: str, kind: type) -> str:
    rows = [f"## [{name}]", "", "| setting | default | range | meaning |", "|---|---|---|---|"]
    hints, texts = get_type_hints(kind, include_extras=True), _field_texts(kind)
    for field in dataclasses.fields(kind):
        if field.default is not dataclasses.MISSING:
            default = repr(field.default)
        else:
            default = "needed" if field.default_factory is dataclasses.MISSING else "empty"
        text = " ".join(texts.get(field.name, "").split()).replace("|", "\\|")
        rows.append(f"| `{field.name}` | `{default}` | {_range(hints[field.name])} | {text} |")
    return "\n".join(rows) + "\n"


def _range(hint: Any) -> str:
    for meta in getattr(hint, "__metadata__", ()):
        low = f"> {meta.gt}" if meta.gt is not None else f"{meta.ge}"
        return f"{low} … {meta.le:,}"
    return ""


def _field_texts(kind: type) -> dict[str, str]:
    """Field → the string below it in the source, of a class and those that it inherits from."""
    classes = [base for base in kind.__mro__ if dataclasses.is_dataclass(base)]
    bodies = [ast.parse(inspect.getsource(base)).body[0] for base in reversed(classes)]
    lines = [line for body in bodies if isinstance(body, ast.ClassDef) for line in body.body]
    texts: dict[str, str] = {}
    for field, after in itertools.pairwise(lines):
        match field, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(
                value=ast.Constant(value=str(text))
            ):
                texts[name] = text
    return texts


def error_table() -> str:
    """Every error with its exit code."""
    rows = ["| error | exit code | meaning |", "|---|---|---|"]
    for name, kind in inspect.getmembers(errors, inspect.isclass):
        if issubclass(kind, errors.FaceAlignError):
            code = EXIT_CODES.get(kind, 2)
            first = (inspect.getdoc(kind) or "").partition("\n")[0]
            rows.append(f"| `{name}` | {code} | {first} |")
    return "\n".join(rows) + "\n"


def scheme_sections() -> str:
    """Every point scheme: its regions with their points, what it converts to, its chart."""
    parts = []
    for name in MARKUPS:
        markup = load_markup(name)
        groups = markup.groups.items()
        regions = " · ".join(f"{part.replace('_', ' ')} {ranges(group)}" for part, group in groups)
        others = ", ".join(other for other in targets(name) if other != name) or "nothing"
        parts.append(
            f"### {name}\n\n{markup.count} points: {regions}. Converts to {others}."
            f"\n\n![Chart of {name}, its points numbered](../charts/{name}.png){{ loading=lazy }}\n"
        )
    return "\n".join(parts)


if __name__ == "__main__":
    print(commands(), setting_tables(), error_table(), Path(__file__).name)
