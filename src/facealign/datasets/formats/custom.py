"""What the readers of the general label formats share.

The root is the label file (or the folder, for `.pts`); its images lie beside it, in `images/`, in a
folder of the label file's name, or where the option `images` says. The point scheme is ibug68
unless `markup` names another: it is never guessed from the number of points.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from facealign.datasets.reading import Dataset, Reading
from facealign.files import is_file

ALL = "all"
"""The only subset of data that is not divided."""
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
        name: as written there; folders may be separated by backslashes.
        images: the folder to look in, relative to the label file's; None looks in the usual ones.

    """
    relative = name.replace("\\", "/")
    usual = (labels.parent, labels.parent / "images", labels.with_suffix(""))
    folders = usual if images is None else (labels.parent / images,)
    found = next((f / relative for f in folders if is_file(f / relative)), None)
    return found or folders[0] / relative
