"""The tracks of CVAT for video 1.1: each frame becomes an `<image>`, as CVAT for images has them.

A track is a face, a box or a single point through the video, with a shape for each frame.
`outside="1"` is a frame in which it is not there, `keyframe="1"` one that a person has set; CVAT
fills in the others. The frames are numbered in the task, which may start later in the video and
leave frames out.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field

STEP = re.compile(r"step\s*=\s*(\d+)")
STILL = "frame_{:06d}.png"
"""A frame of a task that names no video, or one that lies beside its video as an image."""


@dataclass
class Video:
    """What a CVAT file says about a video.

    Attributes:
        source: the video's name; empty where the file does not say.
        start, step: the frame of the video that the task starts with, and the next one's distance.
        size: width and height, where the file says.
        shapes: frame of the task → its shapes, as those of an image.
    """

    source: str = ""
    start: int = 0
    step: int = 1
    size: dict[str, str] = field(default_factory=dict)
    shapes: dict[int, list[ET.Element]] = field(default_factory=dict)

    def read_meta(self, meta: ET.Element) -> None:
        """Read what the file says about the video."""
        found = {child.tag: (child.text or "").strip() for child in meta.iter()}
        self.source = found.get("source", "")
        self.start = int(found.get("start_frame") or 0)
        step = STEP.search(found.get("frame_filter", ""))
        self.step = int(step[1]) if step else 1
        names = ("width", "height")
        self.size = {name: found[name] for name in names if found.get(name, "").isdecimal()}

    def add_track(self, track: ET.Element, keyframes: bool) -> None:
        """Read the shapes of a track; with `keyframes` only those that a person set."""
        common = {name: track.get(name, "") for name in ("label", "group_id")}
        common["track"] = track.get("id", "")
        for shape in track:
            if shape.tag not in ("skeleton", "points", "box") or shape.get("outside") == "1":
                continue
            if shape.tag == "skeleton" and all(p.get("outside") == "1" for p in shape):
                continue  # the face has left
            marked = (shape, *shape.iterfind("points"))
            if keyframes and all(element.get("keyframe") != "1" for element in marked):
                continue
            copy = ET.Element(shape.tag, common | shape.attrib)
            copy.extend([ET.fromstring(ET.tostring(child)) for child in shape])
            self.shapes.setdefault(int(shape.attrib["frame"]), []).append(copy)


def read_frames(video: Video) -> Iterator[tuple[int | None, ET.Element]]:
    """The frames with shapes, in order: the number within the video, and an `<image>`.

    Without a video's name each frame is an image of its own, and the number None.
    """
    for number, shapes in sorted(video.shapes.items()):
        if not any(shape.tag != "box" for shape in shapes):
            continue  # boxes alone
        frame = video.start + number * video.step
        name = video.source or STILL.format(frame)
        image = ET.Element("image", {"name": name} | video.size)
        image.extend(shapes)
        yield frame if video.source else None, image
