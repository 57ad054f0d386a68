"""YOLO-pose: `data.yaml`, and beside `images/` a folder `labels/` with a text file for each image.

A line is a face: class, x and y of the box's centre, its width and height, then x, y or x, y, v of
each point (`kpt_shape`), as fractions of the image. v is 2 for a visible point, 1 for a covered
one, 0 for one that is not labelled, as is a point of two numbers at or below 0, 0. `flip_idx` are
the mirror pairs, `kpt_names` the names: together a point scheme. Fractions count from the image's
corner, half a pixel before the centre of the first. Sizes are those of the images, which must be
there.

Results are written as `data.yaml` and `labels/`; put the images into `images/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facealign.decoding.orientation import orientation
from facealign.errors import DataError, FaceAlignError, OutputError
from facealign.face import Face, ImageResult
from facealign.files import is_folder, parsing, reading
from facealign.formats.folders import write_into
from facealign.formats.label_tools.named import LabelledImage, NamedFace, NamedTool
from facealign.formats.label_tools.plain_yaml import read_yaml
from facealign.formats.labels import ALL
from facealign.formats.pts import image_beside
from facealign.formats.survey import Survey, path_of
from facealign.image import read_image
from facealign.markup import Markup, load_markup, scheme_of_names

SPLITS = ("train", "val", "test")
FILE = "data.yaml"
FAR = 1000
"""Sizes of the image that a point may be away from it."""
PLAIN = ("BMP", "JPEG", "PNG", "WEBP")
"""Formats of one picture a file."""


def write_yolo(results: Iterable[ImageResult], path: Path, survey: Survey) -> None:
    """`data.yaml` and `labels/`, in a folder.

    Raises:
        OutputError: the faces are of several point schemes, the size of an image with faces is not
            known, or a file cannot be written.

    """
    if len(survey.markups) > 1:
        raise OutputError(
            f"a YOLO data set holds one markup, not {', '.join(sorted(survey.markups))}"
        )
    folder = path.parent if path.suffix.lower() in (".yaml", ".yml") else path
    with write_into(folder, FILE, "labels/**/*.txt") as apart:
        apart.write(FILE, _yaml(next(iter(survey.markups), "face")))
        for result in results:
            photo = path_of(result.source)  # YOLO finds the labels by the image's name alone
            name = (survey.folder_of(photo) / photo.stem).as_posix()
            lines = [_line(face, result) for face in result.faces]
            apart.write(f"labels/{name}.txt", "".join(lines), photo)


def _yaml(markup: str) -> str:
    lines = ["train: images", "val: images"]
    if markup != "face":
        scheme = load_markup(markup)
        lines += [f"kpt_shape: [{scheme.count}, 3]", f"flip_idx: {scheme.mirror.tolist()}"]
    lines += ["names:", f"  0: {markup}"]
    if markup != "face":
        lines += ["kpt_names:", "  0:", *(f'    - "{name}"' for name in scheme.names)]
    return "\n".join(lines) + "\n"


def _line(face: Face, result: ImageResult) -> str:
    if not (result.width and result.height):
        raise OutputError(
            f"{result.source}: its size is not known, and YOLO has places as fractions of it: "
            "convert from a format with sizes, such as .json"
        )
    size = np.array([result.width, result.height], np.float64)
    box = (face.box.reshape(2, 2).astype(np.float64) + 0.5) / size
    points = (face.landmarks.astype(np.float64) + 0.5) / size
    seen = np.ones(len(points), bool) if face.visible is None else face.visible
    numbers = [*box.mean(axis=0), *(box[1] - box[0])]
    words = [f"{number:.8f}" for number in numbers]
    words += [f"{x:.8f} {y:.8f} {1 + flag}" for (x, y), flag in zip(points, seen, strict=True)]
    return f"0 {' '.join(words)}\n"


@dataclass(frozen=True)
class YoloSet:
    """A YOLO data set: its folder, and what `data.yaml` says."""

    root: Path
    content: dict[str, Any]

    @classmethod
    def at(cls, path: Path) -> YoloSet:
        """The data set of a `data.yaml`, or of a folder with one.

        Raises:
            DataError: it cannot be read, or has no `kpt_shape`.

        """
        file = path
        if is_folder(path):
            found = [file for file in sorted(path.glob("*.y*ml")) if "kpt_shape" in read_yaml(file)]
            if not found:
                raise DataError(f"{path}: holds no data.yaml with kpt_shape")
            file = found[0]
        content = read_yaml(file)
        shape = content.get("kpt_shape")
        if not (isinstance(shape, list) and len(shape) == 2 and shape[1] in (2, 3)):
            raise DataError(f"{file}: kpt_shape must be [points, 2] or [points, 3], not {shape}")
        root = file.parent
        given = root / str(content.get("path") or ".")
        return cls(given if is_folder(given) else root, content)

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
        names = self.splits() if subset == ALL else [subset]
        entries = [entry for name in names for entry in _listed(self.content.get(name))]
        files = [file for entry in entries for file in self._files(entry)]
        if not files and subset == ALL:
            files = sorted((self.root / "labels").rglob("*.txt"))
        return list(dict.fromkeys(files))

    def _files(self, entry: str) -> list[Path]:
        """The label files of a folder of images, or of a list of images."""
        place = self.root / entry
        if not place.exists():  # as some tools write it: "../train/images" beside train/
            place = self.root / entry.removeprefix("../")
        if place.suffix == ".txt":
            with reading(place):
                lines = place.read_text(encoding="utf-8").split("\n")
            images = [place.parent / line.strip() for line in lines if line.strip()]
            return [_swap(image, "images", "labels").with_suffix(".txt") for image in images]
        labels = _swap(place / "x", "images", "labels").parent
        return sorted((labels if is_folder(labels) else place).rglob("*.txt"))


def _listed(value: Any) -> list[str]:
    return [str(entry) for entry in value] if isinstance(value, list) else [str(value)]


def _swap(path: Path, one: str, other: str) -> Path:
    """The path with the last folder of that name changed, as YOLO finds labels for images."""
    parts = list(path.parts)
    places = [i for i, part in enumerate(parts[:-1]) if part == one]
    if places:
        parts[places[-1]] = other
    return Path(*parts)


def is_yolo(path: Path) -> bool:
    """Whether a folder or file is a YOLO data set."""
    try:
        YoloSet.at(path)
    except DataError:
        return False
    return True


def read_images(path: Path, subset: str) -> Iterator[LabelledImage]:
    """The images that have a text file.

    Raises:
        DataError: there is no such data set.

    """
    found = YoloSet.at(path)
    names, home = found.names, path if is_folder(path) else path.parent
    files = found.label_files(subset)
    if not files:
        raise DataError(f"{path}: holds no text file of labels")
    for file in files:
        try:
            yield _parse_file(file, found, names, home)
        except FaceAlignError as error:
            fault = str(error).removeprefix(f"{file}: ")
            yield LabelledImage(name="", faces=[NamedFace(place=str(file), id="", fault=fault)])


def _parse_file(file: Path, found: YoloSet, names: Sequence[str], home: Path) -> LabelledImage:
    with reading(file):
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    mirrored = _swap(file, "labels", "images")
    image = image_beside(mirrored if mirrored.parent.is_dir() else file)
    width, height = _upright_size(image)
    name = image.relative_to(home).as_posix() if image.is_relative_to(home) else str(image)
    faces = [
        _parse_line(line, f"{file}:{number}", f"{name}#{number}", found, names, (width, height))
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]
    return LabelledImage(name=name, width=width, height=height, faces=faces)


def _upright_size(path: Path) -> tuple[int, int]:
    """Width and height as the image is shown; from the header alone where that says it."""
    with suppress(OSError, ValueError), Image.open(path, formats=PLAIN) as picture:
        width, height = picture.size
        return (height, width) if orientation(picture) > 4 else (width, height)
    height, width, _ = read_image(path).shape
    return width, height


def _parse_line(
    line: str, place: str, id: str, found: YoloSet, names: Sequence[str], size: tuple[int, int]
) -> NamedFace:
    count, width = found.content["kpt_shape"]
    try:
        with parsing(place, f"must be 5 numbers and {count} × {width}"):
            numbers = np.array([float(word) for word in line.split()[1:]])
            rows = numbers[4:].reshape(count, width)
            if not (np.abs(numbers) < FAR).all():  # also of NaN
                raise ValueError("a number is no fraction of the image")
    except DataError as error:
        return NamedFace(place=place, id=id, fault=str(error).removeprefix(f"{place}: "))
    x, y, w, h = numbers[:4] * (*size, *size)
    placed = rows[:, 2] > 0 if width == 3 else (rows > 0).any(axis=1) & (rows >= 0).all(axis=1)
    points = rows[:, :2] * size - 0.5
    chosen = np.flatnonzero(placed).tolist()
    return NamedFace(
        place=place,
        id=id,
        names=[names[i] for i in chosen],
        points=[points[i].tolist() for i in chosen],
        occluded=[bool(rows[i, 2] == 1) for i in chosen] if width == 3 else (),
        box=[x - w / 2 - 0.5, y - h / 2 - 0.5, x + w / 2 - 0.5, y + h / 2 - 0.5],
        kind=found.kind,
    )


def declared(path: Path) -> Markup | None:
    """The point scheme of `kpt_names` and `flip_idx`; None where there is neither.

    Raises:
        DataError: `flip_idx` does not hold every point once.

    """
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


TOOL = NamedTool(
    title="YOLO-pose (data.yaml, labels/*.txt)",
    images=read_images,
    first=0,
    subsets=lambda path: YoloSet.at(path).splits(),
    declared=declared,
)
