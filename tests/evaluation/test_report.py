from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from facealign import MARKUPS, DataError, Face, FaceAligner, Sample
from facealign.datasets import read_dataset
from facealign.evaluation import Predictions, predict, score
from facealign.metrics import NORMALISERS
from facealign.types import Points


@pytest.fixture(scope="module")
def samples(drawn: Path) -> list[Sample]:
    return read_dataset("300w", drawn, "common").samples


def predictions(samples: list[Sample], landmarks: np.ndarray) -> Predictions:
    return Predictions([s.id for s in samples], landmarks.astype(np.float32), "official")


def truth(samples: list[Sample]) -> np.ndarray:
    return np.stack([sample.landmarks for sample in samples])


class Oracle:
    """Knows each photo by its size-independent content: answers with the true points."""

    markup = "ibug68"
    facts = SimpleNamespace(name="oracle")

    def __init__(
        self, samples: list[Sample], moved: float = 0.0, box: Points | None = None
    ) -> None:
        from facealign.image import read_image

        self.answers = {read_image(s.image).tobytes(): s for s in samples}
        self.moved, self.box = moved, box

    def align(self, image: np.ndarray, boxes: np.ndarray | None = None) -> list[Face]:
        sample = self.answers[image.tobytes()]
        box = boxes[0] if boxes is not None else sample.box if self.box is None else self.box
        return [Face(box, 1.0, sample.landmarks + np.float32(self.moved), "ibug68")]


def test_perfect_predictions_score_exactly(samples: list[Sample]) -> None:
    report = score(samples, predictions(samples, truth(samples)), "300w", "common")
    assert (report.count, report.missed) == (8, 0)
    assert report.nme_inter_ocular == report.nme_inter_pupil == 0
    assert (report.auc_08, report.failure_rate_08) == (1.0, 0.0)


def test_a_known_shift_gives_the_known_error(samples: list[Sample]) -> None:
    moved = truth(samples) + [3.0, 4.0]
    report = score(samples, predictions(samples, moved), "300w", "common")
    corners = [float(np.linalg.norm(s.landmarks[36] - s.landmarks[45])) for s in samples]
    pupils = [
        float(np.linalg.norm(s.landmarks[36:42].mean(0) - s.landmarks[42:48].mean(0)))
        for s in samples
    ]
    nmes = np.array([5 / d for d in corners])
    assert report.nme_inter_ocular == pytest.approx(float(nmes.mean()), rel=1e-5)
    assert report.nme_inter_pupil == pytest.approx(
        float(np.mean([5 / d for d in pupils])), rel=1e-5
    )
    assert report.failure_rate_08 == pytest.approx(float((nmes > 0.08).mean()))
    assert report.auc_08 == pytest.approx(float(np.maximum(0, 1 - nmes / 0.08).mean()), abs=1e-6)


def test_a_missed_face_is_a_failure_but_no_error(samples: list[Sample]) -> None:
    landmarks = truth(samples)
    landmarks[2] = np.nan
    report = score(samples, predictions(samples, landmarks), "300w", "common")
    assert report.missed == 1
    assert report.nme_inter_ocular == 0
    assert report.failure_rate_08 == pytest.approx(1 / 8)
    assert report.auc_08 == pytest.approx(7 / 8)


def test_scores_do_not_depend_on_the_order(samples: list[Sample]) -> None:
    random = np.random.default_rng(0)
    landmarks = truth(samples) + random.normal(0, 2, (8, 68, 2))
    order = random.permutation(8)
    shuffled = [samples[i] for i in order]
    one = score(samples, predictions(samples, landmarks), "300w", "common")
    other = score(shuffled, predictions(shuffled, landmarks[order]), "300w", "common")
    assert one.nmes == pytest.approx(other.nmes)
    assert one.regions == pytest.approx(other.regions)
    for name, interval in one.intervals.items():
        assert interval == pytest.approx(other.intervals[name])
    assert (one.auc_08, one.failure_rate_08) == pytest.approx((other.auc_08, other.failure_rate_08))


def test_a_shift_of_one_region_shows_there_alone(samples: list[Sample]) -> None:
    landmarks = truth(samples)
    landmarks[:, 36:42] += [3.0, 4.0]
    found = predictions(samples, landmarks)
    report = score(samples, found, "300w", "common", "box_diagonal")
    sides = np.stack([s.box[2:] - s.box[:2] for s in samples])
    expected = float((5 / np.linalg.norm(sides, axis=1)).mean())
    assert report.regions["right_eye"] == pytest.approx(expected, rel=1e-5)
    assert report.nme == report.nme_box_diagonal == pytest.approx(expected * 6 / 68, rel=1e-5)
    assert {name for name, value in report.regions.items() if value} == {"right_eye"}


def test_every_interval_holds_its_mean(samples: list[Sample]) -> None:
    landmarks = truth(samples) + np.random.default_rng(1).normal(0, 3, (8, 68, 2))
    report = score(samples, predictions(samples, landmarks), "300w", "common")
    assert report.nmes.keys() == NORMALISERS.keys() - {"point_pair"}
    for name, (low, high) in report.intervals.items():
        assert low < report.nmes[name] < high


def test_what_a_point_scheme_does_not_define_is_none(
    samples: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    blind = copy.copy(MARKUPS["ibug68"])
    blind.eye_corners = None
    monkeypatch.setattr("facealign.evaluation.report.load_markup", lambda name: blind)
    report = score(samples, predictions(samples, truth(samples) + 1), "x", "test")
    assert report.normaliser == "inter_pupil"
    assert report.to_dict()["nme_inter_ocular"] is None
    assert "inter_ocular" not in report.intervals
    json.dumps(report.to_dict(), allow_nan=False)
    with pytest.raises(DataError, match="does not define inter_ocular: choose one of inter_pupil"):
        score(samples, predictions(samples, truth(samples)), "x", "test", "inter_ocular")


def test_a_face_with_a_hidden_eye_has_no_distance_between_its_eyes(samples: list[Sample]) -> None:
    landmarks = truth(samples) + [3.0, 4.0]
    faces = list(samples)
    hidden = faces[0].labelled.copy()
    hidden[36:42] = False
    nowhere = np.where(hidden[:, None], faces[0].landmarks, 0).astype(np.float32)
    faces[0] = replace(faces[0], labelled=hidden, landmarks=nowhere)
    report = score(faces, predictions(faces, landmarks), "300w", "common")
    others = score(faces[1:], predictions(faces[1:], landmarks[1:]), "300w", "common")
    assert report.defined == {
        "inter_ocular": 7, "inter_pupil": 7, "box_size": 8, "box_diagonal": 8,
    }  # fmt: skip
    assert report.nme_inter_ocular == pytest.approx(others.nme_inter_ocular)
    assert report.nme_box_size != pytest.approx(others.nme_box_size)
    assert report.auc_08 == pytest.approx(others.auc_08)


def test_the_usual_normaliser_is_one_that_some_face_shows(samples: list[Sample]) -> None:
    hidden = np.ones(68, dtype=bool)
    hidden[36:42] = False
    faces = [replace(face, labelled=hidden) for face in samples]
    found = predictions(faces, truth(faces))
    assert score(faces, found, "300w", "common").normaliser == "box_size"
    with pytest.raises(DataError, match="no face of 300w common has the points that inter_pupil"):
        score(faces, found, "300w", "common", "inter_pupil")


def test_nothing_found_at_all_is_no_number_but_a_whole_failure(samples: list[Sample]) -> None:
    none = np.full((8, 68, 2), np.nan)
    report = score(samples, predictions(samples, none), "300w", "common")
    assert (report.missed, report.failure_rate_08, report.auc_08) == (8, 1.0, 0.0)
    assert report.to_dict()["nme_inter_pupil"] is None


def test_predictions_of_other_faces_are_refused(samples: list[Sample]) -> None:
    found = Predictions(["nobody.jpg"], truth(samples)[:1], "official")
    with pytest.raises(DataError, match=r'"nobody\.jpg" is not a face of the data set'):
        score(samples, found, "300w", "common")
    with pytest.raises(DataError, match="there are none"):
        score(samples, Predictions([], truth(samples)[:0], "official"), "300w", "common")


def test_predictions_of_another_point_scheme_are_refused(samples: list[Sample]) -> None:
    few = predictions(samples, truth(samples)[:, :5])
    with pytest.raises(DataError, match="5 points, but the data set is ibug68"):
        score(samples, few, "300w", "common")
    named = replace(predictions(samples, truth(samples)), markup="other68")
    with pytest.raises(DataError, match="other68, but the data set is ibug68"):
        score(samples, named, "300w", "common")


@pytest.mark.parametrize("boxes", ["official", "detector"])
def test_predict_takes_the_points_as_they_come(samples: list[Sample], boxes: str) -> None:
    found = predict(samples, Oracle(samples, moved=1.0), boxes)  # type: ignore[arg-type]
    assert found.box_source == boxes
    assert np.allclose(found.landmarks, truth(samples) + 1)


def test_a_box_beside_the_face_counts_as_missed(samples: list[Sample]) -> None:
    aside = np.array([500, 500, 600, 600], np.float32)
    found = predict(samples, Oracle(samples, box=aside), "detector")  # type: ignore[arg-type]
    assert not found.found.any()


def test_an_unreadable_photo_is_a_problem_and_no_face(
    reported: list[str], samples: list[Sample], tmp_path: Path
) -> None:
    gone = Sample(**{**samples[0].__dict__, "image": tmp_path / "gone.jpg"})
    found = predict([gone, samples[1]], Oracle(samples))  # type: ignore[arg-type]
    assert found.ids == [samples[1].id]
    assert reported == [f"{tmp_path / 'gone.jpg'}: no such file"]


def test_the_report_holds_the_promised_numbers(samples: list[Sample]) -> None:
    report = score(samples, predictions(samples, truth(samples)), "300w", "common").to_dict()
    assert report["count"] == 8
    assert {"nme_inter_ocular", "nme_inter_pupil", "auc_08", "failure_rate_08"} <= report.keys()
    assert report["box_source"] == "official"


@pytest.mark.faces
@pytest.mark.parametrize("boxes", ["official", "detector"])
def test_the_bundled_model_on_300w_common(faces_root: Path, boxes: str) -> None:
    reading = read_dataset("300w", faces_root / "300w", "common")
    found = predict(reading.samples, FaceAligner(), boxes)
    report = score(reading.samples, found, "300w", "common")
    assert report.count == 554
    assert report.missed <= 2
    assert report.nme_inter_ocular <= 0.06
