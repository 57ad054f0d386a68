"""Files that users of such tools reported: what is not pixels never refuses a photo."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from facealign import ImageError, read_image
from facealign.cli.photos.photos import find_photos
from facealign.types import Pixels


@pytest.fixture(scope="module")
def photo() -> Pixels:
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    return np.asarray(small.resize((80, 60), Image.Resampling.BICUBIC))


def encoded(image: Pixels, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind, **options)
    return buffer.getvalue()


def exif(order: str, entries: list[tuple[int, int, int, bytes]]) -> bytes:
    """An EXIF block of one directory: (tag, type, count, the four bytes of its value)."""
    head = {"<": b"II*\x00", ">": b"MM\x00*"}[order] + struct.pack(f"{order}I", 8)
    body = b"".join(struct.pack(f"{order}HHI", *entry[:3]) + entry[3] for entry in entries)
    return b"Exif\x00\x00" + head + struct.pack(f"{order}H", len(entries)) + body + bytes(4)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    "odd",
    [
        (0x011A, 5, 1, b"\xff\xff\xff\x7f"),  # XResolution beyond the end
        (0x8825, 2, 1, b"abcd"),  # GPS as text
        (0x010F, 99, 10**9, b"\x00\x00\x00\x00"),  # an unknown type, no end
    ],
)
def test_of_exif_only_the_orientation_is_read(
    photo: Pixels, order: str, odd: tuple[int, int, int, bytes]
) -> None:
    turn = (0x0112, 3, 1, struct.pack(f"{order}HH", 6, 0))
    data = encoded(photo, "JPEG", quality=95, exif=exif(order, [turn, odd]))
    wanted = np.rot90(read_image(encoded(photo, "JPEG", quality=95)), -1)
    assert np.array_equal(read_image(data), wanted)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_as_pillow_turns_it(photo: Pixels, orientation: int) -> None:
    tags = Image.Exif()
    tags[0x0112] = orientation
    from PIL import ImageOps

    for kind in ("PNG", "TIFF", "WEBP"):
        options = {"lossless": True} if kind == "WEBP" else {}
        data = encoded(photo, kind, exif=tags, **options)
        with Image.open(io.BytesIO(data)) as picture:
            wanted = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
        assert np.array_equal(read_image(data), wanted), kind


def test_text_profiles_and_checksums_of_a_png_do_not_refuse_it(photo: Pixels) -> None:
    text = PngInfo()
    text.add_text("comment", "a" * 2_000_000, zip=True)
    data = encoded(photo, "PNG", pnginfo=text)
    assert np.array_equal(read_image(data), photo)
    profile = encoded(photo, "PNG", icc_profile=bytes(2_000_000))
    assert np.array_equal(read_image(profile), photo)
    place = data.index(b"zTXt")
    broken = data[: place + 10] + b"\x00\x01\x02" + data[place + 13 :]
    assert np.array_equal(read_image(broken), photo)


def test_a_damaged_pixel_chunk_still_refuses_a_png(photo: Pixels) -> None:
    data = bytearray(encoded(photo, "PNG"))
    place = data.index(b"IDAT") + 200
    data[place : place + 4] = zlib.crc32(b"damage").to_bytes(4, "big")
    with pytest.raises(ImageError, match="damaged"):
        read_image(bytes(data))


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_without_its_end_mark_is_whole(photo: Pixels, progressive: bool) -> None:
    data = encoded(photo, "JPEG", progressive=progressive)
    for cut in (1, 2):
        assert np.array_equal(read_image(data[:-cut]), read_image(data))


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_a_jpeg_that_lacks_pixels_is_an_error(photo: Pixels, share: float) -> None:
    large = np.tile(photo, (4, 4, 1))
    data = encoded(large, "JPEG", quality=90)
    with pytest.raises(ImageError, match="damaged or cut short"):
        read_image(data[: int(share * len(data))])


def test_the_picture_behind_a_thumbnail_is_read(photo: Pixels) -> None:
    thumbnail = Image.fromarray(photo).resize((8, 6))
    tags = ImageFileDirectory_v2()
    tags[254] = 1
    buffer = io.BytesIO()
    thumbnail.save(
        buffer, "TIFF", tiffinfo=tags, save_all=True, append_images=[Image.fromarray(photo)]
    )
    pages = Image.open(io.BytesIO(buffer.getvalue()))
    pages.seek(1)
    if pages.tag_v2.get(254, 0) & 1:  # Pillow wrote the tag into both: take it out of the second
        pytest.skip("this Pillow cannot write such a file")
    assert np.array_equal(read_image(buffer.getvalue()), photo)


def test_a_sensors_values_are_refused_by_name(photo: Pixels, tmp_path: Path) -> None:
    data = bytearray(encoded(photo[..., 0], "TIFF"))
    entry = data.index(struct.pack("<HH", 262, 3))
    data[entry + 8 : entry + 10] = struct.pack("<H", 32803)
    for name in ("a.dng", "a.tif"):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ImageError, match=r"RAW photo: develop it|not an image"):
            read_image(tmp_path / name)
    (tmp_path / "a.NEF").write_bytes(b"anything")
    with pytest.raises(ImageError, match=r"a\.NEF: a RAW photo: develop it first"):
        read_image(tmp_path / "a.NEF")


@pytest.mark.parametrize(("bits", "top"), [(10, 1023), (12, 4095), (14, 16383), (16, 65535)])
def test_gray_of_few_bits_in_sixteen_fills_the_range(bits: int, top: int) -> None:
    ramp = np.linspace(0, top, 256).round().astype(np.uint16)[None].repeat(8, axis=0)
    buffer = io.BytesIO()
    Image.fromarray(ramp).save(buffer, "PNG")
    values = read_image(buffer.getvalue())[0, :, 0]
    assert (values[0], values[-1]) == (0, 255)
    assert np.abs(values.astype(int) - np.arange(256)).max() <= 1


def test_a_float_slightly_over_one_is_clipped() -> None:
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[None].repeat(8, axis=0)
    over = ramp.copy()
    over[0, 0] = 1.001
    pictures = []
    for values in (ramp, over):
        buffer = io.BytesIO()
        Image.fromarray(values).save(buffer, "TIFF")
        pictures.append(read_image(buffer.getvalue()).astype(int))
    assert np.abs(pictures[1][1:] - pictures[0][1:]).max() == 0
    assert pictures[1][0, 0].tolist() == [255] * 3


def test_postscript_is_refused_whatever_it_is_called(tmp_path: Path) -> None:
    text = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n"
    (tmp_path / "photo.jpg").write_bytes(text)
    with pytest.raises(ImageError, match="not an image"):
        read_image(tmp_path / "photo.jpg")


def test_open_files_are_read_and_what_is_no_source_gets_a_word(
    photo: Pixels, tmp_path: Path
) -> None:
    data = encoded(photo, "PNG")
    assert np.array_equal(read_image(io.BytesIO(data)), photo)
    (tmp_path / "a.png").write_bytes(data)
    with (tmp_path / "a.png").open("rb") as file:
        assert np.array_equal(read_image(file), photo)
        with pytest.raises(ImageError, match=r"seek\(0\)"):
            read_image(file)
    with pytest.raises(ImageError, match="binary mode"):
        read_image(io.StringIO("text"))  # type: ignore[arg-type]
    with pytest.raises(ImageError, match=r"FaceAligner\.stream"):
        read_image([data])  # type: ignore[arg-type]
    with pytest.raises(ImageError, match="fetches nothing"):
        read_image("https://example.org/a.jpg")


def test_a_search_skips_what_is_kept_beside_photos(photo: Pixels, tmp_path: Path) -> None:
    for name in ("a.png", "._a.png", "__MACOSX/a.png", "@eaDir/a.png", ".thumbs/a.png", "b/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(encoded(photo, "PNG"))
    found, problems = find_photos([str(tmp_path)])
    assert [str(path.relative_to(tmp_path)) for path in found] == ["a.png", "b/c.png"]
    assert problems == []
