"""Point schemes that are not built in: what a file may say, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import facealign
from facealign import DataError, Face, Markup, ModelError, load_markup
from facealign.draw.chart import draw_chart
from facealign.face.measures import measure
from facealign.markup import load_conversion
from facealign.metrics import distances, normalisers_of
from facealign.models import ModelFacts

EARS = """
name = "ears5"
points = ["left_ear", "right_ear", "muzzle", "left_cheek", "right_cheek"]
normaliser = ["left_ear", "right_ear"]
outline = ["head"]
[groups]
head = ["right_ear", "left_ear", "left_cheek", "right_cheek"]
"""


@pytest.fixture
def ears(tmp_path: Path) -> Markup:
    path = tmp_path / "ears5.toml"
    path.write_text(EARS)
    return load_markup(path)


def test_a_file_gives_names_mirror_groups_and_lines(ears: Markup) -> None:
    assert (ears.name, ears.count) == ("ears5", 5)
    assert ears.mirror.tolist() == [1, 0, 2, 4, 3]
    assert dict(ears.groups) == {"head": (1, 0, 3, 4), "muzzle": (2,)}
    assert ears.polylines() == [[1, 0, 3, 4, 1]]
    assert load_markup("ears5") is ears


def test_the_same_scheme_made_in_python_is_the_same(ears: Markup) -> None:
    made = facealign.Markup(
        "ears5",
        ["left_ear", "right_ear", "muzzle", "left_cheek", "right_cheek"],
        [("right_ear", "left_ear"), ("left_cheek", "right_cheek")],
        groups={"head": ["right_ear", "left_ear", "left_cheek", "right_cheek"]},
        outline=["head"],
        normaliser=("left_ear", "right_ear"),
    )
    assert made == ears
    assert load_markup(made) is ears
    assert Markup.from_dict(made.to_dict(), "here") == made


def test_another_scheme_of_the_same_name_is_refused(ears: Markup) -> None:
    with pytest.raises(DataError, match='two different point schemes are called "ears5"'):
        load_markup(Markup("ears5", ["left", "right"]))
    with pytest.raises(DataError, match='called "ibug68"'):
        load_markup(Markup("ibug68", ["left", "right"]))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"points": ["a", "a"]}, 'two points called "a"'),
        ({"points": ["a", "b"]}, "no name of a point says left or right"),
        ({"points": ["left_ear", "nose"]}, 'has "left_ear" and no "right_ear"'),
        ({"points": ["a", "b"], "mirror": [["a", "c"]]}, '"c", which is not a point'),
        ({"points": ["a", "b", "c"], "mirror": [["a", "b"], ["b", "c"]]}, "two pairs"),
        ({"points": ["a", "b"], "mirror": [["a"]]}, "mirror needs 2 points"),
        ({"points": ["a"], "normalizer": ["a", "a"]}, 'unknown key "normalizer"'),
        ({"points": ["a"], "outline": ["x"]}, '"x" is not a group'),
        ({"points": ["a"], "groups": {"g": ["a", "a"]}}, '"a" is in the groups twice'),
        ({"points": ["a"], "chart": {}}, "chart must place every point"),
        ({"points": ["a"], "name": "two words"}, "cannot be the name of a markup"),
        ({"points": "a"}, '"points" must be a list of names'),
        ({"points": ["a"], "mirror": 3}, "a value is of the wrong kind"),
    ],
)
def test_what_a_file_must_not_say(given: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        Markup.from_dict({"name": "bad"} | given, "bad.toml")
    assert str(raised.value).startswith("bad.toml: ")


def test_points_of_the_midline_alone_are_said_to_be(tmp_path: Path) -> None:
    assert Markup("line2", ["a", "b"], []).mirror.tolist() == [0, 1]


def test_its_own_normaliser_comes_first(ears: Markup) -> None:
    assert normalisers_of(ears) == ("point_pair", "box_size", "box_diagonal")
    truth = np.zeros((1, 5, 2))
    truth[0, 1] = [3, 4]
    found = distances("point_pair", truth, np.ones((1, 5), np.bool_), np.ones((1, 4)), ears)
    assert found.tolist() == [5]
    hidden = np.array([[False, True, True, True, True]])
    assert np.isnan(distances("point_pair", truth, hidden, np.ones((1, 4)), ears)).all()


def test_a_face_without_known_points_has_no_pose_and_stays_json(ears: Markup) -> None:
    points = np.arange(10, dtype=np.float32).reshape(5, 2)
    face = Face(np.array([0, 0, 9, 9], np.float32), 1.0, points, "ears5")
    assert np.isnan(face.pose.yaw)
    assert "pose" not in face.to_dict()
    assert set(measure(face).values()) == {None}
    assert face["muzzle"].tolist() == [4, 5]
    with pytest.raises(DataError, match="ears5 points cannot be converted to celeba5"):
        face.to("celeba5")


def test_points_with_known_names_turn_into_the_five(tmp_path: Path) -> None:
    five = facealign.MARKUPS["celeba5"].names
    load_markup(Markup("shuffled5", five[::-1]))
    points = np.arange(10, dtype=np.float32).reshape(5, 2)
    assert np.array_equal(load_conversion("shuffled5", "celeba5").points(points), points[::-1])


def test_a_chart_is_drawn_with_places_and_without(ears: Markup) -> None:
    places = {name: (i, i * i) for i, name in enumerate(ears.names)}
    drawn = Markup("ears5drawn", ears.names, chart=places)
    assert draw_chart(ears).shape == draw_chart(drawn).shape
    assert not np.array_equal(draw_chart(ears)[:, :1000], draw_chart(drawn)[:, :1000])


def test_a_model_with_another_scheme_of_the_name_is_named(ears: Markup) -> None:
    facts = ModelFacts(
        name="m",
        markup="ears5",
        input_size=32,
        mean=0,
        std=1,
        margin=0,
        trained_on="x",
        licence="x",
        version="x",
        schemes='[{"name": "ears5", "points": ["left", "right"]}]',
    )
    with pytest.raises(ModelError, match=r'mine\.onnx.*different point schemes are called "ears5"'):
        ModelFacts.from_metadata(facts.to_metadata(), "mine.onnx")
