"""What a face's confidence says, where it goes, and what it drops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from facealign import Detections, Face, FaceAligner, SettingsError
from facealign.aligner.confidence import confidence, distinct_faces, percentile
from facealign.types import Pixels


def test_a_clear_face_is_confident_and_a_guess_is_not(
    aligner: FaceAligner, astronaut: Pixels, face: Face
) -> None:
    assert face.confidence is not None
    assert face.confidence > 0.95
    (wall,) = aligner.align(astronaut, boxes=[[20, 330, 90, 400]])
    assert wall.confidence is not None
    assert wall.confidence < 0.4


def test_confidence_rises_with_each_score() -> None:
    scores = np.full(68, 0.5, np.float32)
    values = [float(confidence(scores + np.float32(step))) for step in (-0.3, 0.0, 0.3)]
    assert 0 < values[0] < values[1] < values[2] < 1
    one_bad = np.where(np.arange(68) == 3, 0, scores + 0.4).astype(np.float32)
    assert float(confidence(one_bad)) == pytest.approx(float(confidence(scores + 0.4)), abs=0.01)


def test_conversion_and_numbers_keep_it(face: Face) -> None:
    assert face.to("celeba5").confidence == face.confidence
    assert face.to_dict()["confidence"] == pytest.approx(face.confidence, abs=6e-5)
    assert "confidence" not in replace(face, confidence=None).to_dict()


def test_the_least_confidence_drops_detected_faces_only(astronaut: Pixels, face: Face) -> None:
    assert face.confidence is not None
    strict = FaceAligner(threads=1, min_confidence=(1 + face.confidence) / 2)
    assert strict.align(astronaut) == []
    assert list(strict.align_batch([astronaut, astronaut])) == [[], []]
    assert len(strict.align(astronaut, boxes=[face.box])) == 1
    lenient = FaceAligner(threads=1, min_confidence=face.confidence - 0.01)
    assert len(lenient.align(astronaut)) == 1


@pytest.mark.parametrize("value", [-0.1, 1.01, float("nan")])
def test_a_least_confidence_out_of_range_is_refused(value: float) -> None:
    with pytest.raises(SettingsError, match="0 to 1"):
        FaceAligner(threads=1, min_confidence=value)


def test_what_the_landmarks_deny_is_no_face(face: Face) -> None:
    assert face.scores is not None
    guess = replace(face, score=0.4, scores=np.full(68, 0.1, np.float32))
    blurred = replace(face, score=0.8, scores=np.full(68, 0.05, np.float32))
    apart = replace(blurred, landmarks=face.landmarks + 500)
    silent = replace(guess, scores=None)
    assert distinct_faces([face, guess, apart], np.zeros(3, np.float32)) == [face, apart]
    assert distinct_faces([face, apart], np.array([0, 90], np.float32)) == [face]
    assert distinct_faces([silent, guess], np.zeros(2, np.float32)) == [silent]


def test_two_looks_at_one_face_are_one_face(face: Face) -> None:
    doubted = replace(face, score=1.0, scores=np.full(68, 0.4, np.float32))
    beside = replace(face, landmarks=face.landmarks + 500)
    assert distinct_faces([doubted, beside, face], np.zeros(3, np.float32)) == [beside, face]


def test_other_detectors_are_taken_at_their_word(astronaut: Pixels) -> None:
    class Wall:
        def detect(self, image: Pixels) -> Detections:
            box = np.array([[20, 330, 90, 400]], np.float32)
            return Detections(box, np.full(1, 0.1, np.float32))

    assert len(FaceAligner(detector=Wall(), threads=1).align(astronaut)) == 1


@pytest.mark.parametrize("count", [1, 2, 5, 68, 98])
def test_percentiles_are_those_of_numpy(count: int) -> None:
    scores = np.random.default_rng(count).random((20, count), dtype=np.float32)
    for share in (10, 50, 75, 100):
        ours = percentile(np.sort(scores, axis=-1), share)
        assert ours == pytest.approx(np.percentile(scores, share, axis=-1), abs=1e-7)
