"""What a file holds for each photo, boxes or faces, and which photo the names in a file mean.

It is the one whose path ends most like the name. Names may be those of another machine, with
backslashes or not, written in composed or decomposed letters (NFC, NFD), in other case, or with the
eight letters and digits that Label Studio puts before uploaded files. A name that may mean two
photos is refused.
"""

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Generic, Self, TypeVar
from urllib.parse import unquote

from facealign.errors import DataError
from facealign.face import Face
from facealign.files import parsing
from facealign.formats.registry import input_format, read_results
from facealign.formats.tables import box_columns, read_columns, read_rows
from facealign.geometry import to_box
from facealign.types import Box

ELSEWHERE = re.compile(r"[A-Za-z]:[\\/]|[\\/~]|[A-Za-z][\w+.-]+://")
"""How a path begins that starts at the root of some machine."""
UPLOADED = re.compile(r"[0-9a-f]{8}-(?=.)")
TABLES = (".csv", ".tsv", ".txt")
Parts = tuple[str, ...]
Entry = TypeVar("Entry")


def split_name(name: str) -> Parts:
    r"""The folders and the file name of a path, of whatever machine, in composed letters.

    >>> split_name(r"C:\Users\me\a.jpg"), split_name("./b/../c.jpg")
    (('C:', 'Users', 'me', 'a.jpg'), ('c.jpg',))
    """
    if name.startswith("file://"):
        name = unquote(name.removeprefix("file://"))
    plain = os.path.normpath(unicodedata.normalize("NFC", name).replace("\\", "/"))
    return tuple(part for part in plain.split("/") if part not in ("", ".", ".."))


def _fold(parts: Parts) -> Parts:
    return tuple(unicodedata.normalize("NFC", part.casefold()) for part in parts)


def _same_end(one: Parts, other: Parts) -> int:
    """How many parts at the end are the same, upload marks aside."""
    length = 0
    for a, b in zip(reversed(one), reversed(other), strict=False):
        plain = [UPLOADED.sub("", word, count=1) for word in (a, b)]
        if a != b and (length or len({a, b, *plain}) > 2):
            break
        length += 1
    return length


class PhotoNames:
    """Names of photos, as a file writes them or as they lie on the disk, to find what a path means.

    Paths on the disk may be taken from the folders `below`: of `/here/a.jpg` below `/here` only
    `a.jpg` must be in a name.
    """

    def __init__(self, names: Iterable[str], below: Iterable[str] = ()) -> None:
        self._folders = [split_name(folder) for folder in below]
        self._names = {name: split_name(name) for name in dict.fromkeys(names)}
        self._by_last: dict[str, list[str]] = defaultdict(list)
        for name, parts in self._names.items():
            for word in _last_words(parts):
                self._by_last[word].append(name)

    def like(self, path: str) -> list[str]:
        """The names that end most like a path; several if they cannot be told apart."""
        parts = split_name(path)
        near = [name for word in _last_words(parts) for name in self._by_last.get(word, ())]
        ranks = {name: self._rank(parts, path, name) for name in near}
        best = max(ranks.values(), default=(0, 0, False))
        return [name for name, rank in ranks.items() if rank == best and rank[0]]

    def _rank(self, parts: Parts, path: str, name: str) -> tuple[int, int, bool]:
        """How many parts are alike at the end, how many to the letter, and whether all are.

        Zeros where the name is not meant: a path that starts at no root says all that it says.
        """
        other = self._names[name]
        length = _same_end(_fold(parts), _fold(other))
        whole = length >= min(self._depth(parts), self._depth(other))
        if not whole and not (ELSEWHERE.match(path) and ELSEWHERE.match(name)):
            return 0, 0, False
        exact = 0
        while exact < length and parts[-1 - exact] == other[-1 - exact]:
            exact += 1
        return length, exact, whole

    def _depth(self, parts: Parts) -> int:
        """How many parts follow the deepest of the folders."""
        depths = [len(f) for f in self._folders if parts[: len(f)] == f and len(f) < len(parts)]
        return len(parts) - max(depths, default=0)


def _last_words(parts: Parts) -> list[str]:
    """The file name, folded, and without an upload mark."""
    last = _fold(parts[-1:])
    return list(dict.fromkeys((*last, *(UPLOADED.sub("", word, count=1) for word in last))))


def the_one(path: str, names: PhotoNames, paths: PhotoNames) -> str | None:
    """The name that a path means; None where there is none.

    It is one of `paths`, and a name belongs to those of them that are most like it.

    Raises:
        DataError: it may mean several, or another path may mean the same as well; two are named.
    """
    found = names.like(path)
    if len(found) > 1:
        raise DataError(f"{path}: may be {found[0]} or {found[1]}: give paths that say which")
    if not found:
        return None
    ends = [_fold(split_name(each)) for each in (path, found[0])]
    if _same_end(*ends) == min(map(len, ends)):
        return found[0]
    rivals = paths.like(found[0])
    if path in rivals and len(rivals) > 1:
        other = next(rival for rival in rivals if rival != path)
        raise DataError(f"{found[0]}: may be {path} or {other}: give paths that say which")
    return found[0] if path in rivals else None


class PhotoTable(Generic[Entry]):
    """Entries by photo: an entry belongs to the photos whose full path ends in the entry's path.

    So an entry for `1.jpg` belongs to every photo of that name, one for `b/1.jpg` only to that in a
    folder `b`; the longest match counts. For paths from another machine, as much of the end
    counts as matches; if two photos match equally well, both are refused. A photo that is known and
    has no entry is there with an empty list.
    """

    def __init__(self, entries: Mapping[str, list[Entry]], thing: str, source: Path) -> None:
        self._entries: dict[str, list[Entry]] = {}
        first: dict[object, str] = {}
        for image, given in entries.items():  # "a.jpg" and "./a.jpg" are the same
            name = first.setdefault((split_name(image), bool(ELSEWHERE.match(image))), image)
            self._entries.setdefault(name, []).extend(given)
        self._names, self._photos = PhotoNames(self._entries), PhotoNames(())
        self._thing, self._source = thing, source

    def expect(self, photos: Iterable[Path]) -> Self:
        """The table, told which photos will be asked for, so that each gets its own entries."""
        self._photos = PhotoNames(str(Path.cwd() / photo) for photo in photos)
        return self

    def of(self, photo: Path) -> list[Entry]:
        """The entries of one photo, in the order of the file.

        Raises:
            DataError: the file does not name this photo, or may name another with the same entry.
        """
        path = str(Path.cwd() / photo)
        names = self._photos if self._photos.like(path) else PhotoNames([path])
        with_name = the_one(path, self._names, names)
        if with_name is None:
            raise DataError(f"{photo}: no {self._thing} for it in {self._source}")
        return self._entries[with_name]


def read_boxes(path: Path) -> PhotoTable[Box]:
    """The boxes of each photo, from a table (image,x0,y0,x1,y1), results or labels in any format.

    Boxes are (4,) x0 y0 x1 y1 in the photo's pixels.

    Raises:
        DataError: the file cannot be read, lacks a column, or holds an invalid box.
        MissingExtraError: the format needs an extra that is not installed.
    """
    if path.suffix.lower() in TABLES:
        return PhotoTable(_read_box_rows(path), "box", path)
    reader = input_format(path).labels
    if reader.read_boxes:
        return PhotoTable(reader.read_boxes(path), "box", path)
    boxes = {image: [face.box for face in faces] for image, faces in _read_results(path).items()}
    return PhotoTable(boxes, "box", path)


def read_faces(path: Path) -> PhotoTable[Face]:
    """The faces of each photo in results of any format.

    Raises:
        DataError: the file cannot be read, or is not in its format.
        MissingExtraError: the format needs an extra that is not installed.
    """
    return PhotoTable(_read_results(path), "result", path)


def _read_results(path: Path) -> dict[str, list[Face]]:
    faces: dict[str, list[Face]] = {}
    for result in read_results(path):
        faces.setdefault(result.source, []).extend(result.faces)
    return faces


def _read_box_rows(path: Path) -> dict[str, list[Box]]:
    columns = read_columns(path)
    found = box_columns(columns)
    if found is None or "image" not in columns:
        raise DataError(
            f"{path}: the first line must name the columns image,x0,y0,x1,y1 or "
            f"image,left,top,right,bottom, not {','.join(columns)}"
        )
    four, sized = found
    table: dict[str, list[Box]] = {}
    for line, row in read_rows(path):
        boxes = table.setdefault(row["image"], [])
        if any(row[column].strip() for column in four):  # else a photo without a face
            with parsing(f"{path}:{line}", "a box is four numbers x0,y0,x1,y1"):
                x0, y0, x1, y1 = (float(row[column]) for column in four)
            with parsing(f"{path}:{line}"):
                boxes.append(to_box([x0, y0, *((x0 + x1, y0 + y1) if sized else (x1, y1))]))
    return table
