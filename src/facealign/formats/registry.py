"""Every format of results and labels: which one a file name means, reading, writing.

A format is a module beside this one and an entry in `FORMATS`; the command line, `convert` and the
data sets know it from there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facealign.errors import DataError, OutputError
from facealign.face import ImageResult
from facealign.files import is_file, is_folder, missing, whole_file
from facealign.formats import csv, json, parquet, pts
from facealign.formats.contents import Contents, contents_of
from facealign.formats.label_tools import coco, cvat, cvat_write, imglab, labelme, labelstudio, yolo
from facealign.formats.labels import LabelReader, results_as_labels
from facealign.problems import collect

Results = Callable[[], Iterable[ImageResult]]
"""Gives the same results from the start each time it is called."""
Write = Callable[[Iterable[ImageResult], Path, Contents], None]


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format of results, of labels, or of both.

    Attributes:
        name: as `--format` takes it.
        suffixes: of its files; of all suffixes that match a name the longest counts.
        read: (path, markup where the file does not say; None for the usual one) → the results, one
            at a time.
        write: (results, path, their `Contents`) → the file, whole or not at all.
        labels: how it is read as a data set.
        matches: (file or folder) → whether it is of this format, where several share a suffix.
        files: suffix of its files, where results are a folder of them; empty where they are one.
        loses: what it has no place for, in the words of `Contents.holds`.
        keeps_all: what is read back writes the same file again.
        check: raises MissingExtraError where writing needs an extra that is not installed.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[Path, str | None], Iterator[ImageResult]]
    write: Write
    labels: LabelReader
    matches: Callable[[Path], bool] | None = None
    files: str = ""
    loses: frozenset[str] = frozenset()
    keeps_all: bool = True
    check: Callable[[], object] = lambda: None


def _to_file(
    write: Callable[[Iterable[ImageResult], Any, Contents], None], binary: bool = False
) -> Write:
    """A writer to a path, whole or not at all, made of one to an open file."""

    def to_path(results: Iterable[ImageResult], path: Path, seen: Contents) -> None:
        with whole_file(path, binary) as file:
            write(results, file, seen)

    return to_path


VIDEO = frozenset({"frames", "times", "frames without a face", "tracks", "raw points", "measures"})
"""What formats made for photos have no place for."""

FORMATS: Mapping[str, Format] = {
    entry.name: entry
    for entry in (
        Format(
            name="json",
            suffixes=(".json",),
            read=json.read_json,
            write=_to_file(json.write_json),
            labels=results_as_labels("Results of facealign (JSON)", json.read_json),
        ),
        Format(
            name="jsonl",
            suffixes=(".jsonl",),
            read=json.read_jsonl,
            write=_to_file(json.write_jsonl),
            labels=results_as_labels("Results of facealign (JSON Lines)", json.read_jsonl),
        ),
        Format(
            name="csv",
            suffixes=(".csv",),
            read=csv.read_csv,
            write=_to_file(csv.write_csv),
            labels=csv.LABELS,
        ),
        Format(
            name="parquet",
            suffixes=(".parquet",),
            read=parquet.read_parquet,
            write=_to_file(parquet.write_parquet, binary=True),
            labels=results_as_labels("Results of facealign (Parquet)", parquet.read_parquet),
            check=parquet.schema,
        ),
        Format(
            name="coco",
            suffixes=(".coco.json",),
            read=coco.read_coco,
            write=_to_file(coco.write_coco),
            labels=coco.LABELS,
            matches=coco.is_coco,
            loses=VIDEO,
        ),
        Format(
            name="cvat",
            suffixes=(".xml",),
            read=cvat.TOOL.read_results,
            write=_to_file(cvat_write.write_cvat),
            labels=cvat.TOOL.labels,
            keeps_all=False,
            loses=frozenset({"point scores", "failed photos"}) | VIDEO - {"frames", "tracks"},
        ),
        Format(
            name="imglab",
            suffixes=(".imglab.xml",),
            read=imglab.TOOL.read_results,
            write=_to_file(imglab.write_imglab),
            labels=imglab.TOOL.labels,
            matches=imglab.is_imglab,
            keeps_all=False,
            loses=frozenset(
                {"fractions of pixels", "scores", "confidence", "point scores", "visibility"}
                | {"image sizes", "failed photos"}
            )
            | VIDEO,
        ),
        Format(
            name="labelstudio",
            suffixes=(".labelstudio.json",),
            read=labelstudio.TOOL.read_results,
            write=_to_file(labelstudio.write_labelstudio),
            labels=labelstudio.TOOL.labels,
            matches=labelstudio.is_labelstudio,
            keeps_all=False,
            loses=frozenset({"confidence", "point scores", "failed photos"}) | VIDEO,
        ),
        Format(
            name="labelme",
            suffixes=(),
            read=labelme.TOOL.read_results,
            write=labelme.write_labelme,
            labels=labelme.TOOL.labels,
            matches=labelme.is_labelme,
            files=".json",
            keeps_all=False,
            loses=frozenset({"confidence", "point scores", "failed photos"}) | VIDEO,
        ),
        Format(
            name="yolo",
            suffixes=("data.yaml",),
            read=yolo.TOOL.read_results,
            write=yolo.write_yolo,
            labels=yolo.TOOL.labels,
            matches=yolo.is_yolo,
            files=".txt",
            keeps_all=False,
            loses=frozenset(
                {"scores", "confidence", "point scores", "image sizes", "failed photos"}
            )
            | VIDEO,
        ),
        Format(
            name="pts",
            suffixes=(".pts",),
            read=pts.read_pts_results,
            write=pts.write_pts,
            labels=pts.LABELS,
            files=".pts",
            keeps_all=False,
            loses=frozenset(
                {"boxes", "scores", "confidence", "point scores", "visibility", "image sizes"}
                | {"photos without a face", "failed photos"}
            )
            | VIDEO,
        ),
    )
}
"""Every format by name."""


def output_format(path: Path, name: str | None = None) -> Format:
    """The format to write: the one called `name`, otherwise the one with the suffix of `path`.

    Raises:
        OutputError: no format has this suffix.
    """
    found = FORMATS[name] if name else _by_suffix(path)
    if found is None:
        suffixes = ", ".join(suffix for entry in FORMATS.values() for suffix in entry.suffixes)
        raise OutputError(
            f'cannot write {path}: the suffix "{path.suffix}" is unknown; use {suffixes}, or '
            "--format"
        )
    return found


def _by_suffix(path: Path) -> Format | None:
    fits = [
        (len(suffix), entry.name)
        for entry in FORMATS.values()
        for suffix in entry.suffixes
        if path.name.lower().endswith(suffix)
    ]
    return FORMATS[max(fits)[1]] if fits else None


def input_format(path: Path, name: str | None = None) -> Format:
    """The format of an existing file or folder.

    Raises:
        DataError: it does not exist, or no format has its suffix.
    """
    if not (is_file(path) or is_folder(path)):
        raise DataError(f"{path}: {missing(path)}")
    if name:
        return FORMATS[name]
    if is_folder(path):
        if any(path.glob("*.parquet")):
            return FORMATS["parquet"]
        kinds = (form for form in FORMATS.values() if form.files and form.matches)
        return next((form for form in kinds if form.matches and form.matches(path)), FORMATS["pts"])
    last = path.suffix.lower()
    for form in FORMATS.values():
        suffixes = (*form.suffixes, form.files)
        same_end = any(suffix.endswith(last) for suffix in suffixes) if last else False
        if form.matches and same_end and form.matches(path):
            return form
    found = _by_suffix(path)
    if found is None:
        raise DataError(f'{path}: the suffix "{path.suffix}" is unknown; say --from FORMAT')
    return found


def read_results(
    path: Path, name: str | None = None, markup: str | None = None
) -> Iterator[ImageResult]:
    """The results in a file or folder, one image at a time.

    Args:
        path: the file; a folder of `.pts` or of `.parquet` files.
        name: of the format; None decides by the suffix.
        markup: the point scheme, where the file does not say; None takes that of the names of its
            points, else ibug68.

    Raises:
        DataError: it cannot be read, or is not in its format.
        MissingExtraError: the format needs an extra that is not installed.
    """
    return input_format(path, name).read(path, markup)


def write_results(
    results: Results, path: Path, name: str | None = None
) -> tuple[Contents, set[str]]:
    """Write results whole or not at all; until then an existing file stays as it was.

    Args:
        results: called twice: to see what they hold, and to write them.
        path: the file; a folder for `.pts` files of many faces.
        name: of the format; None decides by the suffix.

    Returns:
        What the results hold, and the part of it that the format has no place for.

    Raises:
        OutputError: no such format, or the file cannot be written.
        MissingExtraError: the format needs an extra that is not installed.
    """
    chosen = output_format(path, name)
    with collect():  # what is reported is reported once: while writing
        seen = contents_of(results())
    chosen.write(results(), path, seen)
    return seen, seen.holds & chosen.loses
