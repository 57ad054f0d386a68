"""Where and how closely YuNet looks, in detector runs and pixels counted, never timed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PIL import Image

from facealign.types import Pixels
from facealign.yunet import YuNet
from facealign.yunet.network import Network

DETECTOR = YuNet(threads=1)
PLAIN = 640 * 480
"""Pixels of one search of a whole photo of 640 × 480."""


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The pixels of each run of the network."""
    pixels: list[int] = []
    run = Network.run

    def counted(network: Network, pictures: Sequence[Pixels]) -> object:
        pixels.append(sum(picture.shape[0] * picture.shape[1] for picture in pictures))
        return run(network, pictures)

    monkeypatch.setattr(Network, "run", counted)
    return pixels


def without_face(kind: str) -> Pixels:
    rng = np.random.default_rng(0)
    if kind == "gray":
        return np.full((480, 640, 3), 120, np.uint8)
    if kind == "noise":
        return rng.integers(0, 256, (480, 640, 3), dtype=np.uint8)
    blobs = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(blobs).resize((640, 480), Image.Resampling.BICUBIC))


@given(st.integers(1, 12_000), st.integers(1, 12_000), st.integers(1, 400))
def test_no_scale_is_redundant_for_any_size(height: int, width: int, min_face: int) -> None:
    detector = YuNet(min_face=min_face, threads=1) if min_face != 20 else DETECTOR
    factors = detector._factors(height, width)
    assert factors[0] == max(1, min(min_face // 10, max(height, width) // YuNet.LEAST))
    assert all(2 * fine <= coarse for fine, coarse in pairwise(factors))
    assert all(factor % factors[0] == 0 for factor in factors)
    assert max(height, width) / factors[-1] <= YuNet.COARSE
    for fine, coarse in pairwise(factors):  # what one scale leaves to the next is not too large
        assert coarse / fine * YuNet.ROOMY < 300


def test_usual_sizes_are_searched_at_these_scales() -> None:
    sizes = {(300, 400): [1], (480, 640): [2], (1000, 1280): [2], (3000, 4000): [2, 8]}
    sizes |= {(6000, 8000): [2, 14]}
    assert {size: DETECTOR._factors(*size) for size in sizes} == sizes
    assert YuNet(min_face=200, threads=1)._factors(2000, 3000) == [9]


@pytest.mark.parametrize(("width", "height"), [(640, 480), (400, 300)])
def test_a_photo_with_a_large_face_takes_a_quarter_and_a_glance(
    searched: list[int], astronaut: Pixels, width: int, height: int
) -> None:
    photo = np.asarray(Image.fromarray(astronaut).resize((width, height)))
    found = DETECTOR.find(photo)[0]
    assert found.scores[0] > 0.9
    assert len(found) == 1  # so the landmarks need not throw anything out
    assert sum(searched) < width * height / 4 + (YuNet.FEW + 2) * YuNet.PATCH**2
    assert len(searched) <= 2


def test_a_small_face_beside_a_large_one_is_found(astronaut: Pixels) -> None:
    part = astronaut[6:266, 96:356]
    scene = Image.new("RGB", (640, 480), (120, 130, 140))
    scene.paste(Image.fromarray(part).resize((400, 400)), (20, 40))
    scene.paste(Image.fromarray(part).resize((65, 65)), (500, 300))
    found = DETECTOR.detect(np.asarray(scene))
    assert (found.scores > 0.8).tolist() == [True, True]


@pytest.mark.parametrize("kind", ["gray", "noise", "blobs"])
def test_a_photo_without_a_face_stays_within_its_budget(searched: list[int], kind: str) -> None:
    assert len(DETECTOR.find(without_face(kind))[0]) == 0
    plain = sum(searched[:1])
    assert plain <= PLAIN / 4
    assert sum(searched) <= 1.5 * PLAIN  # the plain search of before, four times until then
    assert len(searched) <= 7  # one plain, three turned, up to three rounds of closer looks


def test_twelve_megapixels_are_a_quarter_and_a_glance(searched: list[int]) -> None:
    DETECTOR.detect(np.full((3000, 4000, 3), 90, np.uint8))
    assert sum(searched) < 0.35 * 3000 * 4000  # before: 1.07 times its pixels


def test_closer_looks_are_few_however_many_things_look_like_a_face(searched: list[int]) -> None:
    class Eager(YuNet):
        FAINT = 0.0

    Eager(threads=1).detect(without_face("noise"))
    assert sum(searched) <= PLAIN / 4 + (YuNet.FEW + PLAIN // YuNet.PER) * YuNet.PATCH**2


@pytest.mark.parametrize("side", [20, 24, 30])
def test_a_small_face_is_found_by_a_closer_look(astronaut: Pixels, side: int) -> None:
    part = Image.fromarray(astronaut[6:266, 96:356]).resize((round(2.7 * side),) * 2)
    canvas = Image.new("RGB", (640, 480), (120, 130, 140))
    canvas.paste(part, (300, 200))
    photo = np.asarray(canvas)
    found = DETECTOR.detect(photo)
    assert len(found) == 1
    assert found.boxes[0, 2] - found.boxes[0, 0] == pytest.approx(side, rel=0.25)


@pytest.mark.parametrize("degrees", range(0, 360, 45))
def test_a_turned_face_is_found_at_its_angle(astronaut: Pixels, degrees: int) -> None:
    turned = Image.fromarray(astronaut).rotate(-degrees, Image.Resampling.BICUBIC, expand=True)
    found, angles = DETECTOR.find(np.asarray(turned))
    assert len(found) >= 1
    away = (angles[0] - degrees + 180) % 360 - 180
    assert abs(away) <= 45
    upright = DETECTOR.detect(np.asarray(turned))
    assert len(found) >= len(upright)


def test_no_closer_look_at_nothing() -> None:
    detector: Callable[[Pixels], object] = DETECTOR.detect
    for shape in ((1, 1, 3), (2, 700, 3), (33, 1, 3)):
        detector(np.zeros(shape, np.uint8))
