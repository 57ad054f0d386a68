"""Photos by the million on Ray Data: an aligner for each actor, Parquet out, restartable.

Ray schedules, retries and replaces what dies. A task is a few photos and writes one file of its own
name: a task that is done twice writes the same file twice, so nothing is lost and nothing doubled.
A restart reads which photos are in the folder and does the others. Needs the `ray` extra.
"""

import json
import logging
import math
import os
import posixpath
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from facealign.aligner.many import Room, photo_result
from facealign.aligner.settings import AlignSettings
from facealign.errors import DataError, ImageError, OutputError, needs
from facealign.files import PART, digest, part_of, to_utf8
from facealign.formats.parquet import schema, to_row
from facealign.image import SUFFIXES
from facealign.types import Progress, silent

PHOTOS = 64
"""Photos of one task, at most: what is lost, and done again, when a machine dies."""
SETTINGS = "_settings.json"
"""Beside the Parquet files: how the work is done. Readers of Parquet folders pass over it."""


def filesystem_of(place: str) -> tuple[Any, str]:
    """A place's `pyarrow.fs` file system and its path there: `s3://…`, `gs://…`, or a local path.

    Raises:
        MissingExtraError: pyarrow is not installed.
        DataError: the scheme is unknown.
    """
    with needs("ray", "--engine ray"):
        import pyarrow.fs
    if "://" not in place:
        return pyarrow.fs.LocalFileSystem(), str(Path(place).absolute())
    try:
        filesystem, path = pyarrow.fs.FileSystem.from_uri(place)
    except (ValueError, OSError) as error:
        raise DataError(f"{place}: not a place that can be read ({error})") from None
    return filesystem, path


def find_remote_photos(place: str) -> list[str]:
    """The photos of a folder, searched through, or of a pattern such as `s3://bucket/a/*.jpg`.

    Raises:
        DataError: the place cannot be listed.
    """
    import pyarrow.fs

    filesystem, path = filesystem_of(place)
    folder, pattern = posixpath.split(path)
    is_pattern = any(sign in pattern for sign in "*?[")
    selector = pyarrow.fs.FileSelector(folder if is_pattern else path, recursive=not is_pattern)
    try:
        infos = filesystem.get_file_info(selector)
    except OSError as error:
        raise DataError(f"{place}: cannot be listed ({error})") from None
    scheme, known = place.partition("://")[0], {suffix[1:] for suffix in SUFFIXES}
    files = [info for info in infos if info.type == pyarrow.fs.FileType.File]
    return sorted(
        f"{scheme}://{info.path}"
        for info in files
        if (fnmatch(info.base_name, pattern) if is_pattern else info.extension.lower() in known)
    )


def align_on_ray(
    photos: list[str],
    folder: str,
    settings: AlignSettings,
    workers: int,
    resume: bool = False,
    progress: Progress = silent,
) -> None:
    """Align photos on a Ray cluster: the one of RAY_ADDRESS, else one on this machine.

    Every machine must be able to read the photos, the model's file and the folder of the Parquet
    files: local paths or `s3://…`. Workers are actors with one core each; `resume` continues with
    what is in the folder.

    Raises:
        OutputError: the folder holds results already and `resume` is not set, or they were begun
            with other settings.
        MissingExtraError: Ray is not installed.
    """
    ray = _import_ray()
    done = _begin(folder, settings.record(), resume)
    left = [photo for photo in photos if to_utf8(photo) not in done]
    if not left:
        return
    if not ray.is_initialized():  # by the caller
        address = os.environ.get("RAY_ADDRESS")
        local = {} if address else {"num_cpus": workers, "include_dashboard": False}
        ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, **local)
    size = max(1, min(PHOTOS, math.ceil(len(left) / (4 * workers))))
    tasks = []
    for number, first in enumerate(range(0, len(left), size)):
        text = json.dumps(left[first : first + size])
        own = digest([text.encode()])[:16]  # no other task has this file
        tasks.append({"photos": text, "file": f"part-{number:07d}-{own}.parquet"})
    results = ray.data.from_items(tasks, override_num_blocks=len(tasks)).map_batches(
        PhotoAligner,
        fn_constructor_args=(folder, settings),
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=1,
        batch_size=1,
    )
    counts = (int(row["count"]) for row in results.iter_rows())
    for _ in progress((i for count in counts for i in range(count)), total=len(left)):
        pass
    filesystem, place = filesystem_of(folder)
    for path in _listed(filesystem, place):
        if path.endswith(PART):  # a worker that died has half written it
            filesystem.delete_file(path)


class PhotoAligner:
    """What an actor keeps: one aligner on one thread. Called with tasks, it writes their files."""

    def __init__(self, folder: str, settings: AlignSettings) -> None:
        self._aligner = settings.aligner(threads=1)
        self._folder = folder
        self._room = Room()

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[int]]:
        """Align the photos of each task and write its file, whole or not at all."""
        counts = []
        for text, file in zip(batch["photos"], batch["file"], strict=True):
            photos = json.loads(text)
            rows = [to_row(self._align(photo)) for photo in photos]
            _write_rows(rows, self._folder, str(file), [self._aligner.markup])
            counts.append(len(rows))
        return {"count": counts}

    def _align(self, photo: str) -> Any:
        return photo_result(
            photo, lambda: _read(photo), lambda _, image: self._aligner.align(image), self._room
        )


def _read(photo: str) -> bytes:
    filesystem, path = filesystem_of(photo)
    try:
        with filesystem.open_input_stream(path) as file:
            data: bytes = file.read()
    except OSError as error:
        raise ImageError(f"{photo}: cannot be read ({error})") from None
    if not data:
        raise ImageError(f"{photo}: the file is empty (zero bytes)")
    return data


def _write_rows(
    rows: Iterable[dict[str, Any]], folder: str, name: str, markups: Iterable[str]
) -> None:
    import pyarrow
    import pyarrow.parquet

    filesystem, place = filesystem_of(folder)
    part = posixpath.join(place, part_of(Path(name)).name)
    columns = schema(markups)
    with filesystem.open_output_stream(part) as file:
        table = pyarrow.Table.from_pylist(list(rows), columns)
        pyarrow.parquet.write_table(table, file, compression="zstd")
    filesystem.move(part, posixpath.join(place, name))


def _begin(folder: str, record: dict[str, Any], resume: bool) -> set[str]:
    """Make the folder, note or compare the settings; the photos that are done."""
    import pyarrow.parquet

    filesystem, place = filesystem_of(folder)
    files = [path for path in _listed(filesystem, place) if path.endswith(".parquet")]
    if files and not resume:
        raise OutputError(f"{folder} holds results; continue with --resume, or give a new folder")
    note = posixpath.join(place, SETTINGS)
    text = json.dumps(record, sort_keys=True)
    if files:
        with filesystem.open_input_stream(note) as file:
            if file.read().decode() != text:
                raise OutputError(f"{folder} was begun with other settings: repeat the command")
    else:
        filesystem.create_dir(place, recursive=True)
        with filesystem.open_output_stream(note) as file:
            file.write(text.encode())
    done: set[str] = set()
    for path in files:
        with filesystem.open_input_file(path) as file:
            done.update(pyarrow.parquet.read_table(file, columns=["source"])[0].to_pylist())
    return done


def _listed(filesystem: Any, place: str) -> list[str]:
    import pyarrow.fs

    selector = pyarrow.fs.FileSelector(place, allow_not_found=True)
    return sorted(info.path for info in filesystem.get_file_info(selector))


def _import_ray() -> Any:
    """Ray without its telemetry, and without a word about what goes well."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    with needs("ray", "--engine ray"):
        import ray
        import ray.data
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    return ray
