"""A face as supervision's KeyPoints."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from facealign import Face, MissingExtraError

FACE = Face(
    box=np.array([1, 2, 30, 40], np.float32),
    score=0.75,
    landmarks=np.arange(10, dtype=np.float32).reshape(5, 2),
    markup="celeba5",
    scores=np.linspace(0, 1, 5, dtype=np.float32),
    visible=np.array([True, False, True, True, True]),
)


@pytest.mark.filterwarnings("ignore:OpenCV")
def test_points_scores_and_visibility_are_those_of_the_face() -> None:
    supervision = pytest.importorskip("supervision", minversion="0.29")
    points = FACE.to_supervision()
    assert isinstance(points, supervision.KeyPoints)
    assert np.array_equal(points.xy, FACE.landmarks[None])
    assert np.array_equal(points.keypoint_confidence, FACE.scores[None])
    assert np.array_equal(points.visible, FACE.visible[None])
    assert points.detection_confidence.tolist() == [0.75]
    assert points.data["box"].tolist() == [[1, 2, 30, 40]]
    picture = np.zeros((20, 20, 3), np.uint8)
    drawn = supervision.VertexAnnotator(radius=1).annotate(picture.copy(), points)
    assert drawn.any()
    assert len(points) == 1


def test_without_the_package_its_install_line_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(MissingExtraError, match=r'pip install "facealign\[supervision\]"'):
        FACE.to_supervision()
