"""Tables of boxes as people have them, and labels whose images lie elsewhere."""

from __future__ import annotations

import json
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facealign.datasets import read_dataset
from facealign.errors import DataError
from facealign.formats.photo_table import read_boxes

PHOTO = Path("/photos/astronaut.jpg")
BOX = [178.9, 88.8, 266.8, 176.7]


@pytest.mark.parametrize(
    "table",
    [
        "image,x0,y0,x1,y1\nastronaut.jpg,178.9,88.8,266.8,176.7\n",
        "image;x0;y0;x1;y1\r\nastronaut.jpg;178,9;88,8;266,8;176,7\r\n",
        "\ufeffimage;x0;y0;x1;y1\nastronaut.jpg;178,9;88,8;266,8;176,7\n",
        "sep=;\nFile Name;X0;Y0;X1;Y1\nastronaut.jpg;178,9;88,8;266,8;176,7\n",
        "image\tleft\ttop\tright\tbottom\nastronaut.jpg\t178,9\t88,8\t266,8\t176,7\n",
        "image,left,top,right,bottom\nastronaut.jpg,178.9,88.8,266.8,176.7\n",
        "filename,xmin,ymin,xmax,ymax,class\nastronaut.jpg,178.9,88.8,266.8,176.7,face\n",
        "path,x1,y1,x2,y2\nastronaut.jpg,178.9,88.8,266.8,176.7\n",
        "file_name,x,y,width,height\nastronaut.jpg,178.9,88.8,87.9,87.9\n",
        "img,left,top,w,h\nastronaut.jpg,178.9,88.8,87.9,87.9\n",
        "image,x0,y0,x1,y1\nC:\\Users\\me\\photos\\astronaut.jpg,178.9,88.8,266.8,176.7\n",
        "image,x0,y0,x1,y1\n/Users/me/Astronaut.JPG,178.9,88.8,266.8,176.7\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_boxes_are_read_however_the_table_is_written(
    tmp_path: Path, table: str, encoding: str
) -> None:
    path = tmp_path / "boxes.csv"
    path.write_bytes(table.removeprefix("\ufeff" if encoding == "utf-16" else "").encode(encoding))
    (box,) = read_boxes(path).of(PHOTO)
    assert np.allclose(box, BOX, atol=1e-3)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ('image,x0,y0,x1,y1\nastronaut.jpg,"178,9",88.8,266.8,176.7\n', r"boxes\.csv:2: a box is"),
        ("sep=;\nimage;x0;y0;x1;y1\nastronaut.jpg;178,9;88,8;;\n", r"boxes\.csv:3: a box is"),
        ("image;x0;y0\nastronaut.jpg;178,9;88,8\n", r"must name the columns .*, not image,x0,y0"),
        ("x0,y0,x1,y1\n1,2,3,4\n", "must name the columns"),
        ('image,x0,y0,x1,y1\n"a.jpg,1,2,3,4\nb.jpg,1,2,3,4\n', "a quote that is not closed"),
    ],
)
def test_what_is_no_table_of_boxes_is_said(tmp_path: Path, table: str, why: str) -> None:
    path = tmp_path / "boxes.csv"
    path.write_text(table)
    with pytest.raises(DataError, match=why):
        read_boxes(path)


def test_boxes_of_label_files_need_no_points(tmp_path: Path) -> None:
    x0, y0, x1, y1 = BOX
    image = {"id": 1, "file_name": "img/astronaut.jpg"}
    face = {"image_id": 1, "category_id": 1, "bbox": [x0, y0, x1 - x0, y1 - y0]}
    crowd = face | {"iscrowd": 1, "bbox": [1, 2, 3, 4]}
    content = {"images": [image], "annotations": [face, crowd], "categories": []}
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    yolo = "kpt_shape: [1, 3]\ntrain: images\n"
    (tmp_path / "data.yaml").write_text(yolo)
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    Image.new("RGB", (512, 512)).save(tmp_path / "images" / "astronaut.jpg")
    middle = [(x0 + x1 + 1) / 1024, (y0 + y1 + 1) / 1024, (x1 - x0) / 512, (y1 - y0) / 512]
    words = " ".join(f"{v:.8f}" for v in middle)
    (tmp_path / "labels" / "astronaut.txt").write_text(f"0 {words} 0 0 0\n")
    for name, folder in (("boxes.json", "img"), ("data.yaml", "images")):
        (box,) = read_boxes(tmp_path / name).of(Path(f"/x/{folder}/astronaut.jpg"))
        assert np.allclose(box, BOX, atol=1e-3)


def test_umlauts_as_excel_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "boxes.csv"
    path.write_bytes("image;x0;y0;x1;y1\nZoë.jpg;178,9;88,8;266,8;176,7\n".encode("cp1252"))
    (box,) = read_boxes(path).of(Path("/photos/Zoë.jpg"))
    assert np.allclose(box, BOX, atol=1e-3)


def test_the_cases_of_other_people(repository: Path) -> None:
    cases = repository.parent / "shared" / "cases"
    if not cases.is_dir():
        pytest.skip("the collected cases are not here")
    for name in ("boxes-with-windows-absolute-path.csv", "boxes-from-european-excel.csv"):
        (box,) = read_boxes(cases / name).of(PHOTO)
        assert np.allclose(box, BOX, atol=1e-3)


@pytest.fixture
def labels(tmp_path: Path) -> Callable[..., Path]:
    """(names of images, files on the disk) → a label table of celeba5."""

    def make(names: list[str], files: list[str]) -> Path:
        for file in files:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (9, 9)).save(tmp_path / file)
        axes = ",".join(f"x{i},y{i}" for i in range(5))
        rows = [f"{name},1,1,2,2,3,3,4,4,5,{5 + i}" for i, name in enumerate(names)]
        path = tmp_path / "labels.csv"
        path.write_text("\n".join([f"image,{axes}", *rows]) + "\n")
        return path

    return make


def read(path: Path) -> list[str]:
    samples = read_dataset("csv", path, "all", markup="celeba5").samples
    return [sample.image.relative_to(path.parent).as_posix() for sample in samples]


NFC, NFD = (unicodedata.normalize(form, "Zoë.png") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (["C:\\faces\\a\\1.png", "C:\\faces\\b\\1.png"], ["x/a/1.png", "x/b/1.png"]),
        (["/Users/me/1.png"], ["images/1.png"]),
        (["img/1.png"], ["1.png"]),
        (["1.png"], ["deep/down/1.png"]),
        (["IMG_1.PNG"], ["img_1.png"]),
        ([NFC], [NFD]),
        ([NFD], [NFC]),
    ],
)
def test_images_of_labels_are_found_by_their_longest_common_ending(
    labels: Callable[..., Path], reported: list[str], names: list[str], files: list[str]
) -> None:
    assert read(labels(names, files)) == files
    assert reported == []


@pytest.mark.parametrize(
    ("names", "files", "words"),
    [
        (["1.png"], ["a/1.png", "b/1.png"], ["a/1.png", "b/1.png"]),
        (["C:\\a\\1.png", "C:\\b\\1.png"], ["1.png"], ["C:\\a\\1.png", "C:\\b\\1.png"]),
        (["train/1.png"], ["val/1.png"], ["there is no image"]),
        (["/me/train/1.png", "/me/val/1.png"], ["val/1.png"], ["there is no image"]),
    ],
)
def test_no_image_is_taken_for_another(
    labels: Callable[..., Path],
    reported: list[str],
    names: list[str],
    files: list[str],
    words: list[str],
) -> None:
    assert read(labels(names, files)) in ([], ["val/1.png"][: len(names) - 1])
    assert all(word in reported[0] for word in words)


def test_points_by_the_names_of_their_columns(tmp_path: Path, astronaut_path: Path) -> None:
    shutil.copy(astronaut_path, tmp_path / "a.jpg")
    (tmp_path / "named.csv").write_text(
        "image,left_table_x,left_table_y,right_table_x,right_table_y\na.jpg,5,6,1,2\n"
    )
    (sample,) = read_dataset("csv", tmp_path / "named.csv", "all").samples
    assert (sample.markup, sample.landmarks.tolist()) == ("named", [[5, 6], [1, 2]])
