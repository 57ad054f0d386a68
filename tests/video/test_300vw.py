"""300VW's layout: the same tracker for `facealign video` and for `facealign eval`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from facealign.aligner import FaceAligner
from facealign.datasets import read_dataset
from facealign.datasets.ibug_300vw import read_300vw
from facealign.errors import SettingsError
from facealign.evaluation import predict
from facealign.formats.pts import to_pts
from facealign.formats.registry import read_results
from facealign.types import Pixels

MakeFilm = Callable[..., Path]
Facealign = Callable[..., tuple[int, str, str]]


@pytest.fixture
def root(make_video: MakeFilm, filmed: Callable[..., list[Pixels]], tmp_path: Path) -> Path:
    """One video of 300VW's test set, its labels what an aligner finds frame by frame."""
    pictures = filmed(12)
    folder = tmp_path / "300vw" / "410"
    (folder / "annot").mkdir(parents=True)
    video = make_video("vid.avi", pictures, codec="ffv1", form="bgr0")
    video.rename(folder / "vid.avi")
    aligner = FaceAligner(threads=1, turned_faces=False)
    for number, picture in enumerate(pictures, 1):
        (face,) = aligner.align(picture)
        (folder / "annot" / f"{number:06d}.pts").write_text(to_pts(face.landmarks))
    return folder.parent


def test_eval_follows_faces_as_video_does(facealign: Facealign, root: Path, tmp_path: Path) -> None:
    target, followed = tmp_path / "report.json", tmp_path / "faces.jsonl"
    words = ("eval", "--dataset", "300vw", "--root", root, "--subset", "category3")
    code, _, _ = facealign(*words, "--boxes", "tracker", "--json", target)
    assert code == 3  # the other videos of the subset are not there
    report = json.loads(target.read_text())
    assert (report["count"], report["missed"], report["box_source"]) == (12, 0, "tracker")
    assert 0.001 < report["nme_inter_ocular"] < 0.02
    assert facealign("video", root / "410", "-o", followed, "--smoothing", "live")[0] == 0
    samples = read_300vw(root, "category3").samples
    aligner = FaceAligner(threads=1, turned_faces=False)
    points = predict(samples, aligner, "tracker").landmarks
    same = [result.faces[0].landmarks for result in read_results(followed)]
    assert np.abs(points - np.stack(same)).max() < 0.01


def test_every_frame_is_followed_though_few_are_labelled(root: Path) -> None:
    aligner = FaceAligner(threads=1, turned_faces=False)
    every = predict(read_300vw(root, "category3").samples, aligner, "tracker")
    some = predict(read_300vw(root, "category3", stride=5).samples, aligner, "tracker")
    assert [name.rpartition("/")[2] for name in some.ids] == ["000001", "000006", "000011"]
    assert np.array_equal(some.landmarks, every.landmarks[::5])


def test_photos_have_no_tracks(drawn: Path) -> None:
    samples = read_dataset("300w", drawn, "common").samples
    with pytest.raises(SettingsError, match="not a video"):
        predict(samples, FaceAligner(threads=1), "tracker")
