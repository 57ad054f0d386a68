"""Labels from two opinions: a table labelled by a model, and MediaPipe's mesh of the same faces.

    facealign label photos/ --model aan-m -o labels.csv
    python scripts/labels/mesh_faces.py labels.csv --images . -o mesh.npz
    python scripts/labels/average_labels.py labels.csv mesh.npz two.csv --learn 300w.csv 300w.npz

The mesh's 478 points, in the frame of its own eyes, are turned into the 68 by ridge regression,
learned on labelled faces (`--learn`: a table and its mesh). On the 197 held-out faces of 300W the
mesh has an error of 3.71 %, aan-m 3.65 (in four looks, mirrored too), their mean 3.44
(compare_opinions.py). Faces on which the two differ by more than `--apart` box sizes are left out,
and counted.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from box_faces import write
from numpy.typing import NDArray

from facealign.datasets import read_dataset
from facealign.geometry import box_size

Floats = NDArray[np.float64]
RIGHT_EYE, LEFT_EYE = (33, 133), (362, 263)
"""The mesh's points at each eye's corners."""
RIDGE = 1e-4
"""Of the squared deviations; 0.3 to 3 times as much is equally good on the held-out faces."""


class Frame(NamedTuple):
    """The frame of the eyes, one for each of N faces: middle, distance, and direction."""

    centre: Floats  # (N, 2)
    size: Floats  # (N,)
    axes: Floats  # (N, 2, 2), rows are the frame's axes

    @classmethod
    def of(cls, mesh: Floats) -> Frame:
        """From a mesh (N, 478, 3)."""
        right, left = (mesh[:, list(eye), :2].mean(axis=1) for eye in (RIGHT_EYE, LEFT_EYE))
        size = np.hypot(*(left - right).T)
        x = (left - right) / size[:, None]
        y = np.stack([-x[:, 1], x[:, 0]], axis=1)
        return cls((right + left) / 2, size, np.stack([x, y], axis=1))

    def enter(self, points: Floats) -> Floats:
        """(N, K, 2) in pixels → in the frame."""
        moved = (points - self.centre[:, None]) / self.size[:, None, None]
        return np.asarray(np.einsum("nij,nkj->nki", self.axes, moved))

    def leave(self, points: Floats) -> Floats:
        """(N, K, 2) in the frame → in pixels."""
        turned = np.einsum("nji,nkj->nki", self.axes, points)
        return np.asarray(turned * self.size[:, None, None] + self.centre[:, None])


class MeshTo68:
    """The linear map from a mesh to 68 points, by ridge regression in the frame of the eyes."""

    def __init__(self, mesh: Floats, points: Floats) -> None:
        x, y = _features(mesh), Frame.of(mesh).enter(points).reshape(len(points), -1)
        self.mean, self.offset = x.mean(axis=0), y.mean(axis=0)
        x -= self.mean
        normal = x.T @ x + RIDGE * len(x) * np.eye(x.shape[1])
        self.weights = np.linalg.solve(normal, x.T @ (y - self.offset))

    def __call__(self, mesh: Floats) -> Floats:
        """(N, 478, 3) → (N, 68, 2) in pixels."""
        said = (_features(mesh) - self.mean) @ self.weights + self.offset
        return Frame.of(mesh).leave(said.reshape(len(mesh), -1, 2))


def _features(mesh: Floats) -> Floats:
    frame = Frame.of(mesh)
    depth = (mesh[..., 2] - mesh[..., 2].mean(axis=1, keepdims=True)) / frame.size[:, None]
    return np.concatenate([frame.enter(mesh[..., :2]).reshape(len(mesh), -1), depth], axis=1)


def read(
    table: Path, mesh: Path, images: Path | None = None
) -> tuple[list[str], Floats, Floats, Floats]:
    """Photos, boxes (N, 4), points (N, 68, 2) and meshes (N, 478, 3) of a table's faces."""
    options = {} if images is None else {"images": str(images.resolve())}
    samples = read_dataset("csv", table, "all", **options).samples
    meshes = np.load(mesh)["mesh"].astype(np.float64)
    if len(meshes) != len(samples):
        raise SystemExit(f"{mesh} has {len(meshes)} faces, {table} {len(samples)}: not the same")
    return (
        [os.path.relpath(s.image, table.parent) for s in samples],
        np.array([s.box for s in samples], np.float64),
        np.array([s.landmarks for s in samples], np.float64),
        meshes,
    )


def main(
    table: Path, mesh: Path, out: Path, learn: tuple[Path, Path], images: Path | None, apart: float
) -> None:
    _, _, points, meshes = read(*learn, images)
    there = np.isfinite(meshes[:, 0, 0]) & np.isfinite(points).all(axis=(1, 2))
    turn = MeshTo68(meshes[there], points[there])
    photos, boxes, points, meshes = read(table, mesh)
    rows = []
    for photo, box, own, of_face in zip(photos, boxes, points, meshes, strict=True):
        if not np.isfinite(of_face[0, 0]):
            continue
        other = turn(of_face[None])[0]
        if np.linalg.norm(own - other, axis=1).mean() < apart * box_size(box):
            rows.append([photo, *box, *(f"{value:.2f}" for value in ((own + other) / 2).flat)])
    write(out, rows, points.shape[1])
    print(f"{len(rows)} of {len(photos)} faces kept")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("table", "mesh", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--learn", type=Path, nargs=2, required=True, metavar=("TABLE", "MESH"))
    parser.add_argument("--images", type=Path, help="folder of the photos of --learn")
    parser.add_argument("--apart", type=float, default=0.045, help="box sizes")
    main(**vars(parser.parse_args()))
