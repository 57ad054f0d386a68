"""YOLO-pose: `data.yaml`, and beside `images/` a folder `labels/` with a text file for each image.

A line is a face: class, x and y of the box's centre, its width and height, then x, y or x, y, v of
each point (`kpt_shape`), as fractions of the image. v is 2 for a visible point, 1 for a covered
one, 0 for one that is not labelled, as is a point of two numbers at or below 0, 0. `flip_idx` are
the mirror pairs, `kpt_names` the names: together a point scheme. Fractions count from the image's
corner, half a pixel before the centre of the first. Sizes are those of the images, which must be
there.

Results are written as `data.yaml` and `labels/`; put the images into `images/`.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facealign.decoding.tiff import orientation
from facealign.errors import DataError, OutputError
from facealign.face import Face, ImageResult
from facealign.files import brief, is_folder, parsing, reading
from facealign.formats.contents import Contents, path_of
from facealign.formats.folders import write_into
from facealign.formats.label_tools.named import (
    LabelledImage,
    NamedFace,
    NamedTool,
    face_or_fault,
    image_or_fault,
)
from facealign.formats.labels import ALL
from facealign.formats.pts import image_beside
from facealign.image import read_image
from facealign.markup import Markup, load_markup, scheme_of_names

FILE = "data.yaml"
FAR = 1000
"""How far outside the image a point may be, in image sizes."""
PLAIN = ("BMP", "JPEG", "PNG", "WEBP")
"""Formats of one picture a file."""
SPLITS = ("train", "val", "test")
DEEPEST = 20
"""Most maps and lists in each other that `data.yaml` may have."""


@dataclass(frozen=True)
class YoloSet:
    """A YOLO data set: its folder, and what `data.yaml` says."""

    root: Path
    content: dict[str, Any]

    @classmethod
    def at(cls, path: Path) -> "YoloSet":
        """The data set of a `data.yaml`, or of a folder with one; DataError where it is none."""
        file = path
        if is_folder(path):
            found = [file for file in sorted(path.glob("*.y*ml")) if "kpt_shape" in read_yaml(file)]
            if not found:
                raise DataError(f"{path}: holds no data.yaml with kpt_shape")
            file = found[0]
        content = read_yaml(file)
        shape = content.get("kpt_shape")
        listed = shape if isinstance(shape, list) else []
        if [type(number) for number in listed] != [int, int] or listed[1] not in (2, 3):
            raise DataError(f"{file}: kpt_shape must be [points, 2] or [points, 3], not {shape}")
        given = file.parent / str(content.get("path") or ".")
        return cls(given if is_folder(given) else file.parent, content)

    @property
    def names(self) -> list[str]:
        """The names of the points, or their numbers from 0."""
        names = self.content.get("kpt_names")
        listed = next(iter(names.values()), None) if isinstance(names, dict) else names
        count = self.content["kpt_shape"][0]
        if listed and len(listed) != count:
            raise DataError(f"{self.root}: {len(listed)} kpt_names, but kpt_shape has {count}")
        return [str(name) for name in listed or range(count)]

    @property
    def kind(self) -> str:
        """The name of the first class."""
        names = self.content.get("names") or ["face"]
        return str(next(iter(names.values() if isinstance(names, dict) else names)))

    def splits(self) -> list[str]:
        """The subsets that it names."""
        return [name for name in SPLITS if self.content.get(name)]

    def label_files(self, subset: str) -> list[Path]:
        """The text files of one subset, or of all."""
        files: list[Path] = []
        for name in self.splits() if subset == ALL else [subset]:
            entry = self.content.get(name)
            for place in entry if isinstance(entry, list) else [entry]:
                files += self._files(str(place))
        unlisted = (self.root / "labels").rglob("*.txt") if subset == ALL and not files else ()
        return list(dict.fromkeys(files)) or sorted(unlisted)

    def _files(self, entry: str) -> list[Path]:
        """The label files of a folder of images, or of a list of images."""
        place = self.root / entry
        if not place.exists():  # as some tools write it: "../train/images" beside train/
            place = self.root / entry.removeprefix("../")
        if place.suffix == ".txt":
            with reading(place):
                lines = place.read_text(encoding="utf-8").split("\n")
            images = [place.parent / line.strip() for line in lines if line.strip()]
            return [swapped(image, "images", "labels").with_suffix(".txt") for image in images]
        labels = swapped(place / "x", "images", "labels").parent
        return sorted((labels if is_folder(labels) else place).rglob("*.txt"))


def read_yaml(path: Path) -> dict[str, Any]:
    """The map in a YAML file.

    Raises:
        DataError: it cannot be read, is no map, or has what may take time and memory without end:
            aliases, or more than `DEEPEST` maps and lists in each other.
    """
    import yaml  # slow to import, and few need it

    with reading(path):
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    try:
        with parsing(path, "not YAML"):
            depth = 0
            for event in yaml.parse(text, yaml.SafeLoader):
                depth += isinstance(event, yaml.CollectionStartEvent)
                depth -= isinstance(event, yaml.CollectionEndEvent)
                if depth > DEEPEST or isinstance(event, yaml.AliasEvent):
                    place = f"{path}:{event.start_mark.line + 1}"
                    raise DataError(f"{place}: aliases and deep nesting are not supported")
            content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        line = f":{mark.line + 1}" if mark else ""
        raise DataError(f"{path}{line}: not YAML ({problem or brief(error)})") from None
    if not isinstance(content, dict):
        raise DataError(f"{path}: not the YAML of a YOLO data set: its top level is not a mapping")
    return content


def swapped(path: Path, one: str, other: str) -> Path:
    """The path with the last folder of that name changed, as YOLO finds labels for images."""
    parts = list(path.parts)
    places = [i for i, part in enumerate(parts[:-1]) if part == one]
    if places:
        parts[places[-1]] = other
    return Path(*parts)


def write_yolo(results: Iterable[ImageResult], path: Path, contents: Contents) -> None:
    """`data.yaml` and `labels/`, in a folder.

    Raises:
        OutputError: the faces are of several point schemes, the size of an image with faces is not
            known, or a file cannot be written.
    """
    if len(contents.markups) > 1:
        markups = ", ".join(sorted(contents.markups))
        raise OutputError(f"a YOLO data set holds one markup, not {markups}")
    folder = path.parent if path.suffix.lower() in (".yaml", ".yml") else path
    with write_into(folder, FILE, "labels/**/*.txt") as apart:
        lines, points = ["train: images", "val: images"], []
        for scheme in map(load_markup, contents.markups):  # one, or none without a face
            lines += [f"kpt_shape: [{scheme.count}, 3]", f"flip_idx: {scheme.mirror.tolist()}"]
            points = ["kpt_names:", "  0:", *(f'    - "{name}"' for name in scheme.names)]
        lines += ["names:", f"  0: {next(iter(contents.markups), 'face')}", *points]
        apart.write(FILE, "\n".join(lines) + "\n")
        for result in results:
            photo = path_of(result.source)  # YOLO finds the labels by the image's name alone
            name = (contents.folder_of(photo) / photo.stem).as_posix()
            text = "".join(_line(face, result) for face in result.faces)
            apart.write(f"labels/{name}.txt", text, photo)


def _line(face: Face, result: ImageResult) -> str:
    if not (result.width and result.height):
        raise OutputError(
            f"{result.source}: its size is unknown, but YOLO stores points as fractions of it: "
            "convert from a format with sizes, such as .json"
        )
    size = np.array([result.width, result.height], np.float64)
    box = (face.box.reshape(2, 2).astype(np.float64) + 0.5) / size
    points = (face.landmarks.astype(np.float64) + 0.5) / size
    seen = np.ones(len(points), bool) if face.visible is None else face.visible
    words = [f"{number:.8f}" for number in (*box.mean(axis=0), *(box[1] - box[0]))]
    words += [f"{x:.8f} {y:.8f} {1 + flag}" for (x, y), flag in zip(points, seen, strict=True)]
    return f"0 {' '.join(words)}\n"


def is_yolo(path: Path) -> bool:
    """Whether a folder or file is a YOLO data set."""
    with suppress(DataError):
        return bool(YoloSet.at(path))
    return False


def read_images(path: Path, subset: str) -> Iterator[LabelledImage]:
    """The images that have a text file; DataError where there is no such data set."""
    found, home = YoloSet.at(path), path if is_folder(path) else path.parent
    files, names = found.label_files(subset), found.names
    if not files:
        raise DataError(f"{path}: holds no text file of labels")
    for file in files:
        yield image_or_fault(str(file), "", _parse_file, file, found, names, home)


def _parse_file(file: Path, found: YoloSet, names: Sequence[str], home: Path) -> LabelledImage:
    with reading(file):
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    mirrored = swapped(file, "labels", "images")
    image = image_beside(mirrored if mirrored.parent.is_dir() else file)
    width, height = _upright_size(image)
    name = image.relative_to(home).as_posix() if image.is_relative_to(home) else str(image)
    count, columns = found.content["kpt_shape"]
    needs = f"must be 5 numbers and {count} × {columns}"
    faces = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            place, id, record = f"{file}:{number}", f"{name}#{number}", (line, found, names)
            face = face_or_fault(place, id, _parse_line, *record, (width, height), needs=needs)
            faces.append(face)
    return LabelledImage(name=name, width=width, height=height, faces=faces)


def _upright_size(path: Path) -> tuple[int, int]:
    """Width and height as the image is shown; from the header alone where that says it."""
    with suppress(OSError, ValueError), Image.open(path, formats=PLAIN) as picture:
        width, height = picture.size
        return (height, width) if orientation(picture) > 4 else (width, height)
    height, width, _ = read_image(path).shape
    return width, height


def _parse_line(
    line: str, found: YoloSet, names: Sequence[str], size: tuple[int, int]
) -> NamedFace:
    count, width = found.content["kpt_shape"]
    numbers = np.array([float(word) for word in line.split()[1:]])
    rows = numbers[4:].reshape(count, width)
    if not (np.abs(numbers) < FAR).all():  # also of NaN
        raise ValueError("a number is not a fraction of the image")
    x, y, w, h = numbers[:4] * (*size, *size)
    placed = rows[:, 2] > 0 if width == 3 else (rows > 0).any(axis=1) & (rows >= 0).all(axis=1)
    points = rows[:, :2] * size - 0.5
    chosen = np.flatnonzero(placed).tolist()
    return NamedFace(
        names=[names[i] for i in chosen],
        points=[points[i].tolist() for i in chosen],
        occluded=[bool(rows[i, 2] == 1) for i in chosen] if width == 3 else (),
        box=[x - w / 2 - 0.5, y - h / 2 - 0.5, x + w / 2 - 0.5, y + h / 2 - 0.5],
        kind=found.kind,
    )


def declared(path: Path) -> Markup | None:
    """The point scheme of `kpt_names` and `flip_idx`; None where there is neither."""
    found = YoloSet.at(path)
    flip, names = found.content.get("flip_idx"), found.names
    if not flip:
        named = "kpt_names" in found.content
        return scheme_of_names(found.kind, names, str(path)) if named else None
    with parsing(path, "flip_idx must hold every point once, pairs exchanged"):
        if len(flip) != len(names) or any(flip[k] != i for i, k in enumerate(flip)):
            raise ValueError(flip)
    pairs = [(names[i], names[k]) for i, k in enumerate(flip) if i < k]
    return scheme_of_names(found.kind, names, str(path), pairs)


def check(path: Path, scheme: Markup) -> None:
    """Refuse, by a DataError, a point scheme whose mirror pairs differ from `flip_idx`."""
    found = YoloSet.at(path)
    flip, names = found.content.get("flip_idx"), found.names
    places = [i if name.isdecimal() else scheme.find(name) for i, name in enumerate(names)]
    if not flip or None in places or len(names) != scheme.count:
        return
    for i, k in zip(places, flip, strict=False):
        if i is not None and scheme.mirror[i] != places[k]:
            raise DataError(
                f"{path}: flip_idx says that {names[places.index(i)]} becomes {names[k]} in a "
                f"mirrored photo, {scheme.name} that it becomes {scheme.names[scheme.mirror[i]]}: "
                "leave out --markup, or correct one of them"
            )


TOOL = NamedTool(
    title="YOLO-pose (data.yaml, labels/*.txt)",
    images=read_images,
    first=0,
    subsets=lambda path: YoloSet.at(path).splits(),
    declared=declared,
    check=check,
)
