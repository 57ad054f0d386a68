"""`facealign compare`: several reports or runs side by side."""

import json
from pathlib import Path
from typing import Any

import click

from facealign.cli.console import percent, print_table, say
from facealign.cli.options import json_option
from facealign.files import is_folder, parsing, reading, write_json
from facealign.metrics import NORMALISERS, in_words

Entry = dict[str, Any]


@click.command("compare", short_help="Put reports or runs side by side.")
@click.argument("sources", nargs=-1, required=True, type=Path, metavar="REPORT.json|RUN...")
@json_option
def compare(sources: tuple[Path, ...], target: Path | None) -> int:
    """Put several reports or runs side by side.

    A REPORT is a file of `facealign eval --json`. A RUN is a folder, of which the best validation
    is shown: on faces held out of that run, so compare runs with each other, not with reports.

    \b
    facealign compare common.json other.json
    facealign compare runs/aan-300w runs/other
    """  # noqa: D301
    entries = [read_entry(source) for source in sources]
    _print_entries(entries)
    if target:
        write_json(target, entries)
        say(f"rows: {target}")
    return 0


def read_entry(source: Path) -> Entry:
    """The numbers of a report file, or of the best validation of a run's folder.

    Raises:
        DataError: it cannot be read, or holds no report.
    """
    log = source / "log.jsonl"
    place = log if is_folder(source) else source
    with reading(place):
        content = place.read_bytes()
    with parsing(source, "no report; write one with: facealign eval --json"):
        entry = _best_validation(log, content) if place is log else json.loads(content)
        if "nme_inter_ocular" not in entry:
            raise ValueError("no nme_inter_ocular")
        _cells(entry, list(NORMALISERS))  # the numbers can be printed
        return {"source": str(source), **entry}


def _best_validation(log: Path, content: bytes) -> Entry:
    lines = [json.loads(line) for line in content.splitlines()]
    scored = [line for line in lines if line.get("report")]
    if not scored:
        raise ValueError("the run held nothing out for validation")
    by = f"nme_{scored[0]['report'].get('normaliser', 'inter_ocular')}"
    best = min(scored, key=lambda line: float(line["report"][by]))
    return {"model": f"{log.parent.name}, step {best['step']}", **best["report"]}


def _print_entries(entries: list[Entry]) -> None:
    used = [n for n in NORMALISERS if any(e.get(f"nme_{n}") is not None for e in entries)]
    errors = [f"NME, {in_words(name)}" for name in used]
    right = ("faces", "missed", *errors, "AUC at 8 %", "failures", "by")
    columns = ("model", "data", "boxes", *right)
    print_table(columns, (_cells(entry, used) for entry in entries), right)


def _cells(entry: Entry, normalisers: list[str]) -> list[str]:
    return [
        str(entry.get("model", "")),
        f"{entry.get('dataset', '')} {entry.get('subset', '')}",
        str(entry.get("box_source", "")),
        str(entry.get("count", "")),
        str(entry.get("missed", "")),
        *(percent(entry.get(f"nme_{name}")) for name in normalisers),
        percent(entry.get("auc_08"), 1),
        percent(entry.get("failure_rate_08"), 1),
        in_words(str(entry.get("normaliser", "inter_ocular"))),
    ]
