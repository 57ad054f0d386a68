"""Every format of results under one roof: which one a name means, writing, reading.

`write_results` writes the whole file or none, an image at a time whatever their number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from facealign.errors import DataError, OutputError
from facealign.face import ImageResult
from facealign.files import is_file, is_folder, whole_file
from facealign.formats import coco, csv, cvat, json, parquet, pts_results
from facealign.formats.survey import Survey, survey

Results = Callable[[], Iterable[ImageResult]]
"""Gives the same results from the beginning each time it is called."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format of results.

    Attributes:
        name: as `--format` takes it.
        suffixes: of its files; the longest that fits a name counts.
        write: (results, path, what `survey` found) → the file, whole or not at all.
        read: (path, markup where the file does not say) → the results, one at a time.
        loses: what it has no place for, in the words of `Survey.holds`.
        keeps_all: what is read back writes the same file again.
        check: raises where an extra is missing that writing needs.

    """

    name: str
    suffixes: tuple[str, ...]
    write: Callable[[Iterable[ImageResult], Path, Survey], None]
    read: Callable[[Path, str], Iterator[ImageResult]]
    loses: frozenset[str] = frozenset()
    keeps_all: bool = True
    check: Callable[[], object] = lambda: None


def _to_file(
    write: Callable[[Iterable[ImageResult], Any, Survey], None],
    results: Iterable[ImageResult],
    path: Path,
    seen: Survey,
    binary: bool = False,
) -> None:
    with whole_file(path, binary) as file:
        write(results, file, seen)


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            Format(
                name="json",
                suffixes=(".json",),
                write=partial(_to_file, json.write_json),
                read=json.read_json,
            ),
            Format(
                name="jsonl",
                suffixes=(".jsonl",),
                write=partial(_to_file, json.write_jsonl),
                read=json.read_jsonl,
            ),
            Format(
                name="csv",
                suffixes=(".csv",),
                write=partial(_to_file, csv.write_csv),
                read=csv.read_csv,
            ),
            Format(
                name="parquet",
                suffixes=(".parquet",),
                write=partial(_to_file, parquet.write_parquet, binary=True),
                read=parquet.read_parquet,
                check=parquet.schema,
            ),
            Format(
                name="coco",
                suffixes=(".coco.json",),
                write=partial(_to_file, coco.write_coco),
                read=coco.read_coco,
            ),
            Format(
                name="cvat",
                suffixes=(".xml",),
                write=partial(_to_file, cvat.write_cvat),
                read=cvat.read_cvat,
                keeps_all=False,
                loses=frozenset({"point scores", "failed photos"}),
            ),
            Format(
                name="pts",
                suffixes=(".pts",),
                write=pts_results.write_pts,
                read=pts_results.read_pts_results,
                keeps_all=False,
                loses=frozenset(
                    {"boxes", "scores", "point scores", "visibility", "image sizes"}
                    | {"photos without a face", "failed photos"}
                ),
            ),
        )
    }
)
"""Every format by name."""


def output_format(path: Path, name: str | None = None) -> Format:
    """The format to write: the one called `name`, else by the suffix of `path`.

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
    """The format of a file or folder that is there.

    Raises:
        DataError: there is none, or no format has its suffix.

    """
    if not (is_file(path) or is_folder(path)):
        raise DataError(f"{path}: no such file")
    if name:
        return FORMATS[name]
    if is_folder(path):
        return FORMATS["parquet" if any(path.glob("*.parquet")) else "pts"]
    found = _by_suffix(path)
    if found is None:
        raise DataError(f'{path}: the suffix "{path.suffix}" is unknown; say --from FORMAT')
    if found.name == "json" and "annotations" in json.read_document(path):
        return FORMATS["coco"]
    return found


def read_results(
    path: Path, name: str | None = None, markup: str = "ibug68"
) -> Iterator[ImageResult]:
    """The results in a file or folder, one image at a time.

    Args:
        path: the file; a folder of `.pts` or of `.parquet` files.
        name: of the format; None goes by the suffix.
        markup: the point scheme, where the file does not say.

    Raises:
        DataError: it cannot be read, or is not in its format.
        MissingExtraError: the format needs an extra that is not installed.

    """
    return input_format(path, name).read(path, markup)


def write_results(results: Results, path: Path, name: str | None = None) -> tuple[Survey, set[str]]:
    """Write results as a whole; an older file stays as it was until then.

    Args:
        results: called twice: to look them over, and to write them.
        path: the file; a folder for `.pts` files of many faces.
        name: of the format; None goes by the suffix.

    Returns:
        What the results hold, and what of it the format has no place for.

    Raises:
        OutputError: no such format, or the file cannot be written.
        MissingExtraError: the format needs an extra that is not installed.

    """
    chosen = output_format(path, name)
    seen = survey(results())
    chosen.write(results(), path, seen)
    return seen, seen.holds & chosen.loses
