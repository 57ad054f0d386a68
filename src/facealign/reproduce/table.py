"""A table of errors, as text, Markdown or JSON."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

SCHEMA = "facealign-table/1"


@dataclass(frozen=True)
class Cell:
    """One error, or why there is none.

    Attributes:
        value: a fraction, or None.
        why: why it is None: "not reported", "no data" …
        deviation: standard deviation over runs, a fraction; None for a single number.
        runs: number of runs that the value is the mean of; 0 if it is not from runs.
    """

    value: float | None
    why: str = ""
    deviation: float | None = None
    runs: int = 0

    def __str__(self) -> str:
        """A percentage without its sign, as printed in the field's tables."""
        if self.value is None:
            return "-" if self.why == "not reported" else self.why
        spread = "" if self.deviation is None else f" ± {100 * self.deviation:.2f}"
        return f"{100 * self.value:.2f}{spread}"


@dataclass(frozen=True)
class Row:
    """One method.

    Attributes:
        method: its name.
        kind: "paper" (in the paper's table), "published" (in later papers), "measured" (here).
        cells: one a column.
        source: the publication, or the measured faces.
    """

    method: str
    kind: str
    cells: tuple[Cell, ...]
    source: str


@dataclass(frozen=True)
class Table:
    """A table and its notes."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def caption(self) -> str:
        """Such as "Table 2: Performance comparison on 300W (NME in %)"."""
        return f"Table {self.name.removeprefix('table')}: {self.title} (NME in %)"


def to_text(table: Table) -> str:
    """Columns aligned with two spaces between them; a heading breaks at its first comma."""
    heads = [column.partition(", ") for column in table.columns]
    upper, lower = ["", "", *(h[0] for h in heads)], ["method", "", *(h[2] for h in heads)]
    lines = [upper, lower, *(_words(row) for row in table.rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(upper))]
    body = [
        "  ".join(
            word.ljust(width) if i < 2 else word.rjust(width)
            for i, (word, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    rule = "-" * max(len(line) for line in body)
    notes = [f"- {note}" for note in table.notes]
    return "\n".join([table.caption, "", *body[:2], rule, *body[2:], "", *notes]).rstrip() + "\n"


def to_markdown(table: Table) -> str:
    """A pipe table; measured rows are bold."""
    head = ["method", "", *table.columns]
    align = [":--", ":--", *("--:" for _ in table.columns)]
    rows = [_bold(_words(row)) if row.kind == "measured" else _words(row) for row in table.rows]
    lines = [
        "| " + " | ".join(w.replace("|", "\\|") for w in words) + " |"
        for words in (head, align, *rows)
    ]
    notes = [f"- {note}" for note in table.notes]
    return "\n".join([f"**{table.caption}**", "", *lines, "", *notes]).rstrip() + "\n"


def to_json(table: Table) -> str:
    """Schema `facealign-table/1`: values are fractions, null has its reason in `why`."""
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "table": table.name,
        "title": table.title,
        "columns": list(table.columns),
        "rows": [_entry(row) for row in table.rows],
        "notes": list(table.notes),
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


FORMS: Mapping[str, Callable[[Table], str]] = {
    "text": to_text,
    "markdown": to_markdown,
    "json": to_json,
}


def _words(row: Row) -> list[str]:
    return [row.method, row.kind, *(str(cell) for cell in row.cells)]


def _bold(words: list[str]) -> list[str]:
    return [f"**{word}**" if word else "" for word in words]


def _entry(row: Row) -> dict[str, Any]:
    return {
        "method": row.method,
        "kind": row.kind,
        "source": row.source,
        "values": [cell.value for cell in row.cells],
        "deviations": [cell.deviation for cell in row.cells],
        "runs": [cell.runs for cell in row.cells],
        "why": [cell.why for cell in row.cells],
    }
