"""Labelled faces of one's own: what the readers of the general formats share.

The root is the label file (or the folder, for `.pts`); its images lie beside it, in `images/`, in a
folder of the label file's name, or where the option `images` says. The point scheme is ibug68
unless `markup` names another: it is never guessed from the number of points.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

from facealign.datasets.reading import Dataset, Reading
from facealign.errors import DataError
from facealign.image import is_file
from facealign.markup import Markup

ALL = "all"
"""The one subset of data that has none of its own."""
DEFAULT_MARKUP = "ibug68"


def own_dataset(
    name: str,
    title: str,
    read: Callable[..., Reading],
    origin: int = 0,
    labels_apart: bool = True,
) -> Dataset:
    """The facts of data in a general format; `labels_apart`: one label file for many images."""
    return Dataset(
        name=name,
        title=title,
        home="",
        read=read,
        subsets={ALL: None},
        markup=DEFAULT_MARKUP,
        box_source="official",
        normalisers=("inter_ocular", "inter_pupil"),
        origin=origin,
        options=("markup", "images") if labels_apart else ("markup",),
    )


def find_image(labels: Path, name: str, images: str | None) -> Path:
    """The image called `name` in a label file; where none is found, where it was first looked for.

    Args:
        labels: the label file.
        name: as written there; folders may be parted by backslashes.
        images: the folder to look in, relative to the label file's; None looks in the usual ones.

    """
    relative = name.replace("\\", "/")
    usual = (labels.parent, labels.parent / "images", labels.with_suffix(""))
    folders = usual if images is None else (labels.parent / images,)
    found = next((f / relative for f in folders if is_file(f / relative)), None)
    return found or folders[0] / relative


def read_xml(path: Path, tag: str) -> ET.Element:
    """The root element of an XML file.

    Raises:
        DataError: the file cannot be read, is no XML, or its root is no `tag`.

    """
    try:
        root = ET.parse(path).getroot()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    except ET.ParseError as error:
        raise DataError(f"{path}: not XML ({error})") from None
    if root.tag != tag:
        raise DataError(f"{path}: begins with <{root.tag}>, but <{tag}> is expected")
    return root


def point_index(place: str, name: str, markup: Markup, first: int) -> int:
    """The index of a point called by number, the first one's being `first`, or by its own name.

    Raises:
        DataError: the markup has no such point.

    """
    if name in markup.names:
        return markup.names.index(name)
    if name.isdecimal() and first <= int(name) < first + markup.count:
        return int(name) - first
    raise DataError(f'{place}: {markup.name} has no point "{name}"')
