"""The field's `.pts` files: text, one `x y` a line between braces, **1-based** by custom.

The centre of the first pixel is (1, 1) in the file and (0, 0) everywhere else in facealign; only
this module shifts. As results: one file for one face, or a folder with a file for each face. As
labels: a folder of images, sub-folders included, with a `.pts` file beside each; the box is that of
the points. Several faces of one image need copies of the image: `a_1.jpg` beside `a_1.pts`.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np

from facealign.errors import DataError, OutputError
from facealign.face import ImageResult
from facealign.files import numbered, parsing, reading, write_file
from facealign.formats.contents import Contents, path_of
from facealign.formats.folders import write_into
from facealign.formats.json import build_face
from facealign.formats.labels import DEFAULT_MARKUP, OF_POINTS, Label, LabelReader, ParseLabel
from facealign.geometry import MOST_PIXELS, box_of_points
from facealign.image import SUFFIXES
from facealign.markup import Markup, load_markup
from facealign.problems import report
from facealign.types import Points

_USUAL = (".jpg", ".png", ".jpeg", ".bmp", ".webp")
IMAGE_SUFFIXES = (*_USUAL, *sorted(SUFFIXES.difference(_USUAL)))
"""In the order in which the image beside a label file is looked for."""


def read_pts(path: Path, count: int) -> Points:
    """The (K, 2) float32 points of a `.pts` file, 0-based; K is `count`, that of the markup.

    Raises:
        DataError: the file cannot be read, is no `.pts` file, or has another number of points.
    """
    with reading(path):
        text = path.read_text(encoding="utf-8", errors="replace")
    head, brace, rest = text.partition("{")
    body, end, _ = rest.partition("}")
    if not (brace and end and "n_points" in head):
        needs = f'expected "n_points: {count}" and points in {{ }}'
        raise DataError(f"{path}: not a .pts file: {needs}")
    rows = [line.split() for line in body.splitlines() if line.strip()]
    if len(rows) != count:
        raise DataError(
            f"{path}: {len(rows)} points, but the markup has {count}: name the right one with "
            "--markup (a name, or a .toml file), complete the file, or remove it"
        )
    with parsing(path, "a line between the braces is not two numbers"):
        points = np.array([[float(x), float(y)] for x, y in rows])
    if not (np.abs(points) <= MOST_PIXELS).all():  # also false of NaN
        raise DataError(f"{path}: a coordinate is not a finite number of pixels")
    return (points - 1).astype(np.float32)


def to_pts(points: Points) -> str:
    """The text of a `.pts` file, 1-based, for (K, 2) points, 0-based."""
    rows = "\n".join(f"{x + 1:.4f} {y + 1:.4f}" for x, y in points.astype(np.float64))
    return f"version: 1\nn_points: {len(points)}\n{{\n{rows}\n}}\n"


def image_beside(path: Path) -> Path:
    """The image with the same name beside a label file, of any format that can be read.

    The label file of `a.jpg` is `a.pts` or `a.jpg.pts`.

    Raises:
        DataError: there is none.
    """
    for suffix in IMAGE_SUFFIXES:
        for name in (path.with_suffix(suffix), path.with_suffix(suffix.upper())):
            if name.is_file():
                return name
    for name in sorted(path.parent.iterdir()) if path.parent.is_dir() else ():
        alike = _fold(path.stem) in (_fold(name.stem), _fold(name.name))  # or with its suffix
        if alike and name.suffix.lower() in SUFFIXES:
            return name
    raise DataError(f"{path}: no image with this name is beside it (.jpg or .png)")


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def read_labels(root: Path, scheme: Markup, subset: str) -> Iterator[ParseLabel]:
    """The faces of a folder of images and `.pts` files; an image without one is reported."""
    if not root.is_dir():
        raise DataError(f"{root}: no such folder")
    files = sorted(path for path in root.rglob("*") if path.is_file())
    labels = [path for path in files if path.suffix.lower() == ".pts"]
    if not labels:
        raise DataError(f"{root}: holds no .pts file")
    for path in labels:
        yield partial(_parse_file, root, path, scheme)
    labelled = {(path.parent, _fold(path.stem)) for path in labels}
    for path in (path for path in files if path.suffix.lower() in SUFFIXES):
        if not {(path.parent, _fold(name)) for name in (path.stem, path.name)} & labelled:
            report(f"{path}: there is no .pts file of this name beside it")


def _parse_file(root: Path, path: Path, scheme: Markup) -> Label:
    image = image_beside(path).relative_to(root).as_posix()
    points = read_pts(path, scheme.count).astype(np.float64)
    return Label(str(path), image, image, points, np.ones(scheme.count, np.bool_), scheme.name)


LABELS = LabelReader(
    title="A folder of images and .pts files",
    read=read_labels,
    origin=1,
    images_apart=False,
    boxes=OF_POINTS,
)


def write_pts(results: Iterable[ImageResult], path: Path, contents: Contents) -> None:
    """One file where `path` ends in `.pts`, else a folder.

    In a folder a face of `a.jpg` is `a.pts`, the photo's further faces are `a_2.pts` …; where two
    photos differ in their suffix alone, they are `a.jpg.pts` and `a.png.pts`. Folders are kept
    below the one that holds every photo.

    Raises:
        OutputError: one file for another number of faces than one, or a file cannot be written.
    """
    if path.suffix.lower() != ".pts":
        names, faces = contents.names(), Counter[Path]()
        with write_into(path, "**/*.pts") as apart:
            for result in results:
                photo = path_of(result.source)
                for face in result.faces:
                    faces[photo] += 1
                    name = numbered(names[photo], faces[photo])
                    apart.write(f"{name}.pts", to_pts(face.landmarks), photo)
        return
    if contents.first is None or contents.faces > 1:
        raise OutputError(
            f"{path}: a .pts file holds one face, not {contents.faces}: give a folder and "
            "--format pts, for a file a face"
        )
    write_file(path, to_pts(contents.first.landmarks))


def read_pts_results(path: Path, markup: str | None) -> Iterator[ImageResult]:
    """A result for each `.pts` file, with the box of the points; a folder is searched through."""
    scheme = load_markup(markup or DEFAULT_MARKUP)
    files = sorted(path.rglob("*.pts")) if path.is_dir() else [path]
    if not files:
        raise DataError(f"{path}: holds no .pts file")
    for file in files:
        points, image = read_pts(file, scheme.count), file
        with parsing(file):
            face = build_face(box_of_points(points), 1.0, points, scheme.name)
        with suppress(DataError):
            image = image_beside(file)
        yield ImageResult(str(image), None, None, [face])
