"""Figures: the right marks in the right places, the same file each time, and a kind refusal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from facealign import OutputError
from facealign.draw import plots
from facealign.draw.plots import Curve, CurvePanel, FacePicture, FaceRow, draw_ced

PANEL = CurvePanel(
    "a",
    "NME (%)",
    0.1,
    [Curve("mine", np.array([0.02, 0.05, 0.3]), np.array([0.25, 0.5, 0.75]))],
    ("a mean", 0.04),
)


def picture(stages: int = 0) -> FacePicture:
    random = np.random.default_rng(0)
    points = random.uniform(10, 50, (68, 2)).astype(np.float32)
    maps = random.random((stages, 8, 8)).astype(np.float32) if stages else None
    return FacePicture(np.full((64, 64, 3), 128, np.uint8), points, "ibug68", maps)


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list:
    """The figures that were saved, to look into."""
    saved: list = []
    save = plots.save_figure
    monkeypatch.setattr(plots, "save_figure", lambda f, t: (saved.append(f), save(f, t)))
    return saved


def test_the_curve_steps_at_its_errors_and_ends_at_the_limit(tmp_path: Path, figures: list) -> None:
    draw_ced([PANEL], tmp_path / "f.png")
    (axes,) = figures[0].axes
    x, y = axes.lines[0].get_data()
    assert x == pytest.approx([0, 2, 5, 10])
    assert y == pytest.approx([0, 0.25, 0.5, 0.5])
    assert axes.lines[1].get_xdata() == pytest.approx([4, 4])
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["mine", "a mean"]
    assert axes.lines[0].get_drawstyle() == "steps-post"


def test_a_panel_without_data_says_why(tmp_path: Path, figures: list) -> None:
    draw_ced([PANEL, CurvePanel("b", "", 0.1, missing="no data here")], tmp_path / "f.svg")
    assert [t.get_text() for t in figures[0].axes[1].texts] == ["no data here"]
    assert not figures[0].axes[1].lines


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_the_same_figure_is_the_same_file(tmp_path: Path, suffix: str) -> None:
    for name in "ab":
        draw_ced([PANEL], tmp_path / f"{name}.{suffix}")
    one, other = ((tmp_path / f"{name}.{suffix}").read_bytes() for name in "ab")
    assert one == other
    assert (b"<svg" in one) == (suffix == "svg")


def test_points_lie_where_they_were_given(tmp_path: Path, figures: list) -> None:
    face = picture()
    rows = [FaceRow("here", [face, face]), FaceRow("gone", missing="no data")]
    plots.draw_predictions(rows, tmp_path / "f.png")
    axes = figures[0].axes
    assert len(axes) == 3
    assert np.allclose(axes[0].collections[0].get_offsets(), face.landmarks)
    assert axes[0].get_xlim() == (-0.5, 63.5)
    assert axes[0].get_ylim() == (63.5, -0.5)
    assert axes[2].texts[0].get_text() == "no data"


@pytest.mark.parametrize("count", [1, 2, 4])
def test_every_face_has_a_panel_for_itself_and_each_stage(
    tmp_path: Path, figures: list, count: int
) -> None:
    names = ["stage 1", "stage 4"]
    plots.draw_attention([picture(2)] * count, names, tmp_path / "f.png")
    axes = figures[0].axes
    assert len(axes) == 3 * count
    titles = [a.get_title() or a.get_ylabel() for a in axes[:3]]
    assert titles == ["", *names]
    maps = axes[1].images[1]
    assert np.array_equal(maps.get_array(), picture(2).attention[0])
    assert tuple(maps.get_extent()) == (-0.5, 63.5, 63.5, -0.5)  # over the whole crop
    places = [a.get_subplotspec() for a in axes[:3]]
    spans = [(place.rowspan.start, place.colspan.start) for place in places]
    assert spans == ([(0, 0), (0, 1), (0, 2)] if count < 3 else [(0, 0), (1, 0), (2, 0)])


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r'the suffix "\.gif" is unknown; use \.png or \.svg'):
        draw_ced([PANEL], tmp_path / "f.gif")


def test_without_matplotlib_the_install_line_is_the_answer(tmp_path: Path) -> None:
    code = (
        "import sys\nsys.modules['matplotlib'] = sys.modules['matplotlib.figure'] = None\n"
        "from facealign.cli import main\n"
        f"main(['reproduce', 'figure2', '-o', {str(tmp_path / 'f.png')!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert 'pip install "facealign[plot]"' in done.stderr
