"""Accuracy against latency, drawn from a file of benchmarks/peers.py.

    python scripts/draw_peers.py docs/runs/peers/300w.json -o docs/pictures/peers.svg

Needs the "plot" extra.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facealign.draw.plots import GREY, new_figure, save_figure
from facealign.errors import DataError, FaceAlignError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SCHEMA = "facealign-peers/1"
TIME = "landmark stage, one face, one thread: median ms (logarithmic)"
ERROR = "NME, inter-pupil, on 300W common (%)"
OURS = "#c2410c"
TICKS = (0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)
"""Limits of an axis of milliseconds."""


@dataclass(frozen=True)
class Mark:
    """A model, its time, and its NME with and without its constant offset, as fractions."""

    label: str
    ms: float
    nme: float
    corrected: float | None = None
    ours: bool = False


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


def draw_tradeoff(marks: Sequence[Mark], xlabel: str, ylabel: str, target: Path) -> None:
    """Error against time: a named disc for each model, a ring for its error without its offset.

    The axis of time is logarithmic. The ground is white, so that the figure can be read on a dark
    page as well.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: the suffix is neither .png nor .svg, or the file cannot be written.

    """
    figure = new_figure(6.4, 4.0)
    axes = figure.add_subplot(xscale="log", xlabel=xlabel, ylabel=ylabel)
    times = [mark.ms for mark in marks]
    low, high = min(times) / 1.6, max(times) * 5  # room for the names
    errors = [100 * mark.nme for mark in marks]
    both = errors + [100 * mark.corrected for mark in marks if mark.corrected is not None]
    room = 0.12 * (max(both) - min(both)) or 1.0
    axes.set(xlim=(low, high), ylim=(min(both) - room, max(both) + room))
    for mark, height in zip(marks, _apart(errors, room / 2), strict=True):
        beside = max(time for time in times if mark.ms <= time < NEAR * mark.ms)
        _draw_mark(axes, mark, (1.07 * beside, height))
    for label, fill in (("as it comes", GREY), ("without its points' constant offsets", "white")):
        axes.plot([], [], "o", color=GREY, markerfacecolor=fill, label=label)
    axes.legend(loc="best", fontsize=8)
    ticks = [tick for tick in TICKS if low <= tick <= high]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.grid(alpha=0.3)
    save_figure(figure, target)


NEAR = 1.3
"""A name begins beyond models that are slower by less than this."""


def _draw_mark(axes: Axes, mark: Mark, name: tuple[float, float]) -> None:
    """A model's disc, ring and, from the place `name` on, its name."""
    color = OURS if mark.ours else GREY
    if mark.corrected is not None:
        axes.plot([mark.ms] * 2, [100 * mark.nme, 100 * mark.corrected], color=color, linewidth=1)
        axes.plot(mark.ms, 100 * mark.corrected, "o", color=color, markerfacecolor="white")
    axes.plot(mark.ms, 100 * mark.nme, "o", color=color)
    weight = "bold" if mark.ours else "normal"
    axes.text(*name, mark.label, color=color, fontweight=weight, va="center")


def _apart(values: Sequence[float], least: float) -> list[float]:
    """The values, moved up where they lie nearer together than `least`; in their own order."""
    moved = [0.0] * len(values)
    below = -np.inf
    for place in np.argsort(values):
        below = moved[place] = max(values[place], below + least)
    return moved


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    try:
        main(given.source, given.output)
    except FaceAlignError as error:
        raise SystemExit(str(error)) from None
