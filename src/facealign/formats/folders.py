"""Results in many files: written aside first, then moved into the folder; and which are ours.

The list `.facealign` in the folder holds a digest of each file and its photo. So a second run
replaces what the first wrote, and neither a file of someone else nor one that was edited since.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from facealign.errors import OutputError
from facealign.files import check_folder, digest, make_folder, part_of, write_json, writing

LIST = ".facealign"
ESCAPED = "backslashreplace"
Listed = dict[str, list[str]]
"""Name below the folder → digest of the file, its photo."""


class Apart:
    """The files of one run while they are written, outside their folder."""

    def __init__(self, part: Path) -> None:
        self.part = part
        self.photos: dict[str, str] = {}

    def write(self, name: str, content: str | bytes, photo: Path | str = "") -> None:
        """Write a file below the folder, with results of a photo; what is not UTF-8 is escaped."""
        target = self.part / name
        if name in self.photos:
            raise OutputError(f"{photo}: two images have the file {name}")
        target.parent.mkdir(parents=True, exist_ok=True)
        data = content if isinstance(content, bytes) else content.encode(errors=ESCAPED)
        target.write_bytes(data)
        self.photos[name] = str(photo)


@contextmanager
def write_into(folder: Path, *patterns: str) -> Iterator[Apart]:
    """Files that are in `folder` at the end; what stops the writing leaves it as it was.

    Of the photos of this run, files of an earlier one that were not written again are removed. The
    folder may hold no file of the patterns, such as "**/*.pts", that facealign did not write.

    Raises:
        OutputError: a file cannot be written, or is not ours.
    """
    check_files(folder, *patterns)
    make_folder(folder)
    with writing(folder):
        apart = Apart(part_of(folder / "files"))
        apart.part.mkdir()
        try:
            yield apart
            listed = _read_list(folder)
            again = set(apart.photos.values())
            for name in [n for n, (_, photo) in listed.items() if photo and photo in again]:
                if name not in apart.photos:
                    (folder / name).unlink(missing_ok=True)
                    del listed[name]
            for name, photo in apart.photos.items():
                make_folder((folder / name).parent, folder)
                listed[name] = [digest([(apart.part / name).read_bytes()]), photo]
                (apart.part / name).replace(folder / name)
            if listed:
                write_json(folder / LIST, listed, indent=0)
        finally:
            shutil.rmtree(apart.part, ignore_errors=True)


def check_files(folder: Path, *patterns: str) -> None:
    """Refuse a folder that holds files which are not as facealign wrote them.

    Raises:
        OutputError: there is one; or the folder could not be made.
    """
    check_folder(folder)
    listed = _read_list(folder)
    for path in (path for pattern in patterns for path in folder.glob(pattern)):
        name = path.relative_to(folder).as_posix()
        ours = name in listed and path.is_file() and listed[name][0] == digest([path.read_bytes()])
        if not (ours or name.startswith(".")):
            raise OutputError(
                f"{folder} holds files which could be replaced, such as {name}: give a new folder"
            )


def _read_list(folder: Path) -> Listed:
    """What facealign wrote into the folder; a damaged list counts as empty."""
    with suppress(OSError, ValueError, TypeError):
        listed = json.loads((folder / LIST).read_bytes())
        return {str(name): [str(sum_), str(photo)] for name, (sum_, photo) in listed.items()}
    return {}
