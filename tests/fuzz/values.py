"""What no reader may give back: numbers that are not finite, scores outside 0..1, wrong types."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from facealign.face import Face, ImageResult
from facealign.files import to_utf8


def fault_in(value: object, place: str = "value") -> str:
    """What is wrong with a value, or with one inside it; empty where nothing is."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"{place} is {value}"
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "O":
            return f"{place} is an array of objects"
        finite = value.dtype.kind not in "fc" or bool(np.isfinite(value).all())
        return "" if finite else f"{place} is not finite"
    if isinstance(value, Face) and (fault := _face(value, place)):
        return fault
    if isinstance(value, ImageResult) and (fault := _result(value, place)):
        return fault
    return next((fault for key, item in _items(value) if (fault := fault_in(item, key))), "")


def _items(value: object) -> list[tuple[str, object]]:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return [(f"{type(value).__name__}.{n}", getattr(value, n)) for n in names]
    if isinstance(value, Mapping):
        return [(str(key), item) for key, item in value.items()]
    if isinstance(value, list | tuple):
        return [(f"[{i}]", item) for i, item in enumerate(value)]
    return []


def _face(face: Face, place: str) -> str:
    if type(face.score) is not float or not 0 <= face.score <= 1:
        return f"{place}: score {face.score!r}"
    if face.scores is not None and not ((face.scores >= 0) & (face.scores <= 1)).all():
        return f"{place}: scores {face.scores}"
    if face.landmarks.dtype != np.float32 or face.landmarks.ndim != 2:
        return f"{place}: landmarks {face.landmarks.dtype} {face.landmarks.shape}"
    wrong = face.visible is not None and face.visible.dtype != np.bool_
    return f"{place}: visible {face.visible}" if wrong else ""


def _result(result: ImageResult, place: str) -> str:
    if not isinstance(result.source, str):
        return f"{place}: source {result.source!r}"
    if not (result.error is None or isinstance(result.error, str)):
        return f"{place}: error {result.error!r}"
    for size in (result.width, result.height):
        if size is not None and not (type(size) is int and 0 < size < 2**31):
            return f"{place}: size {size!r}"
    return ""


def same_results(one: list[ImageResult], other: list[ImageResult]) -> bool:
    """Whether results are the same, but for what formats round, and names escaped as they are."""
    return [_in_short(result) for result in one] == [_in_short(result) for result in other]


def _in_short(result: ImageResult) -> tuple[str, str, int]:
    return to_utf8(result.source), to_utf8(result.error or ""), len(result.faces)
