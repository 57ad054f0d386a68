"""Result files of every format, the journal, and what a user gives for each photo."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from tests.fuzz.target import Target
from tests.fuzz.values import same_results

from facealign.face import Face, ImageResult
from facealign.formats.journal import Journal
from facealign.formats.photo_table import read_boxes, read_faces
from facealign.formats.registry import FORMATS, read_results, write_results
from facealign.markup import load_markup


def some_results(markup: str = "celeba5") -> list[ImageResult]:
    """Two faces, none, an error."""
    random = np.random.default_rng(0)
    count = load_markup(markup).count
    faces = [
        Face(
            box=np.array([10.25, 20.5, 110.125, 121], np.float32),
            score=float(np.float32(random.uniform(0.5, 1))),
            landmarks=random.uniform(-20, 900, (count, 2)).astype(np.float32),
            markup=markup,
            scores=random.uniform(0, 1, count).astype(np.float32),
            visible=np.arange(count) % 2 == 0,
        )
        for _ in range(3)
    ]
    return [
        ImageResult("a/one.jpg", 1000, 900, faces[:2]),
        ImageResult("a/two.jpg", 30, 40, []),
        ImageResult("a/three.jpg", None, None, [], "a/three.jpg: the file is empty"),
        ImageResult("a/one.png", 1000, 900, faces[2:]),
    ]


def _make(name: str, folder: Path) -> None:
    path = folder / f"results{'' if name == 'pts' else FORMATS[name].suffixes[0]}"
    write_results(some_results, path, name)


def _read(name: str, folder: Path) -> list[ImageResult]:
    """What is read, which can also be written and is then read again."""
    path = folder / f"results{'' if name == 'pts' else FORMATS[name].suffixes[0]}"
    found = list(read_results(path, name, "celeba5"))
    if len({face.markup for result in found for face in result.faces}) > 1 and name == "csv":
        return found
    for target in (f"again{FORMATS[name].suffixes[0]}", "again.jsonl"):
        if name != "pts" or target == "again.jsonl":
            write_results(lambda: found, folder / target)
            again = list(read_results(folder / target, None, "celeba5"))
            if not same_results(found, again):
                raise AssertionError(f"{found} is written and read as {again}")
    return found


def _make_journal(folder: Path) -> None:
    with Journal(folder / "out.json", {"model": "x"}, resume=False) as journal:
        journal.take_over(some_results())


def _resume(folder: Path) -> list[ImageResult]:
    with Journal(folder / "out.json", {"model": "x"}, resume=True) as journal:
        journal.add(some_results()[0])
        write_results(journal.results, folder / "out.json")
        return list(journal.results())


def _make_boxes(folder: Path) -> None:
    rows = ["image,x0,y0,x1,y1", *(f"a/{i}.jpg,{i},2,{i + 30}.5,60" for i in range(4))]
    (folder / "boxes.csv").write_text("\n".join(rows) + "\n")


def _read_boxes(folder: Path) -> object:
    table = read_boxes(folder / "boxes.csv")
    return [table.of(Path(f"a/{i}.jpg")) for i in range(4)]


def _make_faces(folder: Path) -> None:
    write_results(some_results, folder / "faces.json")


def _read_faces(folder: Path) -> object:
    table = read_faces(folder / "faces.json")
    return [table.of(Path(result.source)) for result in some_results()]


TARGETS = [
    *(
        Target(f"results-{name}", partial(_make, name), partial(_read, name))
        for name, form in FORMATS.items()
        if name == "pts" or not form.files  # the others are read as labels
    ),
    Target("journal", _make_journal, _resume),
    Target("boxes", _make_boxes, _read_boxes),
    Target("earlier-faces", _make_faces, _read_faces),
]
