from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import facealign
from facealign import (
    Detections,
    FaceAligner,
    ImageError,
    ModelError,
    SettingsError,
)
from facealign.geometry import box_of_points
from facealign.types import Pixels


def test_one_line_finds_the_face_of_the_example(astronaut_path: Path) -> None:
    (found,) = facealign.align(astronaut_path)
    assert found.landmarks.shape == (68, 2)
    assert found.landmarks.dtype == np.float32
    assert found.markup == "ibug68"
    assert 0.8 < found.score <= 1


def test_the_points_lie_on_the_face(face: facealign.Face) -> None:
    # By hand, in the photo: the eyes' centres, the nose's tip, the mouth's corners, the chin.
    by_hand = {
        "right eye": (face.landmarks[36:42].mean(axis=0), (203, 101)),
        "left eye": (face.landmarks[42:48].mean(axis=0), (246, 103)),
        "nose tip": (face.landmarks[30], (223, 125)),
        "right corner of the mouth": (face.landmarks[48], (203, 139)),
        "left corner of the mouth": (face.landmarks[54], (246, 139)),
        "chin": (face.landmarks[8], (224, 179)),
    }
    for name, (found, expected) in by_hand.items():
        assert np.linalg.norm(found - expected) < 5, name


def test_every_kind_of_source_gives_the_same_points(
    aligner: FaceAligner, astronaut: Pixels, face: facealign.Face
) -> None:
    buffer = io.BytesIO()
    Image.fromarray(astronaut).save(buffer, "PNG")
    for source in (buffer.getvalue(), Image.fromarray(astronaut), astronaut / 255.0):
        (found,) = aligner.align(source)
        assert np.allclose(found.landmarks, face.landmarks, atol=1e-4)


def test_an_image_without_a_face_gives_an_empty_list(aligner: FaceAligner) -> None:
    assert aligner.align(np.full((240, 320, 3), 128, np.uint8)) == []
    assert aligner.align(np.zeros((1, 1), np.uint8)) == []


def test_a_given_box_gives_the_detectors_points(
    aligner: FaceAligner, astronaut: Pixels, face: facealign.Face
) -> None:
    (given,) = aligner.align(astronaut, boxes=[face.box.tolist()])
    assert given.score == 1.0
    assert np.allclose(given.landmarks, face.landmarks, atol=1e-4)


def test_many_boxes_equal_each_alone_in_their_order(
    aligner: FaceAligner, astronaut: Pixels, face: facealign.Face
) -> None:
    shifts = np.linspace(-12, 12, 70)
    boxes = face.box + shifts[:, None]
    faces = aligner.align(astronaut, boxes=boxes)
    assert len(faces) == 70
    for index in (0, 31, 32, 69):
        (alone,) = aligner.align(astronaut, boxes=boxes[index : index + 1])
        assert np.allclose(faces[index].landmarks, alone.landmarks, atol=1e-3)
        assert np.allclose(faces[index].box, boxes[index])


def test_points_move_with_the_photo(
    aligner: FaceAligner, astronaut: Pixels, face: facealign.Face
) -> None:
    moved = np.pad(astronaut, ((40, 0), (24, 0), (0, 0)))
    (found,) = aligner.align(moved, boxes=[face.box + [24, 40, 24, 40]])
    # not to the bit: in 8 bits a value at the edge of a step may fall to the other side
    assert np.allclose(found.landmarks, face.landmarks + [24, 40], atol=0.2)


def test_points_grow_with_the_photo(
    aligner: FaceAligner, astronaut: Pixels, face: facealign.Face
) -> None:
    large = Image.fromarray(astronaut).resize((1024, 1024), Image.Resampling.BICUBIC)
    (found,) = aligner.align(large, boxes=[(face.box + 0.5) * 2 - 0.5])
    assert np.abs((found.landmarks + 0.5) / 2 - 0.5 - face.landmarks).max() < 1.0


def test_no_boxes_no_faces(aligner: FaceAligner, astronaut: Pixels) -> None:
    assert aligner.align(astronaut, boxes=[]) == []
    assert aligner.align(astronaut, boxes=np.zeros((0, 4))) == []


@pytest.mark.parametrize(
    ("boxes", "why"),
    [
        ([1, 2, 3, 4], r"must be \(N, 4\)"),
        ([[1, 2, 3]], "four numbers"),
        ([[0, 0, float("nan"), 9]], "not finite"),
        ([[5, 5, 5, 9]], "empty"),
        ([[0, 0, 1e12, 1e12]], "not finite"),
        ([[0, 0, 1e40, 1e40]], "not finite"),
    ],
)
def test_boxes_that_are_none(
    aligner: FaceAligner, astronaut: Pixels, boxes: list, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        aligner.align(astronaut, boxes=boxes)


def test_a_box_outside_the_image_still_gives_finite_points(
    aligner: FaceAligner, astronaut: Pixels
) -> None:
    for box in ([-900, -900, -800, -800], [500, 500, 700, 700], [0, 0, 1e6, 1e6], [0, 0, 9e8, 9e8]):
        (found,) = aligner.align(astronaut, boxes=[box])
        assert np.isfinite(found.landmarks).all()


def test_attention_maps_only_when_asked_for(
    aligner: FaceAligner, astronaut: Pixels, face: facealign.Face
) -> None:
    assert face.attention is None
    with pytest.raises(facealign.ModelError, match="no attention maps: take aan-m, which has"):
        aligner.align(astronaut, attention=True)
    (found,) = FaceAligner("aan-m").align(astronaut, attention=True)
    assert found.attention is not None
    assert found.attention.shape == (4, 128, 128)
    assert 0 <= found.attention.min() <= found.attention.max() <= 1


def test_the_whole_image_as_a_face(astronaut: Pixels, face: facealign.Face) -> None:
    x0, y0, x1, y1 = face.box.round().astype(int)
    crop = astronaut[y0:y1, x0:x1]
    (found,) = FaceAligner(detector="whole-image", threads=1).align(crop)
    assert found.box.tolist() == [-0.5, -0.5, x1 - x0 - 0.5, y1 - y0 - 0.5]
    assert np.linalg.norm(found.landmarks + [x0, y0] - face.landmarks, axis=1).mean() < 4


def test_a_detector_of_ones_own(astronaut: Pixels, face: facealign.Face) -> None:
    class Fixed:
        def detect(self, image: Pixels) -> Detections:
            return Detections(face.box[None], np.array([0.25], np.float32))

    (found,) = FaceAligner(detector=Fixed(), threads=1).align(astronaut)
    assert found.score == 0.25
    assert np.allclose(found.landmarks, face.landmarks, atol=1e-4)


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"detector": "dlib"}, 'unknown detector "dlib"'),
        ({"detector": object()}, "give an object with detect"),
        ({"threads": 0}, "threads must be 1 to 1024, or None to let ONNX Runtime choose, not 0"),
        ({"threads": "2"}, "threads must be 1 to 1024"),
    ],
)
def test_settings_that_are_none(wanted: dict[str, Any], why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        FaceAligner(**wanted)


def test_models_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="neither a bundled model"):
        FaceAligner("aan-xxl")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    with pytest.raises(ModelError, match=r"broken\.onnx: not a usable ONNX model"):
        FaceAligner(broken)
    with pytest.raises(ModelError, match=r'metadata lack "facealign\.name"'):
        FaceAligner(Path(facealign.__file__).parent / "weights" / "yunet.onnx")


def test_a_source_that_is_no_image(aligner: FaceAligner) -> None:
    with pytest.raises(ImageError, match="no such file"):
        aligner.align("missing.jpg")
    with pytest.raises(ImageError, match=r"a list .*FaceAligner\.stream"):
        aligner.align(["a.jpg"])  # type: ignore[arg-type]
    for source in (None, 5):  # None is OpenCV's word for "unreadable"
        with pytest.raises(
            ImageError, match=f"{type(source).__name__} is not an image: give a path"
        ):
            aligner.align(source)  # type: ignore[arg-type]


def test_bytes_of_every_kind(
    aligner: FaceAligner, astronaut_path: Path, face: facealign.Face
) -> None:
    data = astronaut_path.read_bytes()
    for source in (bytearray(data), memoryview(data)):
        assert np.array_equal(aligner.align(source)[0].landmarks, face.landmarks)


def test_the_box_holds_the_face(face: facealign.Face) -> None:
    tight = box_of_points(face.landmarks)
    size = face.box[2] - face.box[0]
    assert np.abs(tight - face.box).max() < 0.25 * size


def test_a_detectors_box_that_is_none_is_refused(astronaut: Pixels) -> None:
    class Careless:
        def detect(self, image: Pixels) -> Detections:
            return Detections(np.full((1, 4), 9, np.float32), np.ones(1, np.float32))

    with pytest.raises(ValueError, match="empty"):
        FaceAligner(detector=Careless(), threads=1).align(astronaut)


def test_bgr_arrays(aligner: FaceAligner, astronaut: Pixels, face: facealign.Face) -> None:
    (found,) = aligner.align(astronaut[..., ::-1], color="bgr")
    assert np.array_equal(found.landmarks, face.landmarks)
    with pytest.raises(ValueError, match='"rgb" or "bgr", not "brg"'):
        aligner.align(astronaut, color="brg")  # type: ignore[arg-type]


def test_at_most_so_many_faces_the_most_certain(astronaut: Pixels) -> None:
    small = np.asarray(Image.fromarray(astronaut).resize((256, 256)))
    both = np.zeros((512, 800, 3), np.uint8)
    both[:, :512], both[:256, 512:768] = astronaut, small
    every = FaceAligner(threads=1).align(both)
    assert len(every) == 2
    (kept,) = FaceAligner(threads=1, max_faces=1).align(both)
    assert kept.score == max(found.score for found in every)
    given = np.stack([found.box for found in every])
    assert len(FaceAligner(threads=1, max_faces=1).align(both, boxes=given)) == 2
    with pytest.raises(SettingsError, match="max_faces must be 1 or more"):
        FaceAligner(max_faces=0)


def test_a_hundred_faces(aligner: FaceAligner, astronaut: Pixels) -> None:
    one = np.asarray(Image.fromarray(astronaut[40:240, 120:320]).resize((128, 128)))
    faces = aligner.align(np.tile(one, (10, 10, 1)))
    assert len(faces) == 100
    cells = {tuple((found.landmarks.mean(axis=0) // 128).astype(int)) for found in faces}
    assert len(cells) == 100


def test_a_face_cut_by_the_border(aligner: FaceAligner, astronaut: Pixels) -> None:
    (found,) = aligner.align(astronaut[:, 215:], boxes=[[-35, 88, 54, 177]])
    assert found.landmarks[:, 0].min() < 0
    assert np.isfinite(found.landmarks).all()


def test_a_network_crop_is_where_the_network_looked(face: facealign.Face) -> None:
    assert face.network_crop is not None
    inside = face.network_crop.to_crop(face.landmarks)
    assert 0 < inside.min() < inside.max() < face.network_crop.size


@pytest.mark.parametrize("lean", [0, 40])
def test_a_boxs_last_bits_do_not_move_the_points(
    aligner: FaceAligner, astronaut: Pixels, lean: int
) -> None:
    image = np.asarray(Image.fromarray(astronaut).rotate(lean, Image.Resampling.BICUBIC))
    box = np.array([178.9, 88.8, 268.2, 178.2]) if lean == 0 else aligner.align(image)[0].box
    moved = [box + shift for shift in (0, 1e-4, -1e-4, [1e-4, 0, -1e-4, 0])]
    first, *others = aligner.align(image, boxes=moved)
    for other in others:
        np.testing.assert_array_equal(first.landmarks, other.landmarks)
