"""A drawn, numbered chart of a point scheme."""

import math
import re
from itertools import cycle

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facealign.markup import Markup, is_own
from facealign.types import Doubles, Pixels

SCALE, LEFT, TOP = 6, 84, 74
"""Pixels per millimetre of the drawn face, and millimetres from the chart's corner to its eyes."""
WIDTH, HEIGHT, LEGEND = 1010, 1190, 330
HEAD = ((LEFT - 79) * SCALE, (TOP - 71) * SCALE, (LEFT + 79) * SCALE, (TOP + 121) * SCALE)
"""An ellipse for the head, so that schemes without a jaw do not float."""
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2")

# Single points on a drawn face: x to the right and y down in millimetres from between the eyes;
# of each pair only the one on the picture's left, which is the subject's right.
PLACES = {
    "right_eye_outer": (-46, 0),
    "right_eye_inner": (-17, 2),
    "right_eye_centre": (-31, 0),
    "right_pupil": (-31, 0),
    "nose_tip": (0, 40),
    "nose_base": (0, 53),
    "right_nostril_1": (-14, 47),
    "right_nostril_2": (-7, 51),
    "right_nose": (-16, 44),
    "right_mouth_corner": (-27, 78),
    "right_lip_top_1": (-18, 69),
    "right_lip_top_2": (-8, 65),
    "lip_top": (0, 67),
    "right_lip_bottom_1": (-18, 90),
    "right_lip_bottom_2": (-9, 95),
    "lip_bottom": (0, 96),
    "right_mouth_inner": (-21, 78),
    "right_inner_top": (-10, 73),
    "inner_top": (0, 74),
    "right_inner_bottom": (-10, 86),
    "inner_bottom": (0, 87),
    "mouth_centre": (0, 79),
    "chin": (0, 114),
}
ALONG = {"outer": (0.0, 0), "upper": (0.5, -1), "middle": (0.5, 0), "inner": (1.0, 0)}
ALONG |= {"lower": (0.5, 1)}
"""Parts of a brow: distance from its outer end, and above (-1) or below its middle line."""


def draw_chart(markup: Markup) -> Pixels:
    """(H, W, 3) uint8, the numbered points of a scheme on a drawn face, and a list of its regions.

    Numbers count from 0, as the rows of `Face.landmarks` do.
    """
    picture = Image.new("RGB", (WIDTH + LEGEND, HEIGHT), "white")
    pen = ImageDraw.Draw(picture)
    pen.ellipse(HEAD, outline="#e4e4e4", width=3)
    points = (layout(markup) + [LEFT, TOP]) * SCALE
    for line in markup.polylines():
        pen.line([tuple(points[i].tolist()) for i in line], fill="#c8c8c8", width=2)
    for (name, group), colour in zip(markup.groups.items(), cycle(COLOURS), strict=False):
        for i, (x, y) in zip(group, _beside(points[list(group)], name), strict=True):
            at_x, at_y = points[i].tolist()
            pen.ellipse((at_x - 4, at_y - 4, at_x + 4, at_y + 4), fill=colour)
            pen.text((x, y), str(i), fill=colour, font=ImageFont.load_default(15), anchor="mm")
    _draw_legend(pen, markup)
    return np.asarray(picture)


def layout(markup: Markup) -> Doubles:
    """(K, 2) the points of a scheme on the drawn face, in millimetres.

    A scheme that is not built in has its `chart`'s places, scaled to the head; or else a ring.
    """
    if not is_own(markup.name):
        return np.array([_place(name, markup) for name in markup.names])
    if markup.chart is None:
        turn = np.linspace(0, 2 * math.pi, markup.count, endpoint=False)
        return np.stack([70 * np.sin(turn), 25 - 70 * np.cos(turn)], axis=1)
    centred = markup.chart - (markup.chart.min(axis=0) + markup.chart.max(axis=0)) / 2
    largest = float(np.abs(centred).max()) or 1.0
    return np.asarray(centred * (70 / largest) + [0, 25])


def _place(name: str, markup: Markup) -> tuple[float, float]:
    if name.startswith("left_"):
        x, y = _place("right_" + name.removeprefix("left_"), markup)
        return -x, y
    if name in PLACES:
        return PLACES[name]
    part, _, number = name.rpartition("_")
    count = sum(bool(re.fullmatch(rf"{part}_\d+", other)) for other in markup.names)
    if part == "right_jaw":
        turn = math.pi * (1 - (int(number) - 1) / (2 * count))
        return 70 * math.cos(turn), 4 + 110 * math.sin(turn)
    if part == "nose_bridge":
        return 0.0, 2 + 12.5 * (int(number) - 1)
    if part in ("right_eye_upper", "right_eye_lower") or name.startswith("right_eye"):
        share = int(number) / (count + 1) if number.isdigit() else 0.5
        lid = math.sin(math.pi * share) * (7 if "lower" in name else -9)
        return -46 + 29 * share, 2 * share + lid
    return _brow(name.removeprefix("right_brow_"), count)


def _brow(part: str, count: int) -> tuple[float, float]:
    """A point of the right brow, by its number, its part, or both ("upper_3")."""
    side, _, number = part.rpartition("_")
    if not part[-1].isdigit():
        share, below = ALONG[part]
    elif side == "lower":  # the outer end is the upper line's first point
        share, below = int(number) / count, 1
    else:
        share, below = (int(number) - 1) / (count - 1), -1 if side else 0
    thick = 4 * below if share > 0 else 0
    return -58 + 46 * share, -22 - 9 * math.sin(math.pi * (0.15 + 0.7 * share)) + thick


def _beside(points: Doubles, name: str) -> Doubles:
    """Where the numbers of a region's points go: away from its middle; inside the inner lip."""
    if name in ("nose_bridge", "nose"):
        away = np.tile([1.0, 0.0], (len(points), 1))
    elif name == "jaw":
        away = points - (np.array([0.0, 20.0]) + [LEFT, TOP]) * SCALE
    elif len(points) < 3 or name in ("nose_base", "mouth"):
        away = np.tile([0.0, 1.0], (len(points), 1))
    elif "brow" in name and np.ptp(points[:, 1]) < 6 * SCALE:
        away = np.tile([0.0, -1.0], (len(points), 1))
    else:
        away = points - points.mean(axis=0)
    length = np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9)
    return np.asarray(points + away / length * (-14 if name == "inner_lip" else 17))


def _draw_legend(pen: ImageDraw.ImageDraw, markup: Markup) -> None:
    large, small = ImageFont.load_default(26), ImageFont.load_default(16)
    x = WIDTH + 10
    pen.text((x, 30), markup.name, fill="black", font=large)
    pen.text((x, 66), f"{markup.count} points, counted from 0", fill="black", font=small)
    pen.text((x, 88), "right and left are the subject's", fill="black", font=small)
    for row, (name, colour) in enumerate(zip(markup.groups, cycle(COLOURS), strict=False)):
        text = f"{name}  {ranges(markup.groups[name])}"
        pen.text((x, 130 + 26 * row), text, fill=colour, font=small)


def ranges(indices: tuple[int, ...]) -> str:
    """Indices in words: (36, 37, 38, 41) → "36-38, 41"."""
    ordered = np.sort(indices)
    runs = np.split(ordered, np.flatnonzero(np.diff(ordered) > 1) + 1) if indices else []
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
