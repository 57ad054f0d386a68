"""Results as JSON: one document (`.json`), or one line for each image (`.jsonl`).

The schema `facealign/1` is in `results.schema.json` beside this module. Coordinates are kept to
0.001 pixels, scores to 0.0001.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import numpy as np

from facealign.errors import DataError
from facealign.face import Face, ImageResult
from facealign.files import parsing, reading
from facealign.formats.survey import Survey
from facealign.geometry import to_box
from facealign.markup import known_markup, load_markup

SCHEMA = "facealign/1"
SCHEMA_FILE = Path(__file__).with_name("results.schema.json")


def write_json(results: Iterable[ImageResult], file: IO[str], survey: Survey) -> None:
    """One document, with a line for each image."""
    file.write(f'{{"schema": "{SCHEMA}", "images": [')
    for number, result in enumerate(results):
        file.write((",\n" if number else "\n") + to_line(result))
    file.write("\n]}\n")


def write_jsonl(results: Iterable[ImageResult], file: IO[str], survey: Survey) -> None:
    """A line for each image."""
    for result in results:
        file.write(to_line(result) + "\n")


def to_line(result: ImageResult) -> str:
    """One image's entry as a line of JSON."""
    return json.dumps(to_dict(result), ensure_ascii=False, allow_nan=False)


def to_dict(result: ImageResult) -> dict[str, Any]:
    """One image's entry of the schema."""
    place = {"frame": result.frame, "time": result.time}
    return {
        "source": result.source,
        **{name: value for name, value in place.items() if value is not None},
        "width": result.width,
        "height": result.height,
        "faces": [face.to_dict() for face in result.faces],
        "error": result.error,
    }


def read_json(path: Path, markup: str | None) -> Iterator[ImageResult]:
    """The results in a document, read at once.

    Raises:
        DataError: the file cannot be read or is not of this schema.

    """
    content = read_document(path)
    schema, images = content.get("schema"), content.get("images")
    if schema not in (None, SCHEMA) or not isinstance(images, list):
        raise DataError(
            f'{path}: not a result file of schema "{SCHEMA}"'
            + (f'; it says "{schema}": a newer facealign may read it' if schema else "")
        )
    for number, entry in enumerate(images):
        yield from_dict(entry, f"{path}: images[{number}]")


def read_document(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        DataError: the file cannot be read or holds something else.

    """
    content = read_content(path)
    if not isinstance(content, dict):
        raise DataError(f"{path}: holds no JSON object, as results and COCO keypoints are")
    return content


def read_content(path: Path) -> Any:
    """What a JSON file holds; not to be changed, as the last file is kept.

    Raises:
        DataError: the file cannot be read or is no JSON.

    """
    with reading(path):
        state = path.stat()
        return _parse_file(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=1)  # to tell the format of a file, several readers look at it
def _parse_file(path: Path, changed: int, size: int) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:  # no JSON, or no UTF-8
        raise DataError(f"{path}: not JSON ({error})") from None


def read_jsonl(path: Path, markup: str | None) -> Iterator[ImageResult]:
    """The results in a file with a line for each image.

    Raises:
        DataError: the file cannot be read or is not of this schema.

    """
    try:
        with reading(path), path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield from_line(line, f"{path}:{number}")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not JSON ({error})") from None


def from_line(line: str, place: str) -> ImageResult:
    """One image's line back as a result.

    Raises:
        DataError: it is not of this schema; the message starts with `place`.

    """
    try:
        return from_dict(json.loads(line), place)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{place}: not JSON ({error})") from None


def from_dict(entry: Any, place: str) -> ImageResult:
    """One image's entry of the schema back as a result.

    Raises:
        DataError: it is not of this schema; the message starts with `place`.

    """
    with parsing(place, f'not a result file of schema "{SCHEMA}"'):
        faces = [_parse_face(face) for face in entry["faces"]]
        width, height = (entry.get(k) and int(entry[k]) for k in ("width", "height"))
        frame, time = entry.get("frame"), entry.get("time")
        return ImageResult(
            str(entry["source"]),
            width,
            height,
            faces,
            entry.get("error"),
            None if frame is None else int(frame),
            None if time is None else float(time),
        )


def _parse_face(entry: dict[str, Any]) -> Face:
    scores, visible = entry.get("scores"), entry.get("visible")
    return build_face(
        entry["box"],
        entry["score"],
        entry["landmarks"],
        entry["markup"],
        scores=None if scores is None else np.asarray(scores, np.float32),
        visible=None if visible is None else np.asarray(visible, np.bool_),
        track=entry.get("track"),
        raw=entry.get("raw"),
        measures=entry.get("measures"),
    )


def build_face(
    box: Any,
    score: Any,
    landmarks: Any,
    markup: str,
    *,
    scores: Any = None,
    visible: Any = None,
    track: Any = None,
    raw: Any = None,
    measures: Any = None,
) -> Face:
    """A face from the values in a file, checked.

    Raises:
        ValueError, TypeError: the point scheme is unknown, a value is not a finite number, or the
            shapes do not fit.

    """
    if not known_markup(markup):
        raise ValueError(f'unknown markup "{markup}": give --markup, the .toml file of its points')
    count = load_markup(markup).count
    points = np.asarray(landmarks, np.float32).reshape(-1, 2)
    extra = [values for values in (scores, visible) if values is not None]
    if len(points) != count:
        raise ValueError(f"{len(points)} points; {markup} has {count}")
    if not np.isfinite(points).all() or any(np.shape(v) != (len(points),) for v in extra):
        raise ValueError("points must be finite pairs x, y, with one score and one flag each")
    unsmoothed = None if raw is None else np.asarray(raw, np.float32).reshape(-1, 2)
    if unsmoothed is not None and unsmoothed.shape != points.shape:
        raise ValueError(f"{len(unsmoothed)} raw points for {len(points)} landmarks")
    return Face(
        to_box(box),
        float(score),
        points,
        markup,
        scores=scores,
        visible=visible,
        track=None if track is None else int(track),
        raw=unsmoothed,
        measures=None if measures is None else dict(measures),
    )
