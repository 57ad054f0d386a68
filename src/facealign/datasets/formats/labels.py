"""Label files in the formats of `facealign.formats` as data sets.

The root is the label file, or the folder of label files. Its images are beside it, in `images/`, in
a folder with the name of the label file, or where the option `images` says. The point scheme is
that of the option `markup`, else that of the names in the file, else ibug68: it is never guessed
from the number of points.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from facealign.datasets.reading import Dataset, Reading, build_sample, build_samples, check_subset
from facealign.files import is_file, is_folder
from facealign.formats.labels import ALL, DEFAULT_MARKUP, Label, LabelReader
from facealign.formats.registry import FORMATS
from facealign.types import Sample


def read_label_file(
    name: str,
    reader: LabelReader,
    root: Path,
    subset: str = ALL,
    markup: str | None = None,
    images: str | None = None,
) -> Reading:
    """The faces of a label file, or of a folder of label files.

    Args:
        name: of the format.
        reader: of the format.
        root: the file or folder.
        subset: "all", or one that the file names.
        markup: the point scheme; None takes that of the names in the file, else ibug68.
        images: the folder of the images, relative to the file; None looks in the usual places.

    Raises:
        DataError: the file cannot be read, or no such subset or markup.

    """
    if subset != ALL:
        check_subset(name, subset, (ALL, *reader.subsets(root)))
    scheme = reader.scheme_of(root, markup)

    def build(parse: Callable[[], Label]) -> Sample:
        return _build_sample(parse(), root, images)

    return Reading(name, subset, build_samples(reader.read(root, scheme, subset), build))


def named_scheme(name: str, root: Path) -> str | None:
    """The point scheme that the labels of a data set name themselves; None where they name none.

    Raises:
        DataError: they name several, or cannot be read.

    """
    form = FORMATS.get(name)
    if form is None or form.labels is None or not form.labels.schemes(root):
        return None
    return form.labels.scheme_of(root, None).name


def _build_sample(label: Label, root: Path, images: str | None) -> Sample:
    return build_sample(
        label.place,
        id=label.id,
        image=find_image(root, label.image, images),
        landmarks=label.points,
        labelled=label.labelled,
        occluded=label.occluded,
        markup=label.markup,
        box=label.box,
        group=label.image,
    )


def find_image(labels: Path, name: str, images: str | None) -> Path:
    """The image called `name` in a label file; if there is none, where it was first looked for.

    Args:
        labels: the label file, or the folder of label files.
        name: as written there; backslashes also separate folders.
        images: the folder to look in, relative to that of the labels; None looks in the usual ones.

    """
    relative = name.replace("\\", "/")
    home = labels if is_folder(labels) else labels.parent
    usual = (home, home / "images", labels.with_suffix(""))
    folders = usual if images is None else (home / images,)
    found = next((f / relative for f in folders if is_file(f / relative)), None)
    return found or folders[0] / relative


def _dataset(name: str, reader: LabelReader) -> Dataset:
    return Dataset(
        name=name,
        title=reader.title,
        home="",
        read=partial(read_label_file, name, reader),
        subsets={ALL: None},
        markup=DEFAULT_MARKUP,
        box_source="official",
        normalisers=("inter_ocular", "inter_pupil"),
        origin=reader.origin,
        options=("markup", "images") if reader.images_apart else ("markup",),
    )


DATASETS = [_dataset(form.name, form.labels) for form in FORMATS.values() if form.labels]
"""One for each format that holds labels."""
