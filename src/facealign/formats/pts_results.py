"""Results as `.pts` files, 1-based: one file for one face, or a folder with a file a face."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from facealign.errors import DataError, OutputError
from facealign.face import ImageResult
from facealign.files import is_folder, write_file, writing
from facealign.formats.json import build_face
from facealign.formats.pts import read_pts, to_pts
from facealign.formats.survey import Survey
from facealign.geometry import box_of_points
from facealign.image import SUFFIXES
from facealign.markup import load_markup


def write_pts(results: Iterable[ImageResult], path: Path, survey: Survey) -> None:
    """One file where `path` ends in `.pts`, else a folder.

    In a folder a face of `a.jpg` is `a.pts`, the photo's further faces are `a_2.pts` …; where two
    photos differ in their suffix alone, the second is `a.png.pts`. Folders are kept below the one
    that holds every photo.

    Raises:
        OutputError: one file for another number of faces than one, or a file cannot be written.

    """
    if path.suffix.lower() != ".pts":
        _write_folder(results, path, survey)
        return
    if survey.faces != 1:
        raise OutputError(
            f"{path}: a .pts file holds one face, not {survey.faces}: give a folder and "
            "--format pts, for a file a face"
        )
    (face,) = (face for result in results for face in result.faces)
    write_file(path, to_pts(face.landmarks))


def _write_folder(results: Iterable[ImageResult], folder: Path, survey: Survey) -> None:
    """All files apart first, so that a name met twice is one of this run; then into the folder."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".", suffix=".part", dir=folder))
        try:
            for result in results:
                _write_faces(result, part, survey.name_of(result.source))
            for file in (found for found in part.rglob("*.pts") if not is_folder(found)):
                target = folder / file.relative_to(part)
                target.parent.mkdir(parents=True, exist_ok=True)
                file.replace(target)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _write_faces(result: ImageResult, folder: Path, name: Path) -> None:
    for number, face in enumerate(result.faces, 1):
        end = f"_{number}.pts" if number > 1 else ".pts"
        target = folder / name.with_name(name.name + end)
        if target.exists():
            target = folder / name.with_name(name.name + Path(result.source).suffix + end)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(to_pts(face.landmarks), encoding="utf-8")


def read_pts_results(path: Path, markup: str) -> Iterator[ImageResult]:
    """A result for each `.pts` file; the box is that of the points.

    Args:
        path: a file, or a folder that is searched through.
        markup: the point scheme.

    Raises:
        DataError: no such file, or one that is damaged or of another number of points.

    """
    count = load_markup(markup).count
    files = sorted(path.rglob("*.pts")) if path.is_dir() else [path]
    if not files:
        raise DataError(f"{path}: holds no .pts file")
    for file in files:
        points = read_pts(file, count)
        try:
            face = build_face(box_of_points(points), 1.0, points, markup)
        except ValueError as error:
            raise DataError(f"{file}: {error}") from None
        yield ImageResult(str(_photo_of(file)), None, None, [face])


def _photo_of(file: Path) -> Path:
    """The photo beside a `.pts` file; where there is none, the file itself."""
    names = (file.with_suffix(suffix) for suffix in sorted(SUFFIXES))
    return next((name for name in names if name.is_file()), file)
