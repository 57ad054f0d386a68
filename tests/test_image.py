"""Whatever a photo arrives as, three 8-bit channels come out; or an `ImageError` that says why."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PIL import Image

from facealign.errors import ImageError, OutputError
from facealign.files import write_file
from facealign.image import read_image, write_image


def encoded(picture: Any, kind: str = "PNG", **options: Any) -> Any:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def corner() -> Any:
    """4 wide, 3 high, white in the top-left pixel only."""
    pixels = np.zeros((3, 4, 3), np.uint8)
    pixels[0, 0] = 255
    return pixels


# Orientation n of the EXIF standard: how an upright picture must be stored to be shown upright.
STORED = {
    1: lambda upright: upright,
    2: np.fliplr,
    3: lambda upright: np.rot90(upright, 2),
    4: np.flipud,
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: np.rot90(upright.transpose(1, 0, 2), 2),
    8: lambda upright: np.rot90(upright, -1),
}


@pytest.mark.parametrize("orientation", STORED)
def test_every_exif_orientation_is_turned_upright(corner: Any, orientation: Any) -> None:
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](corner)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert (read_image(encoded(stored, exif=exif)) == corner).all()


@pytest.mark.parametrize("orientation", [0, 9, 999])
def test_an_unknown_orientation_is_ignored(corner: Any, orientation: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert (read_image(encoded(Image.fromarray(corner), exif=exif)) == corner).all()


def test_garbage_in_place_of_exif_does_no_harm(corner: Any) -> None:
    data = encoded(Image.fromarray(corner), "JPEG", exif=b"Exif\0\0not exif at all")
    assert read_image(data).shape == corner.shape


def test_every_kind_of_source_gives_the_same(tmp_path: Path, noise_picture: Any) -> None:
    pixels = noise_picture(7, 5)
    path = tmp_path / "é ü.png"
    write_image(pixels, path)
    for source in (path, str(path), path.read_bytes(), Image.open(path), pixels):
        assert (read_image(source) == pixels).all()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "HSV", "LAB"])
def test_every_usual_mode_keeps_black_and_white_apart(mode: Any) -> None:
    gray = Image.fromarray(np.array([[0, 255]], np.uint8)).convert("RGB")
    pixels = read_image(gray.convert("LAB") if mode == "LAB" else gray.convert(mode))
    assert pixels.shape == (1, 2, 3)
    assert pixels.dtype == np.uint8
    if mode != "LAB":
        assert pixels[0, 0].max() <= 1
        assert pixels[0, 1].min() >= 254


def test_a_cmyk_jpeg_keeps_its_colour() -> None:
    red = Image.new("RGB", (16, 16), (220, 30, 40)).convert("CMYK")
    pixels = read_image(encoded(red, "JPEG", quality=95))
    assert np.abs(pixels.astype(int) - [220, 30, 40]).max() < 12


@pytest.mark.parametrize(("alpha", "expected"), [(0, 255), (255, 100), (51, 224)])
def test_transparency_is_laid_over_white(alpha: Any, expected: Any) -> None:
    # alpha 51 is a fifth: 0.2 · 100 + 0.8 · 255 = 224
    for picture in (
        Image.new("LA", (2, 2), (100, alpha)),
        Image.new("RGBA", (2, 2), (100, 100, 100, alpha)),
    ):
        assert (read_image(encoded(picture)) == expected).all()


def test_a_palette_with_a_transparent_colour_is_laid_over_white() -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 200, 100, 50])
    picture.putpixel((1, 0), 1)
    pixels = read_image(encoded(picture, transparency=0))
    assert pixels.tolist() == [[[255, 255, 255], [200, 100, 50]]]


def test_16_bits_are_rounded_to_8_in_a_png_and_in_an_array() -> None:
    values = np.array([[0, 128, 129, 257, 128 * 257, 65535]], np.uint16)
    for source in (encoded(Image.fromarray(values)), values):
        assert read_image(source)[0, :, 0].tolist() == [0, 0, 1, 1, 128, 255]


@pytest.mark.parametrize("full", [1.0, 255.0, 65535.0])
def test_a_float_tiff_of_each_usual_range(full: Any) -> None:
    values = np.array([[0, 0.2, 1]], np.float32) * full
    pixels = read_image(encoded(Image.fromarray(values), "TIFF"))
    assert pixels[0, :, 1].tolist() == [0, 51, 255]


def test_a_float_tiff_with_nan_is_read_with_black_there() -> None:
    values = np.array([[np.nan, 1.0]], np.float32)
    assert read_image(encoded(Image.fromarray(values), "TIFF"))[0, :, 0].tolist() == [0, 255]


def test_the_first_frame_of_an_animation_is_taken() -> None:
    frames = [Image.new("RGB", (3, 3), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (read_image(data) == [255, 0, 0]).all()


def _bad_files(folder: Path) -> None:
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (64, 64, 3)).astype(np.uint8))
    contents = {
        "cut.jpg": encoded(picture, "JPEG")[:1500],
        "cut.png": encoded(picture)[:1500],
        "zero.jpg": b"",
        "text.jpg": "these are words, não uma imagem".encode(),
        "random.png": rng.bytes(4000),
        "header.png": encoded(picture)[:8] + rng.bytes(500),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    (folder / "folder.jpg").mkdir()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("cut.jpg", "damaged or cut short"),
        ("cut.png", "damaged or cut short"),
        ("zero.jpg", "empty"),
        ("text.jpg", "not an image"),
        ("random.png", "not an image"),
        ("header.png", "not an image|damaged"),
        ("missing.jpg", "no such file"),
        ("folder.jpg", "cannot be read"),
        ("null\0byte.jpg", "cannot be read"),
    ],
)
def test_a_bad_file_is_named_with_the_reason(tmp_path: Path, name: Any, why: Any) -> None:
    _bad_files(tmp_path)
    with pytest.raises(ImageError, match=why) as caught:
        read_image(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


def test_a_cut_pillow_image_is_an_image_error(noise_picture: Any) -> None:
    lazy = Image.open(io.BytesIO(encoded(Image.fromarray(noise_picture(64, 64)), "JPEG")[:1500]))
    with pytest.raises(ImageError, match="Pillow image given: damaged or cut short"):
        read_image(lazy)


def test_a_pillow_image_without_pixels_is_an_image_error() -> None:
    with pytest.raises(ImageError, match="no pixel"):
        read_image(Image.new("RGB", (0, 5)))


def test_a_decompression_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(ImageError, match="too large"):
        read_image(encoded(Image.new("L", (9, 9))))


@given(st.binary(max_size=400))
def test_random_bytes_raise_nothing_but_an_image_error(data: Any) -> None:
    with pytest.raises(ImageError):
        read_image(data)


@given(place=st.integers(0, 10**6), value=st.integers(0, 255), kind=st.sampled_from(["PNG", "GIF"]))
def test_a_flipped_byte_gives_an_image_or_an_image_error(place: Any, value: Any, kind: Any) -> None:
    data = bytearray(encoded(Image.new("RGB", (16, 16), "teal"), kind))
    data[place % len(data)] = value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's own remarks on damaged metadata
        try:
            pixels = read_image(bytes(data))
        except ImageError:
            return
    assert pixels.ndim == 3
    assert pixels.dtype == np.uint8


@pytest.mark.parametrize("channels", [(), (1,), (3,)])
@pytest.mark.parametrize(
    ("kind", "full"), [("uint8", 255), ("uint16", 65535), ("float32", 1), ("float64", 1)]
)
def test_arrays_of_every_accepted_kind(kind: Any, full: Any, channels: Any) -> None:
    image = read_image(np.full((2, 3, *channels), full * 200 / 255).astype(kind))
    assert image.shape == (2, 3, 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert (image == 200).all()


def test_a_mask_is_black_and_white() -> None:
    assert read_image(np.array([[True, False]]))[0, :, 0].tolist() == [255, 0]


@pytest.mark.parametrize(("alpha", "expected"), [(0, 255), (255, 100), (51, 224)])
@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_in_an_array_is_laid_over_white(alpha: Any, expected: Any, channels: Any) -> None:
    array = np.full((2, 2, channels), 100, np.uint8)
    array[..., -1] = alpha
    assert (read_image(array) == expected).all()


@pytest.mark.parametrize(
    ("array", "why"),
    [
        (np.zeros(5, np.uint8), "shape"),
        (np.zeros((2, 2, 5), np.uint8), "shape"),
        (np.zeros((1, 2, 2, 3), np.uint8), "shape"),
        (np.zeros((3, 40, 0), np.uint8), "shape"),
        (np.zeros((0, 4, 3), np.uint8), "shape"),
        (np.zeros((4, 0), np.uint8), "shape"),
        (np.zeros((2, 2), np.int64), "int64"),
        (np.zeros((2, 2), np.int8), "int8"),
        (np.zeros((2, 2), np.complex64), "complex64"),
        (np.array([["a", "b"]]), "<U1"),
        (np.array([[None, 1]]), "object"),
        (np.array([[0.0, 1.5]]), "0..1"),
        (np.array([[-0.1, 1.0]]), "0..1"),
        (np.array([[np.nan, 1.0]]), "finite"),
    ],
)
def test_arrays_that_are_refused(array: Any, why: Any) -> None:
    with pytest.raises(ImageError, match=why):
        read_image(array)


@given(st.binary(min_size=24, max_size=24))
def test_writing_and_reading_back_is_the_identity(tmp_path_factory: Any, data: Any) -> None:
    pixels = np.frombuffer(data, np.uint8).reshape(2, 4, 3)
    path = tmp_path_factory.getbasetemp() / "deep" / "picture.png"
    write_image(pixels, path)
    assert (read_image(path) == pixels).all()
    assert [p.name for p in path.parent.iterdir()] == ["picture.png"]


@pytest.mark.parametrize("name", ["a.xyz", "a", "a.psd", "a.xbm", "a.h5"])
def test_an_unknown_format_leaves_nothing(tmp_path: Path, corner: Any, name: Any) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        write_image(corner, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["file/deeper.txt", "file/a/b.txt", "taken", "x" * 300, "a\0b"])
def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path, name: Any) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "taken").mkdir()
    with pytest.raises(OutputError, match="choose another folder"):
        write_file(tmp_path / name, b"new")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "taken"]
    assert list((tmp_path / "taken").iterdir()) == []


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "result.json"
    write_file(path, "old")

    def full_disk(self: Any, target: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(path), "replace", full_disk)
    with pytest.raises(OutputError, match="No space left"):
        write_file(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["result.json"]


def test_write_file_takes_text_as_utf_8_and_replaces(tmp_path: Path) -> None:
    write_file(tmp_path / "a.txt", b"before")
    write_file(tmp_path / "a.txt", "naïve")
    assert (tmp_path / "a.txt").read_bytes() == "naïve".encode()
