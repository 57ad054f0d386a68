"""Labelled faces in every layout: general formats, and the official files of data sets."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import h5py
import numpy as np
from scipy.io import savemat
from tests.fuzz.images import small_photo
from tests.fuzz.results import some_results
from tests.fuzz.target import Target

from facealign.datasets import read_dataset, stream_pixels
from facealign.datasets.drawings import write_drawings
from facealign.formats.pts import to_pts
from facealign.formats.registry import write_results
from facealign.markup import load_markup
from facealign.training.data.pack import pack
from facealign.types import Sample

NAMES = ("one.jpg", "two.jpg", "three.jpg")


def photos(folder: Path, names: tuple[str, ...] = NAMES) -> None:
    """Pictures of these names."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        small_photo().save(folder / name)


def places(markup: str) -> np.ndarray:
    """(3, K, 2) points of three faces."""
    return np.random.default_rng(0).uniform(5, 90, (3, load_markup(markup).count, 2))


def _make_table(suffix: str, folder: Path) -> None:
    photos(folder / "a", ("one.jpg", "one.png"))
    results = [result for result in some_results() if result.faces]
    write_results(lambda: results, folder / f"labels{suffix}")


def _make_pts(folder: Path) -> None:
    photos(folder)
    for name, points in zip(NAMES, places("celeba5"), strict=True):
        (folder / name).with_suffix(".pts").write_text(to_pts(points.astype(np.float32)))


def _make_300w(folder: Path) -> None:
    write_drawings(folder, train=3, test=1)


def _make_wflw(folder: Path) -> None:
    photos(folder / "WFLW_images", tuple(f"0/{name}" for name in NAMES))
    path = folder / "WFLW_annotations/list_98pt_rect_attr_train_test"
    path.mkdir(parents=True)
    rows = [
        " ".join([*(f"{v:.3f}" for v in points.ravel()), "5 6 80 90 0 1 0 0 1 0", f"0/{name}"])
        for name, points in zip(NAMES, places("wflw98"), strict=True)
    ]
    (path / "list_98pt_rect_attr_test.txt").write_text("\n".join(rows) + "\n")


def _make_celeba(folder: Path) -> None:
    photos(folder / "img_celeba")
    points = [" ".join(map(str, p.astype(int).ravel())) for p in places("celeba5")]
    tables = {
        "list_landmarks_celeba.txt": ("3\nlefteye_x …\n", points),
        "list_bbox_celeba.txt": ("3\nimage_id x_1 y_1 width height\n", ["30 20 50 70"] * 3),
        "list_eval_partition.txt": ("", ["0", "0", "1"]),
    }
    for name, (head, rows) in tables.items():
        lines = [f"{photo} {row}\n" for photo, row in zip(NAMES, rows, strict=True)]
        (folder / name).write_text(head + "".join(lines))


def _aflw(folder: Path) -> dict[str, object]:
    photos(folder / "flickr")
    points = places("aflw19")
    return {
        "bbox": np.array([[20.0, 90, 30, 95]] * 3),
        "data": np.concatenate([points[..., 0], points[..., 1]], axis=1),
        "mask_new": np.ones((3, 19)),
        "ra": np.array([[2.0, 1, 3]]),
    }


def _make_aflw(folder: Path) -> None:
    cells = np.array([[name] for name in NAMES], dtype=object)
    savemat(folder / "AFLWinfo_release.mat", {**_aflw(folder), "nameList": cells}, True, "5", True)


def _make_cofw(folder: Path) -> None:
    points = places("cofw29")
    columns = np.concatenate([points[..., 0], points[..., 1], np.zeros((3, 29))], axis=1)
    with h5py.File(folder / "COFW_test_color.mat", "w", userblock_size=512) as file:
        file["phisT"], file["bboxesT"] = columns.T, np.array([[31.0, 21, 50, 70]] * 3).T
        cells = []
        for i in range(3):
            file[f"#refs#/{i}"] = np.asarray(small_photo()).T
            cells.append(file[f"#refs#/{i}"].ref)
        file.create_dataset("IsT", data=np.array([cells], object), dtype=h5py.ref_dtype)


def _make_merl_rav(folder: Path) -> None:
    for pose in ("frontal", "lefthalf", "righthalf", "left", "right"):
        photos(folder / pose / "testset", ("1.jpg",))
        points = places("ibug68")[0].astype(np.float32)
        (folder / pose / "testset" / "1.pts").write_text(to_pts(points))


def _make_shards(folder: Path) -> None:
    _make_300w(folder / "from")
    pack(read_dataset("300w", folder / "from", "train"), folder / "packed", input_size=32)


def _read(name: str, root: str, subset: str, markup: str, folder: Path) -> object:
    """The samples, and the pictures of those with one."""
    options: dict[str, str | int] = {"markup": markup} if markup else {}
    if name == "aflw":
        options["training_faces"] = 2
    name = name.split("-")[0] if name not in ("merl-rav",) else name
    reading = read_dataset(name, folder / root, subset, **options)
    samples: list[Sample] = list(reading.samples)
    return samples, [pixels for _, pixels in stream_pixels(samples) if pixels is not None]


def _target(name: str, make: partial[None], damaged: str, *place: str, share: int = 4) -> Target:
    root, subset, markup = place
    read = partial(_read, name, root, subset, markup)
    return Target(f"labels-{name}", make, read, damaged, share)


def _make_folder(name: str, folder: Path) -> None:
    """Results of a format with a file for each image, and the images."""
    photos(folder / "labels" / "images")
    results = [result for result in some_results() if result.faces]
    for result, photo in zip(results, NAMES, strict=False):
        object.__setattr__(result, "source", photo)
    write_results(lambda: results[: len(NAMES)], folder / "labels", name)


def _make_tracks(folder: Path) -> None:
    photos(folder / "images", tuple(f"frame_00000{i}.png" for i in range(3)))
    rows = [";".join(f"{x:.2f},{y:.2f}" for x, y in points) for points in places("celeba5")]
    shapes = [
        f'<points frame="{i}" keyframe="{i % 2}" outside="0" occluded="1" points="{row}"/>'
        for i, row in enumerate(rows)
    ]
    meta = "<meta><task><source>a.mp4</source><start_frame>0</start_frame></task></meta>"
    track = f'<track id="0" label="face">{"".join(shapes)}</track>'
    (folder / "labels.xml").write_text(f"<annotations>{meta}{track}</annotations>")


FORMATS = {"csv": ".csv", "coco": ".coco.json", "cvat": ".xml", "imglab": ".imglab.xml"}
FORMATS |= {"labelstudio": ".labelstudio.json"}
TARGETS = [
    *(
        _target(name, partial(_make_table, suffix), "labels*", f"labels{suffix}", "all", "celeba5")
        for name, suffix in FORMATS.items()
    ),
    _target("pts", partial(_make_pts), "*.pts", "", "all", "celeba5"),
    _target("labelme", partial(_make_folder, "labelme"), "labels/*.json", "labels", "all", ""),
    _target("yolo", partial(_make_folder, "yolo"), "labels/data.yaml", "labels", "all", ""),
    _target("yolo-lines", partial(_make_folder, "yolo"), "labels/labels/*", "labels", "all", ""),
    _target("cvat-tracks", partial(_make_tracks), "labels.xml", "labels.xml", "all", "celeba5"),
    _target("300w", partial(_make_300w), "*.pts", "", "train", ""),
    _target("300w-boxes", partial(_make_300w), "boxes.csv", "", "train", "", share=2),
    _target("wflw", partial(_make_wflw), "*.txt", "", "pose", "", share=2),
    _target("celeba", partial(_make_celeba), "*.txt", "", "train", ""),
    _target("merl-rav", partial(_make_merl_rav), "*.pts", "", "test", "", share=2),
    _target("aflw", partial(_make_aflw), "*.mat", "", "full", "", share=2),
    _target("cofw", partial(_make_cofw), "*.mat", "", "test", "", share=2),
    Target(
        "shards", _make_shards, partial(_read, "packed", "packed", "all", ""), "packed/*", share=6
    ),
]
