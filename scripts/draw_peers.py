"""Accuracy against latency, drawn from a file of benchmarks/peers.py.

    python scripts/draw_peers.py docs/runs/peers/300w.json -o docs/pictures/peers.svg

Needs the "plot" extra.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from facealign.draw.plots import Mark, draw_tradeoff
from facealign.errors import DataError, FaceAlignError

SCHEMA = "facealign-peers/1"
TIME = "landmark stage, one face, one thread: median ms (logarithmic)"
ERROR = "NME, inter-pupil, on 300W common (%)"


def main(source: Path, target: Path) -> None:
    draw_tradeoff(read_marks(source), TIME, ERROR, target)
    print(f"picture: {target}")


def read_marks(source: Path) -> list[Mark]:
    """The models of the file whose accuracy was measured.

    Raises:
        DataError: it cannot be read, is another kind of file, or has no accuracy.

    """
    try:
        tree = json.loads(source.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{source}: cannot be read ({error})") from None
    if not isinstance(tree, dict) or tree.get("schema") != SCHEMA:
        raise DataError(f'{source}: its schema is not "{SCHEMA}"; benchmarks/peers.py writes it')
    marks = [to_mark(row) for row in tree["rows"] if "accuracy" in row]
    if not marks:
        raise DataError(f"{source}: it has no accuracy; measure with: benchmarks/peers.py --root")
    return marks


def to_mark(row: dict[str, Any]) -> Mark:
    found = row["accuracy"]
    return Mark(
        f"{row['name']} ({row['caveat']})" if row["caveat"] else row["name"],
        row["stage_ms"]["median"],
        found["plain"]["nme_inter_pupil"],
        found["corrected"]["nme_inter_pupil"],
        row["ours"],
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    try:
        main(given.source, given.output)
    except FaceAlignError as error:
        raise SystemExit(str(error)) from None
