"""Models of one's own: what they may give beside landmarks, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from facealign import FaceAligner, ModelError, SettingsError

BOX = [[4, 4, 20, 20]]
IMAGE = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def test_scores_and_visible_come_with_the_face(make_model: Callable[..., Path]) -> None:
    scores = np.array([0.1, 0.2, 0.3, 0.4, 1.0])
    visible = np.array([0.0, 0.5, 0.51, 0.9, 1.0])
    aligner = FaceAligner(make_model({"scores": scores, "visible": visible}), threads=1)
    one, two = aligner.align(IMAGE, BOX * 2)
    for face in (one, two):
        assert face.scores is not None
        assert face.visible is not None
        assert face.scores.dtype == np.float32
        assert np.allclose(face.scores, scores)
        assert face.visible.tolist() == [False, False, True, True, True]
    content = one.to_dict()
    assert content["scores"] == [0.1, 0.2, 0.3, 0.4, 1.0]
    assert content["visible"] == [False, False, True, True, True]


def test_a_model_may_give_only_one_of_them_or_none(make_model: Callable[..., Path]) -> None:
    (face,) = FaceAligner(make_model({"visible": np.ones(5)}), threads=1).align(IMAGE, BOX)
    assert (face.scores, face.visible is None) == (None, False)
    (face,) = FaceAligner(make_model(), threads=1).align(IMAGE, BOX)
    assert (face.scores, face.visible) == (None, None)
    assert not {"scores", "visible"} & face.to_dict().keys()


@pytest.mark.parametrize(
    ("outputs", "why"),
    [
        ({"landmarks": np.zeros((6, 2))}, r"gives landmarks of shape \(1, 6, 2\), not \(1, 5, 2\)"),
        ({"scores": np.zeros(4)}, r"gives scores of shape \(1, 4\), not \(1, 5\)"),
        ({"landmarks": np.full((5, 2), np.nan)}, "gives landmarks that are not finite"),
        ({"visible": np.full(5, np.inf)}, "gives visible that are not finite"),
    ],
)
def test_outputs_that_are_none_are_refused(
    make_model: Callable[..., Path], outputs: dict[str, np.ndarray], why: str
) -> None:
    with pytest.raises(ModelError, match=f"the model made {why}"):
        FaceAligner(make_model(outputs), threads=1).align(IMAGE, BOX)


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"markup": "ibug99"}, 'point scheme "ibug99"'),
        ({"input_size": 0}, "input_size"),
        ({"input_size": 100_000}, "input_size"),
        ({"std": 0.0}, "std"),
        ({"mean": float("nan")}, "mean"),
        ({"margin": -0.5}, "margin"),
    ],
)
def test_metadata_that_is_wrong_is_refused_by_the_files_name(
    make_model: Callable[..., Path], facts: dict[str, object], why: str
) -> None:
    with pytest.raises(ModelError, match=rf"made\.onnx: .*{why}"):
        FaceAligner(make_model(**facts))


def test_an_input_size_that_is_not_the_networks_is_a_model_error(
    make_model: Callable[..., Path],
) -> None:
    with pytest.raises(ModelError, match="the model failed"):
        FaceAligner(make_model(input_size=24), threads=1).align(IMAGE, BOX)


def test_no_attention_maps_where_the_model_has_none(make_model: Callable[..., Path]) -> None:
    with pytest.raises(ModelError, match="made has no attention maps"):
        FaceAligner(make_model(), threads=1).align(IMAGE, BOX, attention=True)


def test_a_further_head_has_its_own_outputs(make_model: Callable[..., Path]) -> None:
    five, nineteen = np.linspace(0.1, 0.5, 5), np.linspace(0.1, 0.9, 19)
    path = make_model(
        {
            "scores": five,
            "landmarks.aflw19": np.stack([nineteen, nineteen], axis=1),
            "visible.aflw19": nineteen,
        },
        further_markups=("aflw19",),
    )
    aligner = FaceAligner(path, threads=1, leaning_faces=False, markup="aflw19")
    (face,) = aligner.align(IMAGE, BOX)
    assert (aligner.markup, face.markup, face.scores) == ("aflw19", "aflw19", None)
    assert face.landmarks.shape == (19, 2)
    assert face.visible is not None
    assert face.visible.tolist() == (nineteen > 0.5).tolist()
    (first,) = FaceAligner(path, threads=1, leaning_faces=False).align(IMAGE, BOX)
    assert (first.markup, first.visible, len(first.landmarks)) == ("celeba5", None, 5)


def test_a_scheme_that_the_model_does_not_know_is_refused(make_model: Callable[..., Path]) -> None:
    for markup in ("wflw98", "nonsense"):
        with pytest.raises(
            SettingsError, match=f'cannot give "{markup}" points: .* one of celeba5$'
        ):
            FaceAligner(make_model(), markup=markup)


def test_a_head_that_the_file_does_not_have_is_refused(make_model: Callable[..., Path]) -> None:
    path = make_model(further_markups=("aflw19", "ibug99"))
    for markup in ("aflw19", "ibug99"):
        with pytest.raises(ModelError, match=rf'made\.onnx: its point scheme "{markup}"'):
            FaceAligner(path, markup=markup)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_model_is_refused_by_name(
    make_model: Callable[..., Path], share: float
) -> None:
    path = make_model()
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelError, match=r"made\.onnx: (not a usable ONNX|no facealign) model"):
        FaceAligner(path)


def test_a_model_without_landmarks_is_refused(make_model: Callable[..., Path]) -> None:
    path = make_model({"scores": np.zeros(5)})
    model = onnx.load(path)
    del model.graph.output[0]
    onnx.save(model, path)
    with pytest.raises(ModelError, match=r"made\.onnx: .*its outputs"):
        FaceAligner(path)
