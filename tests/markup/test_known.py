"""The point schemes of the data sets, and conversions between them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from facealign.errors import DataError
from facealign.markup import MARKUPS, load_conversion, load_markup
from facealign.metrics import inter_ocular, inter_pupil

COUNTS = {"ibug68": 68, "ibug51": 51, "wflw98": 98, "cofw29": 29, "aflw19": 19, "celeba5": 5}
# Pairs read off each data set's published figure, 1-based as there.
PAIRS = {
    "aflw19": "1-6 2-5 3-4 7-12 8-11 9-10 13-15 16-18",
    "celeba5": "1-2 4-5",
    "cofw29": "1-2 3-4 5-7 6-8 9-10 11-12 13-15 14-16 17-18 19-20 23-24",
    "ibug51": "1-10 5-6 15-19 20-29 21-28 24-31 32-38 44-48",
    "wflw98": "1-33 16-18 34-47 38-43 39-51 42-48 61-73 66-76 68-74 77-83 88-84 89-93 96-94 97-98",
}


def test_the_counts() -> None:
    assert {name: markup.count for name, markup in MARKUPS.items()} == COUNTS
    assert all(len(set(m.names)) == m.count for m in MARKUPS.values())


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_read_off_the_figures(name: Any) -> None:
    mirror = load_markup(name).mirror
    for pair in PAIRS[name].split():
        one, other = (int(number) - 1 for number in pair.split("-"))
        assert mirror[one] == other


@pytest.mark.parametrize(
    ("name", "middle"),
    [
        ("aflw19", {13, 16, 18}),
        ("celeba5", {2}),
        ("cofw29", {20, 21, 24, 25, 26, 27, 28}),
        ("wflw98", {16, 51, 52, 53, 54, 57, 79, 85, 90, 94}),
    ],
)
def test_points_on_the_midline_stay(name: Any, middle: Any) -> None:
    markup = load_markup(name)
    assert set(np.flatnonzero(markup.mirror == np.arange(markup.count)).tolist()) == middle


def test_eye_centres_are_points_where_the_scheme_has_them() -> None:
    assert load_markup("aflw19").eye_points == ((7,), (10,))
    assert load_markup("celeba5").eye_points == ((0,), (1,))
    assert load_markup("wflw98").eye_points == ((96,), (97,))
    assert load_markup("cofw29").eye_points == ((16,), (17,))


def test_a_normaliser_without_its_points_is_an_error_naming_both() -> None:
    truth, boxes = np.ones((1, 5, 2)), np.ones((1, 4))
    with pytest.raises(DataError, match="inter_ocular is not defined for celeba5"):
        inter_ocular(truth, boxes, load_markup("celeba5"))
    assert inter_pupil(truth, boxes, load_markup("celeba5")).tolist() == [0]


def test_ibug51_is_ibug68_without_the_jaw() -> None:
    points = np.arange(136, dtype=np.float32).reshape(68, 2)
    conversion = load_conversion("ibug68", "ibug51")
    assert np.array_equal(conversion.points(points), points[17:])
    assert load_markup("ibug51").names == load_markup("ibug68").names[17:]


@pytest.mark.parametrize("target", ["ibug68", "ibug51"])
def test_wflw_points_mean_what_the_ibug_points_mean(target: Any) -> None:
    """Left and right, the eyes' corners and the lips keep their names on the way."""
    source, scheme = load_markup("wflw98"), load_markup(target)
    weights = load_conversion("wflw98", target).weights
    for i, name in enumerate(scheme.names):
        origin = source.names[int(weights[i].argmax())]
        assert origin.split("_")[0] == name.split("_")[0]
        assert name == origin or any(part in name for part in ("jaw", "brow", "eye"))


def test_a_conversion_and_the_mirror_may_change_places() -> None:
    random = np.random.default_rng(0)
    for source, target in [("wflw98", "ibug68"), ("ibug68", "celeba5"), ("cofw29", "celeba5")]:
        one, other = load_markup(source), load_markup(target)
        points = random.normal(size=(one.count, 2)).astype(np.float32)
        conversion = load_conversion(source, target)
        assert np.allclose(
            conversion.points(one.mirrored(points, 9)),
            other.mirrored(conversion.points(points), 9),
            atol=1e-5,
        )


@pytest.mark.parametrize(
    ("source", "five"),
    [
        ("aflw19", [7, 10, 13, 15, 17]),
        ("cofw29", [16, 17, 20, 22, 23]),
        ("wflw98", [96, 97, 54, 76, 82]),
    ],
)
def test_five_points_of_schemes_with_eye_centres(source: Any, five: Any) -> None:
    points = np.arange(2 * COUNTS[source], dtype=np.float32).reshape(-1, 2)
    assert np.array_equal(load_conversion(source, "celeba5").points(points), points[five])


def test_five_points_of_ibug_are_means_of_the_eyes_and_hidden_where_one_is_hidden() -> None:
    conversion = load_conversion("ibug68", "celeba5")
    points = np.arange(136, dtype=np.float32).reshape(1, 68, 2)
    assert np.allclose(conversion.points(points)[0, 0], points[0, 36:42].mean(axis=0))
    assert np.array_equal(conversion.points(points)[0, 2:], points[0, [30, 48, 54]])
    visible = np.ones((1, 68), np.bool_)
    visible[0, 37] = False
    assert conversion.visible(visible).tolist() == [[False, True, True, True, True]]


@pytest.mark.parametrize("name", COUNTS)
def test_into_itself_nothing_changes(name: Any) -> None:
    points = np.random.default_rng(1).normal(size=(COUNTS[name], 2)).astype(np.float32)
    assert np.array_equal(load_conversion(name, name).points(points), points)


@pytest.mark.parametrize(
    ("source", "target"), [("celeba5", "ibug68"), ("ibug68", "wflw98"), ("ibug68", "aflw19")]
)
def test_what_the_source_does_not_mark_is_refused(source: Any, target: Any) -> None:
    with pytest.raises(DataError, match=f"{source} points cannot be converted to {target}"):
        load_conversion(source, target)
