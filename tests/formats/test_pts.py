"""`.pts` files: 1-based in the file, 0-based everywhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from facealign.errors import DataError
from facealign.formats.pts import read_pts, to_pts

HEAD = "version: 1\nn_points: 2\n"


@pytest.fixture
def pts(tmp_path: Path) -> Any:
    """Text → the path of a file that holds it."""

    def write(text: str | bytes) -> Any:
        path = tmp_path / "face.pts"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_the_first_pixel_s_centre_is_one_one_in_the_file(pts: Any) -> None:
    points = read_pts(pts(HEAD + "{\n1 1\n10.5 20.25\n}\n"), 2)
    assert points.tolist() == [[0, 0], [9.5, 19.25]]
    assert points.dtype == np.float32


def test_the_text_written_by_hand() -> None:
    text = to_pts(np.array([[0, 0], [9.5, 19.25]], np.float32))
    assert text == HEAD + "{\n1.0000 1.0000\n10.5000 20.2500\n}\n"


@given(arrays(np.float32, (68, 2), elements=st.floats(-5000, 5000, width=32)))
def test_writing_and_reading_back_is_the_identity(tmp_path_factory: Any, points: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "back.pts"
    path.write_text(to_pts(points))
    assert np.allclose(read_pts(path, 68), points, rtol=1e-6, atol=6e-5)


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\r\nn_points: 2\r\n{\r\n3 4\r\n5 6\r\n}\r\n",
        "\ufeffversion: 1\nn_points:  2\n{\n3 4\n5 6\n}",
        "n_points: 2 {\n\n 3\t4 \n\n5   6\n\n}",
        HEAD + "{\n3e0 4.0\n+5 6.\n}\nanything after",
    ],
    ids=["windows", "bom", "blanks", "numbers"],
)
def test_the_field_s_variants_are_read(pts: Any, text: Any) -> None:
    assert read_pts(pts(text), 2).tolist() == [[2, 3], [4, 5]]


@pytest.mark.parametrize("count", [67, 69, 0])
def test_another_number_of_points_is_refused(pts: Any, count: Any) -> None:
    path = pts(to_pts(np.zeros((count, 2), np.float32)))
    with pytest.raises(DataError, match=f"{count} points, but the markup has 68"):
        read_pts(path, 68)


@pytest.mark.parametrize("value", ["nan", "NaN", "inf", "-inf", "1e39", "1e400"])
def test_a_coordinate_that_is_not_finite_is_refused(pts: Any, value: Any) -> None:
    with pytest.raises(DataError, match="not a finite"):
        read_pts(pts(HEAD + f"{{\n1 2\n3 {value}\n}}\n"), 2)


@pytest.mark.parametrize("row", ["3", "3 4 5", "3 four", "3,4", "0x3 4"])
def test_a_row_that_is_not_two_numbers_is_refused(pts: Any, row: Any) -> None:
    with pytest.raises(DataError, match="not two numbers"):
        read_pts(pts(HEAD + f"{{\n1 2\n{row}\n}}\n"), 2)


@pytest.mark.parametrize(
    "text",
    [b"", b"1 2\n3 4\n", b"{\n1 2\n3 4\n}", HEAD + "{\n1 2\n3 4\n", b"\x00\xff\xfe{}", b"\x89PNG{"],
)
def test_what_is_no_pts_file_is_refused(pts: Any, text: Any) -> None:
    with pytest.raises(DataError, match=r"not a \.pts file"):
        read_pts(pts(text), 2)


@given(st.binary(max_size=200))
def test_random_bytes_raise_nothing_but_a_data_error(tmp_path_factory: Any, data: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "random.pts"
    path.write_bytes(data)
    with pytest.raises(DataError):
        read_pts(path, 2)


@given(st.text("0123456789.-+eEnaif {}\n", max_size=60))
def test_any_body_gives_finite_points_or_a_data_error(tmp_path_factory: Any, body: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "body.pts"
    path.write_text(HEAD + "{\n" + body + "\n}\n")
    try:
        points = read_pts(path, 2)
    except DataError:
        return
    assert points.shape == (2, 2)
    assert np.isfinite(points).all()


def test_every_error_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "folder.pts").mkdir()
    for name in ("missing.pts", "folder.pts"):
        with pytest.raises(DataError, match="cannot be read") as caught:
            read_pts(tmp_path / name, 68)
        assert str(tmp_path / name) in str(caught.value)
