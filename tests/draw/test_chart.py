from __future__ import annotations

import numpy as np
import pytest

from facealign import MARKUPS, load_markup
from facealign.draw.chart import HEIGHT, SCALE, WIDTH, draw_chart, layout, ranges


@pytest.mark.parametrize("name", MARKUPS)
def test_every_point_has_a_place_of_its_own_in_the_chart(name: str) -> None:
    markup = load_markup(name)
    points = layout(markup)
    apart = np.linalg.norm(points[:, None] - points[None], axis=2) + 99 * np.eye(markup.count)
    assert apart.min() * SCALE > 20
    assert np.allclose(points[markup.mirror], points * [-1, 1])
    chart = draw_chart(markup)
    assert chart.shape[0] == HEIGHT
    assert chart[:, WIDTH:].min() < 50  # the legend


def test_the_numbers_lie_inside_the_chart() -> None:
    for name in MARKUPS:
        chart = draw_chart(load_markup(name))
        edges = (chart[:8], chart[-8:], chart[:, :8], chart[:, -8:])
        assert all((edge == 255).all() for edge in edges), name


@pytest.mark.parametrize(
    ("indices", "text"),
    [((), ""), ((3,), "3"), ((0, 1, 2), "0-2"), ((8, 10, 12, 13), "8, 10, 12-13")],
)
def test_ranges(indices: tuple[int, ...], text: str) -> None:
    assert ranges(indices) == text
