"""Tables as people have them: commas, semicolons or tabs, decimal commas, columns by many names.

A table with semicolons or tabs may have decimal commas, as Excel writes them in much of Europe.
Columns that mean the photo are called `image`, corners of a box `left`, `top`, `right`, `bottom`.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from facealign.errors import DataError
from facealign.files import BAD_CONTENT, brief, reading
from facealign.markup.scheme import fold

BOX = ("left", "top", "right", "bottom")
Row = tuple[int, dict[str, str]]
"""Line number, and the cells by column."""
IMAGE_WORDS = frozenset(
    {"image", "imagename", "imagepath", "imagefile", "imagefilename", "img", "imgname", "imgpath"}
    | {"file", "filename", "filepath", "path", "photo", "picture", "name"}
)
"""What a column with the photo is called, folded."""
CORNERS = (
    ("xmin", "ymin", "xmax", "ymax"),
    ("minx", "miny", "maxx", "maxy"),
    ("xtl", "ytl", "xbr", "ybr"),
    ("boxleft", "boxtop", "boxright", "boxbottom"),
    ("boxx0", "boxy0", "boxx1", "boxy1"),
    ("bboxx1", "bboxy1", "bboxx2", "bboxy2"),
)
"""Other names of `BOX`, folded, that cannot mean points."""
DECIMAL_COMMA = re.compile(r"\s*[-+]?\d*,\d+(?:[eE][-+]?\d+)?\s*")


def read_columns(path: Path) -> list[str]:
    """The column names of a table.

    Raises:
        DataError: the file cannot be read.
    """
    with _table(path) as (reader, _):
        return list(reader.fieldnames or ())


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a table below the column names; cells that a short row lacks are empty.

    File names that are not UTF-8 are kept as they are.

    Raises:
        DataError: the file cannot be read.
    """
    with _table(path) as (reader, above):
        commas = reader.reader.dialect.delimiter != ","
        for row in reader:
            if commas:
                for name, cell in row.items():
                    if name != "image" and DECIMAL_COMMA.fullmatch(cell):
                        row[name] = cell.replace(",", ".")
            yield above + reader.line_num, row


@contextmanager
def _table(path: Path) -> "Iterator[tuple[csv.DictReader[str], int]]":
    """A table below its column names, and the number of lines above."""
    try:
        with reading(path), _open(path) as file:
            first, above = file.readline(), 1
            if first.lower().startswith("sep="):  # Excel's own hint
                first, above = file.readline(), 2
            delimiter = max(",;\t", key=first.count)
            names = next(csv.reader([first], delimiter=delimiter), [])
            # Strict, as an open quote would swallow all rows below it.
            rows = csv.DictReader(file, _known(names), "", "", delimiter=delimiter, strict=True)
            yield rows, above
    except (csv.Error, *BAD_CONTENT) as error:
        hint = ": look for a quote that is not closed" if isinstance(error, csv.Error) else ""
        raise DataError(f"{path}: not a CSV table ({brief(error)}){hint}") from None


def _open(path: Path) -> IO[str]:
    with path.open("rb") as file:
        head = file.readline()
        if head[:2] in (b"\xff\xfe", b"\xfe\xff"):  # Excel's "Unicode text"
            return path.open(newline="", encoding="utf-16")
        if b";" in head or b"\t" in head:
            try:
                for line in file:
                    line.decode()
            except UnicodeDecodeError:  # Excel's own, in Europe
                return path.open(newline="", encoding="cp1252", errors="replace")
    return path.open(newline="", encoding="utf-8-sig", errors="surrogateescape")


def _known(names: Sequence[str]) -> list[str]:
    """The column names, those of the photo and of a box's corners as we call them."""
    names = [name.strip() for name in names]
    folded = [fold(name) for name in names]
    other: dict[str, str] = {}
    photo = next((word for word in folded if word in IMAGE_WORDS), None)
    if photo and "image" not in names:
        other[photo] = "image"
    for corners in (BOX, *CORNERS):
        if set(corners) <= set(folded):
            other |= zip(corners, BOX, strict=True)
            break
    return [other.get(word, name) for word, name in zip(folded, names, strict=True)]


def box_columns(columns: Iterable[str]) -> tuple[tuple[str, str, str, str], bool] | None:
    """The columns of the boxes in a table of boxes, and whether the last two are width and height.

    None where it has none. Where there are more points than such a table could name corners by,
    `x0`, `y0` … are points.
    """
    names = {fold(name): name for name in columns}
    choices = [(BOX, False)]
    if not {"x0", "x2"} <= names.keys():
        choices += [(("x0", "y0", "x1", "y1"), False), (("x1", "y1", "x2", "y2"), False)]
    for x, y in (("left", "top"), ("x", "y"), ("x0", "y0"), ("xmin", "ymin")):
        choices += [((x, y, "width", "height"), True), ((x, y, "w", "h"), True)]
    for four, sized in choices:
        if set(four) <= names.keys():
            x, y, third, fourth = (names[word] for word in four)
            return (x, y, third, fourth), sized
    return None
