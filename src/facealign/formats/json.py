"""Results as JSON: one document (`.json`), or one line for each image (`.jsonl`).

The schema `facealign/1` is in `results.schema.json` beside this module. Coordinates are kept to
0.001 pixels, scores to 0.0001.
"""

import json
import math
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import numpy as np

from facealign.errors import DataError
from facealign.face import Face, ImageResult
from facealign.files import COPY, packaged, parse_json, parsing, reading
from facealign.formats.contents import NEEDED, OPTIONAL, Contents
from facealign.geometry import MOST_PIXELS, to_box
from facealign.markup import known_markup, load_markup, own_scheme, scheme_of_dict
from facealign.types import Points

SCHEMA = "facealign/1"
MOST = 2**31
"""Above every size, frame and track, as Parquet's columns hold them."""
SCHEMA_FILE = packaged("formats/results.schema.json")


def dumps(entry: Any, **how: Any) -> str:
    """A value as JSON in any letters; `how` as of `json.dumps`."""
    return json.dumps(entry, ensure_ascii=False, allow_nan=False, **how)


def write_json(results: Iterable[ImageResult], file: IO[str], contents: Contents) -> None:
    """One document, with a line for each image."""
    file.write(f'{{"schema": "{SCHEMA}", "images": [')
    told: set[str] = set()
    for number, result in enumerate(results):
        file.write((",\n" if number else "\n") + to_line(result, told))
    file.write("\n]}\n")


def write_jsonl(results: Iterable[ImageResult], file: IO[str], contents: Contents) -> None:
    """A line for each image."""
    told: set[str] = set()
    file.writelines(to_line(result, told) + "\n" for result in results)


def to_line(result: ImageResult, told: set[str] | None = None) -> str:
    """One image's entry as a line of JSON."""
    return dumps(to_dict(result, told))


def to_dict(result: ImageResult, told: set[str] | None = None) -> dict[str, Any]:
    """One image's entry of the schema.

    `told` are the point schemes that earlier entries hold; those of this one are added. None where
    each entry stands alone.
    """
    new = {face.markup for face in result.faces} - (told or set())
    schemes = [content for name in sorted(new) if (content := own_scheme(name))]
    if told is not None:
        told |= new
    moment = {"frame": result.frame, "time": result.time}
    entry: dict[str, Any] = {"source": result.source}
    entry |= {name: value for name, value in moment.items() if value is not None}
    entry |= {"width": result.width, "height": result.height}
    entry |= {"faces": [face.to_dict() for face in result.faces], "error": result.error}
    return entry | ({"schemes": schemes} if schemes else {})


def read_json(path: Path, markup: str | None) -> Iterator[ImageResult]:
    """The results in a document, read at once."""
    content = read_document(path)
    schema, images = content.get("schema"), content.get("images")
    if schema not in (None, SCHEMA) or not isinstance(images, list):
        newer = f'; it says "{schema}": a newer facealign may read it' if schema else ""
        raise DataError(f'{path}: not a result file of schema "{SCHEMA}"{newer}')
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
    return parse_json(path.read_bytes(), path)


def read_jsonl(path: Path, markup: str | None) -> Iterator[ImageResult]:
    """The results in a file with a line for each image."""
    with reading(path), path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield from_line(line, f"{path}:{number}", COPY)


def from_line(line: bytes, place: str, cure: str = "") -> ImageResult:
    """One image's line back as a result; `cure` as of `files.parse_json`.

    Raises:
        DataError: it is not of this schema; the message starts with `place`.
    """
    return from_dict(parse_json(line, place, cure), place)


def from_dict(entry: Any, place: str) -> ImageResult:
    """One image's entry of the schema back as a result.

    Raises:
        DataError: it is not of this schema; the message starts with `place`.
    """
    with parsing(place, f'not a result file of schema "{SCHEMA}"'):
        for content in entry.get("schemes", ()):
            scheme_of_dict(content, place)
        faces = [
            build_face(*(face[name] for name in NEEDED), **{n: face.get(n) for n in OPTIONAL})
            for face in entry["faces"]
        ]
        size = entry.get("width"), entry.get("height")
        moment = entry.get("frame"), entry.get("time")
        return build_result(entry["source"], *size, faces, entry.get("error"), *moment)


def build_result(
    source: Any,
    width: Any,
    height: Any,
    faces: list[Face],
    error: Any = None,
    frame: Any = None,
    time: Any = None,
) -> ImageResult:
    """A picture's result from the values in a file, checked.

    Raises:
        ValueError: a size is no whole number above 0, a frame none from 0, a time no number of
            seconds, or `source` or `error` no text.
    """
    if not (isinstance(source, str) and isinstance(error, str | None)):
        raise ValueError('"source" must be a text, "error" a text or null')
    size = _whole(width, "a photo's size", 1), _whole(height, "a photo's size", 1)
    number = _whole(frame, "a frame's number", 0)
    seconds = None if time is None else float(time)
    if seconds is not None and not abs(seconds) < MOST_PIXELS:  # also of NaN
        raise ValueError(f"the time must be in seconds, not {time!r}")
    return ImageResult(source, *size, faces, error or None, number, seconds)


def _whole(value: Any, what: str, least: int) -> int | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value is not None and not (number and least <= value < MOST and value % 1 == 0):
        raise ValueError(f"{what} must be a whole number from {least}, or null; not {value!r}")
    return None if value is None else int(value)


def build_face(
    box: Any,
    score: Any,
    landmarks: Any,
    markup: str,
    *,
    scores: Any = None,
    confidence: Any = None,
    visible: Any = None,
    track: Any = None,
    raw: Any = None,
    measures: Any = None,
) -> Face:
    """A face from the values in a file, checked.

    Raises:
        ValueError, TypeError: the point scheme is unknown, a value is not a finite number, a score
            is not in 0..1, a flag is no boolean, or the shapes do not fit.
    """
    if not known_markup(markup):
        raise ValueError(
            f'unknown markup "{markup}": give --markup, the .toml file of its points, or --model, '
            "a model that gives them"
        )
    count = load_markup(markup).count
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused
        points, unsmoothed = _points(landmarks), None if raw is None else _points(raw)
        sure = None if scores is None else np.asarray(scores, np.float32)
    seen = None if visible is None else np.asarray(visible)
    if len(points) != count:
        raise ValueError(f"{len(points)} points; {markup} has {count}")
    if unsmoothed is not None and unsmoothed.shape != points.shape:
        raise ValueError(f"{len(unsmoothed)} raw points for {len(points)} landmarks")
    if seen is not None and (seen.dtype != np.bool_ or seen.shape != (count,)):
        raise ValueError("visible must hold true or false for each point")
    if sure is not None and (sure.shape != (count,) or not _in_unit(sure)):
        raise ValueError("scores must hold a number in 0..1 for each point")
    for what, value in {"score": score, "confidence": confidence}.items():
        if (what == "score" or value is not None) and not _in_unit(np.float64(value)):
            raise ValueError(f"the {what} must be a number in 0..1, not {value!r}")
    found = None
    if measures is not None:
        found = {str(k): None if v is None else float(v) for k, v in dict(measures).items()}
        if not all(v is None or math.isfinite(v) for v in found.values()):
            raise ValueError("measures must be finite numbers or null")
    return Face(
        to_box(box),
        float(score),
        points,
        markup,
        scores=sure,
        confidence=None if confidence is None else float(confidence),
        visible=seen,
        track=_whole(track, "the number of a track", 0),
        raw=unsmoothed,
        measures=found,
    )


def _points(values: Any) -> Points:
    points = np.asarray(values, np.float32).reshape(-1, 2)
    if not (np.abs(points) <= MOST_PIXELS).all():  # also false of NaN
        raise ValueError("points must be finite pairs x, y of pixels")
    return points


def _in_unit(values: Any) -> bool:
    """Whether all are in 0..1; False of NaN."""
    return bool(((values >= 0) & (values <= 1)).all())
