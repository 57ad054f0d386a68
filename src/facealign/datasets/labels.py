"""Label files in the formats of `facealign.formats` as data sets.

The root is the label file, or the folder of label files. Its images are beside it, in `images/`, in
a folder with the name of the label file, or where the option `images` says. The point scheme is
that of the option `markup`, else that of the names in the file, else ibug68: it is never guessed
from the number of points.
"""

from __future__ import annotations

import os
from functools import cached_property, partial
from pathlib import Path

from facealign.datasets.reading import Dataset, Reading, build_sample, check_subset, read_records
from facealign.errors import DataError
from facealign.files import is_file, is_folder
from facealign.formats.label_tools.cvat import STILL
from facealign.formats.labels import ALL, DEFAULT_MARKUP, OF_POINTS, Label, LabelReader
from facealign.formats.photo_table import PhotoNames, the_one
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
    """The faces of a label file, or of a folder of label files, in a format.

    The subset is "all", or one that the file names; the point scheme None is that of the names in
    the file, else ibug68; `images` as of `ImageFolder`.

    Raises:
        DataError: the file cannot be read, or no such subset or markup.
    """
    if subset != ALL:
        check_subset(name, subset, (ALL, *reader.subsets(root)))
    scheme = reader.scheme_of(root, markup)
    labels: list[Label | DataError] = []
    for parse in reader.read(root, scheme, subset):
        try:
            labels.append(parse())
        except DataError as error:
            labels.append(error)
    found = [label for label in labels if isinstance(label, Label)]
    names = [label.image for label in found]
    names += [STILL.format(label.frame) for label in found if label.frame is not None]
    folder = ImageFolder(root, names, images)

    def build(label: Label | DataError) -> Sample:
        if isinstance(label, DataError):
            raise label
        try:
            image, frame = folder.find(label.image), label.frame
            if frame is not None and is_file(still := folder.find(STILL.format(frame))):
                image, frame = still, None
        except DataError as error:
            raise DataError(f"{label.place}: {error}") from None
        return build_sample(
            label.place,
            id=label.id,
            image=image,
            landmarks=label.points,
            labelled=label.labelled,
            occluded=label.occluded,
            markup=label.markup,
            box=label.box,
            group=label.image,
            frame=frame,
        )

    return read_records(name, subset, labels, build)


def named_scheme(name: str, root: Path) -> str | None:
    """The point scheme that the labels of a data set name themselves; None where they name none.

    Raises:
        DataError: they name several, or cannot be read.
    """
    form = FORMATS.get(name)
    if form is None or not form.labels.schemes(root):
        return None
    return form.labels.scheme_of(root, None).name


class ImageFolder:
    """Where the images of a label file, or of a folder of label files, lie, by the names there.

    `images` is the folder to look in, relative to that of the labels; None looks in the usual ones.
    """

    def __init__(self, labels: Path, names: list[str], images: str | None) -> None:
        home = labels if is_folder(labels) else labels.parent
        usual = (home, home / "images", labels.with_suffix(""), home.parent / "images")
        self._folders = usual if images is None else (home / images,)
        self._below = [str(folder.absolute()) for folder in self._folders]
        self._names = PhotoNames(names, self._below)

    def find(self, name: str) -> Path:
        """The image of this name; if there is none, where it was first looked for.

        It need not lie in a folder itself, if a file below ends like the name (`photo_table`).

        Raises:
            DataError: the name may mean several images, or several names the same one.
        """
        relative = name.replace("\\", "/")
        for folder in self._folders:
            if is_file(folder / relative):
                return folder / relative
        found = the_one(name, self._files, self._names)
        return Path(found) if found else self._folders[0] / relative

    @cached_property
    def _files(self) -> PhotoNames:
        """The files below the folders that a name of the label file may mean."""
        files: dict[str, None] = {}
        for root in self._below:
            for place, folders, names in os.walk(root):
                folders[:] = sorted(name for name in folders if not name.startswith("."))
                paths = [str(Path(place) / name) for name in sorted(names)]
                files |= dict.fromkeys(path for path in paths if self._names.like(path))
        return PhotoNames(files, self._below)


DATASETS = [
    Dataset(
        name=form.name,
        title=form.labels.title,
        read=partial(read_label_file, form.name, form.labels),
        subsets={ALL: None},
        markup=DEFAULT_MARKUP,
        box_source="landmarks" if form.labels.boxes == OF_POINTS else "official",
        boxes=form.labels.boxes,
        normalisers=("inter_ocular", "inter_pupil"),
        origin=form.labels.origin,
        options=("markup", "images") if form.labels.images_apart else ("markup",),
    )
    for form in FORMATS.values()
]
"""One for each format."""
