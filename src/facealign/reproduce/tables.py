"""Tables 1 to 5 of the paper, as text, Markdown or JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev
from typing import Any

from facealign.datasets import DATASETS
from facealign.errors import FaceAlignError
from facealign.evaluation import Report
from facealign.metrics import in_words
from facealign.reproduce.measure import Measurer, reason_of
from facealign.reproduce.paper import ABLATION, BENCHMARKS, PAPER, SOURCES, VARIANTS, Benchmark
from facealign.reproduce.runs import RecordedRun

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
    rows = [
        [f"**{word}**" if word and row.kind == "measured" else word for word in _words(row)]
        for row in table.rows
    ]
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
        "rows": [
            {
                "method": row.method,
                "kind": row.kind,
                "source": row.source,
                "values": [cell.value for cell in row.cells],
                "deviations": [cell.deviation for cell in row.cells],
                "runs": [cell.runs for cell in row.cells],
                "why": [cell.why for cell in row.cells],
            }
            for row in table.rows
        ],
        "notes": list(table.notes),
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


FORMS = {"text": to_text, "markdown": to_markdown, "json": to_json}


def _words(row: Row) -> list[str]:
    return [row.method, row.kind, *(str(cell) for cell in row.cells)]


NO_DATA, RECORDED = "no data", "recorded runs"
NOT_REPORTED, NOT_RUN = Cell(None, "not reported"), Cell(None, "not run")
Reports = dict[str, Mapping[str, Report]]
"""Title of a part → model → its scores there."""


def benchmark_table(name: str, measurer: Measurer) -> Table:
    """One of tables 1 to 4: the paper's rows, published ones, and our measurements.

    If a part's data is missing, its column and the notes say so.
    """
    benchmark = BENCHMARKS[name]
    normalisers = (benchmark.normaliser, *benchmark.others)
    reports: Reports = {}
    missing: list[str] = []
    for part in benchmark.parts:
        try:
            reports[part.title] = measurer.reports(part.dataset, part.subset, normalisers[0])
        except FaceAlignError as error:
            missing.append(f"{part.title}, not measured: {reason_of(error)}")
    columns = [f"{p.title}, {in_words(n)}" for n in normalisers for p in benchmark.parts]
    rows = _printed(benchmark, normalisers) + _measured(benchmark, normalisers, reports)
    notes = (*benchmark.notes, *_faces(reports), *missing)
    return Table(name, benchmark.title, tuple(columns), tuple(rows), notes)


def _printed(benchmark: Benchmark, normalisers: Sequence[str]) -> list[Row]:
    """The rows of the paper, then those of later papers."""
    entries = [(m, "paper", benchmark.normaliser, v) for m, v in benchmark.rows.items()]
    entries += [(m, "published", n, v) for (m, n), v in benchmark.published.items()]
    rows: list[Row] = []
    for method, kind, normaliser, values in entries:
        given = tuple(_percentage(value) for value in values)
        blank = (NOT_REPORTED,) * len(values)
        cells = [cell for n in normalisers for cell in (given if n == normaliser else blank)]
        rows.append(Row(method, kind, tuple(cells), SOURCES[method]))
    return rows


def _percentage(value: float | None) -> Cell:
    return NOT_REPORTED if value is None else Cell(round(value / 100, 6))


def _measured(benchmark: Benchmark, normalisers: Sequence[str], reports: Reports) -> list[Row]:
    models = dict.fromkeys(model for part in reports.values() for model in part)
    if not models:
        cells = (Cell(None, NO_DATA),) * (len(benchmark.parts) * len(normalisers))
        return [Row("facealign", "measured", cells, "not measured")]
    rows: list[Row] = []
    for model in models:
        here = [reports.get(part.title, {}).get(model) for part in benchmark.parts]
        cells = tuple(_cell(report, n) for n in normalisers for report in here)
        source = "; ".join(_source(report) for report in here if report)
        rows.append(Row(f"facealign {model}", "measured", cells, source))
    return rows


def _cell(report: Report | None, normaliser: str) -> Cell:
    value = report.nmes.get(normaliser) if report else None
    if report is None or (value is not None and value != value):
        return Cell(None, NO_DATA)
    return Cell(value, "" if value is not None else "not defined")


def _source(report: Report) -> str:
    return f"{report.dataset} {report.subset}, {report.count} faces, {report.box_source} boxes"


def _faces(reports: Reports) -> list[str]:
    """A note for each measurement: faces, boxes, confidence interval."""
    notes: list[str] = []
    for part in reports.values():
        for model, report in part.items():
            spans = ", ".join(
                f"{in_words(name)} {100 * low:.2f} to {100 * high:.2f}"
                for name, (low, high) in report.intervals.items()
                if name.startswith("inter_") or name == report.normaliser
            )
            missed = f", {report.missed} missed" if report.missed else ""
            notes.append(f"facealign {model}: {_source(report)}{missed}; 95 % interval {spans}.")
            notes += _shortfall(report)
    return notes


def _shortfall(report: Report) -> list[str]:
    """A warning if these are not all of the benchmark's faces."""
    official = DATASETS[report.dataset].subsets[report.subset]
    if official in (None, report.count):
        return []
    return [
        f"{report.dataset} {report.subset} has {official:,} faces officially, not "
        f"{report.count:,}: the measured row cannot be compared with the others."
    ]


def ablation_table(runs: Sequence[RecordedRun], notes: Sequence[str] = ()) -> Table:
    """Table 5: the paper's rows, and mean ± deviation over the seeds of recorded runs."""
    ours = summarise(runs)
    used = {variant for row in ours.values() for variant in row}
    variants = [v for i, v in enumerate(VARIANTS) if i < 4 or v in used]
    variants += sorted(used - VARIANTS.keys())
    rows = [
        Row(_faces_of(key), "paper", tuple(_percentage(row.get(v)) for v in variants), PAPER)
        for key, row in ABLATION.items()
    ]
    rows += [
        Row(_faces_of(key), "measured", tuple(row.get(v, NOT_RUN) for v in variants), RECORDED)
        for key, row in ours.items()
    ]
    return Table(
        "table5",
        "The effectiveness of the attention mechanism and the nonlinear embedding layer",
        tuple(VARIANTS.get(v, v) for v in variants),
        tuple(rows),
        (*notes, *_notes_on_runs(ours)),
    )


def summarise(runs: Sequence[RecordedRun]) -> dict[tuple[str, str, str], dict[str, Cell]]:
    """(data set, subset, normaliser) → variant → mean and deviation over the seeds.

    That is the sample standard deviation; None for a single run.
    """
    values: dict[tuple[str, str, str], dict[str, list[float]]] = {}
    for run in runs:
        group = values.setdefault((run.dataset, run.subset, run.normaliser), {})
        group.setdefault(run.variant, []).append(run.nme)
    return {
        key: {
            variant: Cell(fmean(nmes), "", stdev(nmes) if len(nmes) > 1 else None, len(nmes))
            for variant, nmes in group.items()
        }
        for key, group in values.items()
    }


def _notes_on_runs(ours: Mapping[tuple[str, str, str], Mapping[str, Cell]]) -> list[str]:
    if not ours:
        return [
            "No runs are recorded, so nothing is measured: record some with "
            "scripts/run_ablation.py and give the file with --runs."
        ]
    notes = ["Measured: mean ± standard deviation over seeds."]
    for key, row in ours.items():
        counts = ", ".join(f"{VARIANTS.get(v, v)} {s.runs}" for v, s in row.items())
        notes.append(f"Runs on {_faces_of(key)}: {counts}.")
    return notes


def _faces_of(key: tuple[str, str, str]) -> str:
    dataset, subset, normaliser = key
    return f"{dataset} {subset}, {in_words(normaliser)}"
