"""Points and boxes that were placed on a photo one by one, grouped into faces."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from facealign.formats.label_tools.named import NamedFace

COVERED = ("occluded", "hidden", "covered")
"""What a flag or a note may call a point that is covered."""
LINK = "link each point to its box or group, or put it into the box of one face alone"


@dataclass(frozen=True, kw_only=True)
class Region:
    """A point or a box.

    Attributes:
        label: its name.
        corners: x, y of a point, x0 y0 x1 y1 of a box; image pixels.
        group: what the regions of one face share; None where the tool does not say.
        occluded: a point that is covered.
        score: a detector's.
    """

    label: str
    corners: Sequence[float]
    group: Hashable = None
    occluded: bool = False
    score: Any = 1.0

    @property
    def is_box(self) -> bool:
        """Whether it is a box."""
        return len(self.corners) == 4

    def holds(self, point: "Region") -> bool:
        """Whether a point lies in this box."""
        (x, y), (x0, y0, x1, y1) = point.corners[:2], self.corners
        return x0 <= x <= x1 and y0 <= y <= y1


def to_faces(regions: Sequence[Region], place: str, id: str) -> list[NamedFace]:
    """The faces of one image, at a place for messages, under its id and a number.

    Regions of one group are a face. Points without a group are that of the only box, or of the
    only one that holds them; without a box they are one face.
    """
    groups, loose = _groups(regions)
    faces = [
        replace(_face(members), place=f"{place}, face {number}", id=f"{id}#{number}")
        for number, members in enumerate(groups.values(), 1)
    ]
    if loose:
        faces = [face for face in faces if face.names]  # whose points are they?
        number = len(faces) + 1
        where = ", ".join(point.label for point in loose[:5])
        fault = f"it is not clear whose points {where} are: {LINK}"
        faces.append(NamedFace(place=f"{place}, face {number}", id=f"{id}#{number}", fault=fault))
    return faces


def _groups(regions: Sequence[Region]) -> tuple[dict[Hashable, list[Region]], list[Region]]:
    """The regions of each group, and the points whose face is not clear."""
    regions = [
        replace(region, group=("box", number)) if region.is_box and region.group is None else region
        for number, region in enumerate(regions)
    ]
    boxes = [region for region in regions if region.is_box]
    free = [region for region in regions if region.group is None]
    once = len({point.label for point in free}) == len(free)
    groups: dict[Hashable, list[Region]] = {}
    for region in regions:
        homes = [box for box in boxes if len(boxes) == 1 or box.holds(region)]
        group = region.group
        if group is None and len(homes) == 1 and (once or len(boxes) > 1):
            group = homes[0].group
        elif group is None and once and not boxes:
            group = ("points",)
        groups.setdefault(group, []).append(region)
    return groups, groups.pop(None, [])


def _face(members: Sequence[Region]) -> NamedFace:
    boxes = [region for region in members if region.is_box]
    points = [region for region in members if not region.is_box]
    return NamedFace(
        names=[point.label for point in points],
        points=[point.corners for point in points],
        occluded=[p.occluded for p in points] if any(p.occluded for p in points) else (),
        box=boxes[0].corners if len(boxes) == 1 else None,
        kind=boxes[0].label if boxes else "face",
        score=boxes[0].score if boxes else 1.0,
    )
