"""Every format of results and labels: which one a file name means, reading, writing.

A format is a module beside this one and an entry in `FORMATS`; the command line, `convert` and the
data sets know it from there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facealign.errors import DataError, OutputError
from facealign.face import ImageResult
from facealign.files import is_file, is_folder, missing, whole_file
from facealign.formats import csv, json, parquet, pts
from facealign.formats.contents import Contents, contents_of
from facealign.formats.label_tools import coco, cvat, imglab, labelme, labelstudio, yolo
from facealign.formats.label_tools.named import NamedTool
from facealign.formats.labels import LabelReader, results_as_labels
from facealign.problems import collect

Results = Callable[[], Iterable[ImageResult]]
"""Gives the same results from the start each time it is called."""
Read = Callable[[Path, str | None], Iterator[ImageResult]]
Write = Callable[[Iterable[ImageResult], Any, Contents], None]
VIDEO = frozenset({"frames", "times", "frames without a face", "tracks", "raw points", "measures"})
"""What formats made for photos have no place for."""
TOOL = VIDEO | {"confidence", "point scores", "failed photos"}
"""What most label tools have no place for."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format of results, of labels, or of both.

    Attributes:
        name: as `--format` takes it.
        read: (path, markup where the file does not say; None for the usual one) → the results, one
            at a time; raises DataError where it cannot be read, or is not of this format.
        write: (results, the open file, their `Contents`) → the file; where results are a folder,
            the path in place of the file.
        labels: how it is read as a data set.
        suffixes: of its files; of all suffixes that match a name the longest counts.
        matches: (file or folder) → whether it is of this format, where several share a suffix.
        files: suffix of its files, where results are a folder of them; empty where they are one.
        binary: its file holds bytes, not text.
        loses: what it has no place for, in the words of `Contents.holds`.
        check: raises MissingExtraError where writing needs an extra that is not installed.
    """

    name: str
    read: Read
    write: Write
    labels: LabelReader
    suffixes: tuple[str, ...] = ()
    matches: Callable[[Path], bool] | None = None
    files: str = ""
    binary: bool = False
    loses: frozenset[str] = frozenset()
    check: Callable[[], object] = lambda: None

    @property
    def keeps_all(self) -> bool:
        """Whether what is read back of photos writes the same file again."""
        return self.loses <= VIDEO


def _of_results(name: str, title: str, read: Read, write: Write, **more: Any) -> Format:
    """A format of ours, its files called after it."""
    labels = results_as_labels(f"Results of facealign ({title})", read)
    return Format(name=name, read=read, write=write, labels=labels, suffixes=(f".{name}",), **more)


def _of_tool(name: str, tool: NamedTool, write: Write, **more: Any) -> Format:
    """The format of a label tool."""
    facts = {"loses": TOOL} | more
    return Format(name=name, read=tool.read_results, write=write, labels=tool.labels, **facts)


_FORMATS = (
    _of_results("json", "JSON", json.read_json, json.write_json),
    _of_results("jsonl", "JSON Lines", json.read_jsonl, json.write_jsonl),
    Format(
        name="csv", read=csv.read_csv, write=csv.write_csv, labels=csv.LABELS, suffixes=(".csv",)
    ),
    _of_results(
        "parquet",
        "Parquet",
        parquet.read_parquet,
        parquet.write_parquet,
        binary=True,
        check=parquet.schema,
    ),
    Format(
        name="coco",
        read=coco.read_coco,
        write=coco.write_coco,
        labels=coco.LABELS,
        suffixes=(".coco.json",),
        matches=coco.is_coco,
        loses=VIDEO,
    ),
    _of_tool(
        "cvat",
        cvat.TOOL,
        cvat.write_cvat,
        suffixes=(".xml",),
        loses=TOOL - {"confidence", "frames", "tracks"},
    ),
    _of_tool(
        "imglab",
        imglab.TOOL,
        imglab.write_imglab,
        suffixes=(".imglab.xml",),
        matches=imglab.is_imglab,
        loses=TOOL | {"fractions of pixels", "scores", "visibility", "image sizes"},
    ),
    _of_tool(
        "labelstudio",
        labelstudio.TOOL,
        labelstudio.write_labelstudio,
        suffixes=(".labelstudio.json",),
        matches=labelstudio.is_labelstudio,
    ),
    _of_tool(
        "labelme", labelme.TOOL, labelme.write_labelme, matches=labelme.is_labelme, files=".json"
    ),
    _of_tool(
        "yolo",
        yolo.TOOL,
        yolo.write_yolo,
        suffixes=("data.yaml",),
        matches=yolo.is_yolo,
        files=".txt",
        loses=TOOL | {"scores", "image sizes"},
    ),
    Format(
        name="pts",
        read=pts.read_pts_results,
        write=pts.write_pts,
        labels=pts.LABELS,
        suffixes=(".pts",),
        files=".pts",
        loses=TOOL | {"boxes", "scores", "visibility", "image sizes", "photos without a face"},
    ),
)
FORMATS: Mapping[str, Format] = {form.name: form for form in _FORMATS}
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
    if is_folder(path) and any(path.glob("*.parquet")):
        return FORMATS["parquet"]
    last = path.suffix.lower()
    for form in FORMATS.values():
        same_end = last and any(end.endswith(last) for end in (*form.suffixes, form.files))
        if form.matches and (form.files if is_folder(path) else same_end) and form.matches(path):
            return form
    found = FORMATS["pts"] if is_folder(path) else _by_suffix(path)
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
    with nullcontext(path) if chosen.files else whole_file(path, chosen.binary) as place:
        chosen.write(results(), place, seen)
    return seen, seen.holds & chosen.loses
