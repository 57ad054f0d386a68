"""What a COCO keypoints file holds, before its annotations are parsed."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from facealign.errors import DataError
from facealign.files import parsing
from facealign.formats.json import read_document
from facealign.formats.labels import is_named_after, places_of, say_nothing
from facealign.markup import Markup, load_markup, scheme_of_dict, scheme_of_names


@dataclass(frozen=True)
class Category:
    """A category: its name, the names of its points if it has any, its lines, its point scheme.

    `content` is the point scheme in full, where facealign wrote it.
    """

    name: str
    points: tuple[str, ...] = ()
    lines: tuple[tuple[str, str], ...] = ()
    content: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> "Category":
        """A category from its entry in the file."""
        points = tuple(map(str, entry.get("keypoints") or ()))
        pairs = np.array(entry.get("skeleton") or (), int).reshape(-1, 2)
        pairs = pairs - 1 if pairs.size and pairs.min() > 0 else pairs  # COCO counts from 1
        lines = [(points[one], points[other]) for one, other in pairs.tolist()] if points else []
        return cls(str(entry["name"]), points, tuple(lines), entry.get("markup"))

    def own(self, place: str) -> Markup | None:
        """The point scheme that it gives; None where its points have no names that say anything.

        Raises:
            DataError: it cannot be told which points change places in a mirrored photo.
        """
        if self.content:
            return scheme_of_dict(self.content, place)
        if named := self.named_after():
            return named
        if not self.points or say_nothing(self.points):
            return None
        return scheme_of_names(self.name, self.points, place, skeleton=self.lines)

    def named_after(self) -> Markup | None:
        """The point scheme that it is named after, if it has such points."""
        return load_markup(self.name) if is_named_after(self.name, self.points) else None

    def places(self, scheme: Markup, place: str) -> list[int | None]:
        """Where each of its points stands in a point scheme.

        Raises:
            DataError: its names contradict the scheme.
        """
        if not self.points:
            return list(range(scheme.count))
        return places_of(self.points, scheme, f"{place}: category {self.name}")


@dataclass(frozen=True)
class CocoFile:
    """The content of a COCO keypoints file.

    Attributes:
        path: of the file.
        images: its entries, each with an `id` and a `file_name`.
        names: image id → file name.
        annotations: its entries, unchecked.
        categories: by id.
    """

    path: Path
    images: list[dict[str, Any]]
    names: dict[Any, str]
    annotations: list[Any]
    categories: dict[Any, Category]

    @cached_property
    def used(self) -> list[Category]:
        """The categories with named points of which there is an annotation with points."""
        found = {key_of(entry, "category_id") for entry in self.annotations if has_points(entry)}
        return [each for id, each in self.categories.items() if id in found and each.points]


def load_coco(path: Path) -> CocoFile:
    """A COCO keypoints file, read at once.

    Raises:
        DataError: the file cannot be read or is not a COCO file.
    """
    content = read_document(path)
    images, annotations = content.get("images"), content.get("annotations")
    if not (isinstance(images, list) and isinstance(annotations, list)):
        raise DataError(f'{path}: not a COCO file: the lists "images" and "annotations" are needed')
    with parsing(path, "one of the images lacks an id or a file_name"):
        names = {entry["id"]: str(entry["file_name"]) for entry in images}
    with parsing(path, "one of the categories lacks an id or a name, or is damaged"):
        categories = {e["id"]: Category.of(e) for e in content.get("categories") or ()}
    return CocoFile(path, images, names, annotations, categories)


def has_points(entry: Any) -> bool:
    """Whether an annotation places a point."""
    values = entry.get("keypoints") if isinstance(entry, dict) else None
    return isinstance(values, list) and any(values[2::3])


def key_of(entry: Any, name: str) -> str | int | None:
    """What an entry says of an id; None where it says nothing that can be one."""
    value = entry.get(name) if isinstance(entry, dict) else None
    return value if isinstance(value, str | int) else None
