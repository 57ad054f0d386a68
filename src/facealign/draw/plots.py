"""Figures as PNG or SVG, with matplotlib (the "plot" extra).

matplotlib is imported when a figure is drawn, without its global state (no pyplot).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facealign.errors import MissingExtraError, OutputError
from facealign.files import MARK, write_file
from facealign.markup import load_markup
from facealign.types import Pixels, Points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg")
LINE, POINT = "#00c8ff", "#ffffff"
GREY = "#666666"
OURS = "#c2410c"
TICKS = (0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)
"""Limits of an axis of milliseconds."""
FEW = 2
"""In the figure of attention maps, up to this many faces get a row each."""
MANY = 40
"""Faces with at least this many points get small dots."""
MOST_LABEL = 44
"""Characters in a line of explanation within a panel."""


@dataclass(frozen=True, eq=False)
class Curve:
    """One step curve: errors (N,) sorted, as fractions, and the share of faces up to each."""

    label: str
    errors: NDArray[np.float64]
    share: NDArray[np.float64]


@dataclass(frozen=True)
class CurvePanel:
    """One axes of cumulative curves.

    Attributes:
        title: such as "AFLW, full".
        xlabel: names the normaliser.
        limit: the last error shown, a fraction.
        curves: drawn in this order.
        mark: a labelled vertical line, such as a published mean.
        missing: why there is no curve.

    """

    title: str
    xlabel: str
    limit: float
    curves: Sequence[Curve] = ()
    mark: tuple[str, float] | None = None
    missing: str = ""


@dataclass(frozen=True, eq=False)
class FacePicture:
    """A crop (S, S, 3), its points (K, 2) in crop pixels and their scheme, and its maps.

    `attention` is (stages, h, w) in 0..1 over the crop, or None.
    """

    image: Pixels
    landmarks: Points
    markup: str
    attention: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class FaceRow:
    """A row of faces, or the reason for their absence."""

    title: str
    faces: Sequence[FacePicture] = field(default=())
    missing: str = ""


@dataclass(frozen=True)
class Mark:
    """A model, its time, and its NME with and without its constant offset, as fractions."""

    label: str
    ms: float
    nme: float
    corrected: float | None = None
    ours: bool = False


def draw_ced(panels: Sequence[CurvePanel], target: Path) -> None:
    """Cumulative error distributions, panels side by side.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: the suffix is neither .png nor .svg, or the file cannot be written.

    """
    figure = _figure(4.6 * len(panels), 4.0)
    for number, panel in enumerate(panels, start=1):
        axes = figure.add_subplot(1, len(panels), number)
        axes.set_title(panel.title, fontsize=11)
        if panel.missing:
            _explain(axes, panel.missing)
        else:
            _draw_curves(axes, panel)
    _save(figure, target)


def draw_predictions(rows: Sequence[FaceRow], target: Path) -> None:
    """Points drawn on faces, a row for each data set; raises as `draw_ced` does."""
    columns = max([len(row.faces) for row in rows] + [4])
    heights = [1.75 if row.faces else 0.6 for row in rows]
    figure = _figure(1.5 * columns, sum(heights))
    grid = figure.add_gridspec(len(rows), columns, height_ratios=heights)
    for y, row in enumerate(rows):
        if not row.faces:
            axes = figure.add_subplot(grid[y, :])
            _explain(axes, row.missing, MOST_LABEL * columns // 2)
            axes.set_title(row.title, fontsize=9, loc="left")
        for x, face in enumerate(row.faces):
            axes = figure.add_subplot(grid[y, x])
            _draw_face(axes, face)
            if x == 0:
                axes.set_title(row.title, fontsize=9, loc="left")
    _save(figure, target)


def draw_attention(faces: Sequence[FacePicture], names: Sequence[str], target: Path) -> None:
    """Faces with the maps of their stages, from shallow to deep.

    As in the paper, the faces are in the top row and each stage is a row below; one or two faces
    get a row each. Each map is coloured from its own smallest to its own largest value, printed
    below it. Raises as `draw_ced` does.

    Args:
        faces: with `attention`.
        names: of the stages that have maps, shallow to deep.
        target: the file.

    """
    across, down = len(faces), len(names) + 1
    turned = across <= FEW
    figure = _figure(1.9 * (down if turned else across) + 0.3, 1.95 * (across if turned else down))
    shape = (across, down) if turned else (down, across)
    grid = figure.add_gridspec(*shape)
    for x, face in enumerate(faces):
        assert face.attention is not None
        maps = zip(names, face.attention, strict=True)
        for y, (name, values) in enumerate([("", None), *maps]):
            axes = figure.add_subplot(grid[(x, y) if turned else (y, x)])
            if values is None:
                _draw_face(axes, face)
            else:
                _draw_map(axes, face.image, values)
            if x == 0:
                (axes.set_title if turned else axes.set_ylabel)(name, fontsize=9)
    _save(figure, target)


def draw_tradeoff(marks: Sequence[Mark], xlabel: str, ylabel: str, target: Path) -> None:
    """Error against time: a named disc for each model, a ring for its error without its offset.

    The axis of time is logarithmic. The ground is white, so that the figure can be read on a dark
    page as well. Raises as `draw_ced` does.
    """
    figure = _figure(6.4, 4.0)
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
    _save(figure, target)


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


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("drawing figures", "plot") from None
    return Figure(figsize=(width, height), layout="constrained")


def _draw_curves(axes: Axes, panel: CurvePanel) -> None:
    limit = 100 * panel.limit
    for curve in panel.curves:
        inside = curve.errors <= panel.limit
        y = np.concatenate([[0.0], curve.share[inside]])
        x = np.concatenate([[0.0], 100 * curve.errors[inside], [limit]])
        axes.step(x, np.append(y, y[-1]), where="post", label=curve.label)
    if panel.mark:
        label, value = panel.mark
        axes.axvline(100 * value, color=GREY, linestyle=":", label=label)
    axes.set(xlim=(0, limit), ylim=(0, 1), xlabel=panel.xlabel, ylabel="share of faces")
    axes.grid(alpha=0.3)
    axes.legend(loc="best", fontsize=8)


def _draw_face(axes: Axes, face: FacePicture) -> None:
    axes.imshow(face.image)
    for line in load_markup(face.markup).polylines():
        axes.plot(*face.landmarks[line].T, color=LINE, linewidth=0.7)
    x, y = face.landmarks.T
    size = 2.5 if len(x) > MANY else 9.0
    axes.scatter(x, y, s=size, color=POINT, edgecolors="black", linewidths=0.2)
    _bare(axes, face.image)


def _draw_map(axes: Axes, image: Pixels, values: NDArray[np.float32]) -> None:
    side = image.shape[0]
    gray = image.mean(axis=2)
    axes.imshow(gray, cmap="gray", vmin=0, vmax=255)
    extent = (-0.5, side - 0.5, side - 0.5, -0.5)
    axes.imshow(values, cmap="inferno", alpha=0.6, extent=extent, interpolation="nearest")
    _bare(axes, image)
    axes.set_xlabel(f"{values.min():.2f} to {values.max():.2f}", fontsize=7, labelpad=2)


def _bare(axes: Axes, image: Pixels) -> None:
    height, width = image.shape[:2]
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), xticks=[], yticks=[])


def _explain(axes: Axes, text: str, width: int = MOST_LABEL) -> None:
    import textwrap

    lines = "\n".join(textwrap.wrap(text, width))
    axes.text(
        0.5, 0.5, lines, ha="center", va="center", fontsize=8, color=GREY, transform=axes.transAxes
    )
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_color("#cccccc")


def _save(figure: Figure, target: Path) -> None:
    from matplotlib import rc_context

    suffix = target.suffix.lower()
    if suffix not in SUFFIXES:
        raise OutputError(
            f'cannot write {target}: the suffix "{target.suffix}" is unknown; use .png or .svg'
        )
    content = io.BytesIO()
    # No date and no random names, so that the same figure gives the same file.
    with rc_context({"svg.hashsalt": "facealign", "svg.fonttype": "path"}):
        svg = {"Date": None, "Description": MARK}
        metadata = svg if suffix == ".svg" else {"Software": None, "Comment": MARK}
        figure.savefig(content, format=suffix[1:], dpi=160, metadata=metadata)
    write_file(target, content.getvalue())
