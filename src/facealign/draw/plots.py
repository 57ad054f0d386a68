"""Figures as PNG or SVG, with matplotlib (the "plot" extra).

matplotlib is imported when a figure is drawn, without its global state (no pyplot).
"""

import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facealign.errors import OutputError, needs
from facealign.files import MARK, write_file
from facealign.markup import load_markup
from facealign.types import Doubles, Floats, Pixels, Points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg")
LINE, POINT = "#00c8ff", "#ffffff"
GREY = "#666666"
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
    errors: Doubles
    share: Doubles


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
    attention: Floats | None = None


@dataclass(frozen=True)
class FaceRow:
    """A row of faces, or the reason for their absence."""

    title: str
    faces: Sequence[FacePicture] = ()
    missing: str = ""


def draw_ced(panels: Sequence[CurvePanel], target: Path) -> None:
    """Cumulative error distributions, panels side by side.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: the suffix is neither .png nor .svg, or the file cannot be written.
    """
    figure = new_figure(4.6 * len(panels), 4.0)
    for number, panel in enumerate(panels, start=1):
        axes = figure.add_subplot(1, len(panels), number)
        axes.set_title(panel.title, fontsize=11)
        if panel.missing:
            _explain(axes, panel.missing)
        else:
            _draw_curves(axes, panel)
    save_figure(figure, target)


def draw_predictions(rows: Sequence[FaceRow], target: Path) -> None:
    """Points drawn on faces, a row for each data set; raises as `draw_ced` does."""
    columns = max([len(row.faces) for row in rows] + [4])
    heights = [1.75 if row.faces else 0.6 for row in rows]
    figure = new_figure(1.5 * columns, sum(heights))
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
    save_figure(figure, target)


def draw_attention(faces: Sequence[FacePicture], names: Sequence[str], target: Path) -> None:
    """Faces with the maps of their stages, which have names, from shallow to deep.

    As in the paper, the faces are in the top row and each stage is a row below; one or two faces
    get a row each. Each map is coloured from its own smallest to its own largest value, printed
    below it. Raises as `draw_ced` does.
    """
    across, down = len(faces), len(names) + 1
    turned = across <= FEW
    figure = new_figure(
        1.9 * (down if turned else across) + 0.3, 1.95 * (across if turned else down)
    )
    grid = figure.add_gridspec(*((across, down) if turned else (down, across)))
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
    save_figure(figure, target)


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure of this size in inches.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    with needs("plot", "drawing figures"):
        from matplotlib.figure import Figure
    return Figure(figsize=(width, height), layout="constrained")


def _draw_curves(axes: "Axes", panel: CurvePanel) -> None:
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


def _draw_face(axes: "Axes", face: FacePicture) -> None:
    axes.imshow(face.image)
    for line in load_markup(face.markup).polylines():
        axes.plot(*face.landmarks[line].T, color=LINE, linewidth=0.7)
    x, y = face.landmarks.T
    size = 2.5 if len(x) > MANY else 9.0
    axes.scatter(x, y, s=size, color=POINT, edgecolors="black", linewidths=0.2)
    _bare(axes, face.image)


def _draw_map(axes: "Axes", image: Pixels, values: Floats) -> None:
    side = image.shape[0]
    axes.imshow(image.mean(axis=2), cmap="gray", vmin=0, vmax=255)
    extent = (-0.5, side - 0.5, side - 0.5, -0.5)
    axes.imshow(values, cmap="inferno", alpha=0.6, extent=extent, interpolation="nearest")
    _bare(axes, image)
    axes.set_xlabel(f"{values.min():.2f} to {values.max():.2f}", fontsize=7, labelpad=2)


def _bare(axes: "Axes", image: Pixels) -> None:
    height, width = image.shape[:2]
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), xticks=[], yticks=[])


def _explain(axes: "Axes", text: str, width: int = MOST_LABEL) -> None:
    lines = "\n".join(textwrap.wrap(text, width))
    axes.text(
        0.5, 0.5, lines, ha="center", va="center", fontsize=8, color=GREY, transform=axes.transAxes
    )
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_color("#cccccc")


def save_figure(figure: "Figure", target: Path) -> None:
    """Write a figure; the same figure gives the same file.

    Raises:
        OutputError: the suffix is neither .png nor .svg, or the file cannot be written.
    """
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
