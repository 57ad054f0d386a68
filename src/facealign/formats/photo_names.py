"""Which photo a file of labels or results means: the one whose path ends most like the name.

Names may be those of another machine, with backslashes or not, written in composed or decomposed
letters (NFC, NFD), in other case, or with the eight letters and digits that Label Studio puts
before uploaded files. A name that may mean two photos is refused.
"""

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from urllib.parse import unquote

from facealign.errors import DataError

ELSEWHERE = re.compile(r"[A-Za-z]:[\\/]|[\\/~]|[A-Za-z][\w+.-]+://")
"""How a path begins that starts at the root of some machine."""
UPLOADED = re.compile(r"[0-9a-f]{8}-(?=.)")
Parts = tuple[str, ...]


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
        near = dict.fromkeys(
            name for word in _last_words(parts) for name in self._by_last.get(word, ())
        )
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
    if not parts:
        return []
    (last,) = _fold(parts[-1:])
    return list(dict.fromkeys((last, UPLOADED.sub("", last, count=1))))


def the_one(path: str, names: PhotoNames, paths: PhotoNames) -> str | None:
    """The name that a path means; None where there is none.

    It is one of `paths`, and a name belongs to those of them that are most like it.

    Raises:
        DataError: it may mean several, or another path may mean the same as well; two are named.
    """
    found = names.like(path)
    if len(found) > 1:
        raise DataError(f"{path}: may be {found[0]} or {found[1]}: give paths that say which")
    if not found or _is_end(split_name(path), split_name(found[0])):
        return found[0] if found else None
    rivals = paths.like(found[0])
    if path in rivals and len(rivals) > 1:
        other = next(rival for rival in rivals if rival != path)
        raise DataError(f"{found[0]}: may be {path} or {other}: give paths that say which")
    return found[0] if path in rivals else None


def _is_end(one: Parts, other: Parts) -> bool:
    """Whether one path is the end of the other."""
    return _same_end(_fold(one), _fold(other)) == min(len(one), len(other))
