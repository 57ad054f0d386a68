"""Files that users of such tools reported: what is not pixels never refuses a photo."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from facealign import ImageError, read_image
from facealign.cli.photos.inputs import find_photos
from facealign.types import Pixels

Encode = Callable[..., bytes]


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
    photo: Pixels, encoded: Encode, order: str, odd: tuple[int, int, int, bytes]
) -> None:
    turn = (0x0112, 3, 1, struct.pack(f"{order}HH", 6, 0))
    data = encoded(photo, "JPEG", quality=95, exif=exif(order, [turn, odd]))
    wanted = np.rot90(read_image(encoded(photo, "JPEG", quality=95)), -1)
    assert np.array_equal(read_image(data), wanted)


@pytest.mark.parametrize(
    ("head", "kind"),
    [(b"MM\x00*", 8), (b"MM\x00*", 9), (b"MM*\x00", 3), (b"MM\x00\x00", 3)],
    ids=["signed 16 bits", "signed 32 bits", "bytes exchanged", "no TIFF number"],
)
def test_an_orientation_written_unlike_the_standard_counts(
    photo: Pixels, encoded: Encode, head: bytes, kind: int
) -> None:
    value = struct.pack(">i", 6) if kind == 9 else struct.pack(">HH", 6, 0)
    block = exif(">", [(0x0112, kind, 1, value)]).replace(b"MM\x00*", head)
    wanted = np.rot90(read_image(encoded(photo, "JPEG", quality=95)), -1)
    assert np.array_equal(read_image(encoded(photo, "JPEG", quality=95, exif=block)), wanted)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_as_pillow_turns_it(
    photo: Pixels, encoded: Encode, orientation: int
) -> None:
    tags = Image.Exif()
    tags[0x0112] = orientation
    from PIL import ImageOps

    for kind in ("PNG", "TIFF", "WEBP"):
        options = {"lossless": True} if kind == "WEBP" else {}
        data = encoded(photo, kind, exif=tags, **options)
        with Image.open(io.BytesIO(data)) as picture:
            wanted = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
        assert np.array_equal(read_image(data), wanted), kind


def test_text_profiles_and_checksums_of_a_png_do_not_refuse_it(
    photo: Pixels, encoded: Encode
) -> None:
    text = PngInfo()
    text.add_text("comment", "a" * 2_000_000, zip=True)
    data = encoded(photo, "PNG", pnginfo=text)
    assert np.array_equal(read_image(data), photo)
    profile = encoded(photo, "PNG", icc_profile=bytes(2_000_000))
    assert np.array_equal(read_image(profile), photo)
    place = data.index(b"zTXt")
    broken = data[: place + 10] + b"\x00\x01\x02" + data[place + 13 :]
    assert np.array_equal(read_image(broken), photo)


def test_a_damaged_pixel_chunk_still_refuses_a_png(photo: Pixels, encoded: Encode) -> None:
    data = bytearray(encoded(photo, "PNG"))
    place = data.index(b"IDAT") + 200
    data[place : place + 4] = zlib.crc32(b"damage").to_bytes(4, "big")
    with pytest.raises(ImageError, match="damaged"):
        read_image(bytes(data))


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_without_its_end_mark_is_whole(
    photo: Pixels, encoded: Encode, progressive: bool
) -> None:
    data = encoded(photo, "JPEG", progressive=progressive)
    for cut in (1, 2):
        assert np.array_equal(read_image(data[:-cut]), read_image(data))


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_a_jpeg_that_lacks_pixels_is_an_error(photo: Pixels, encoded: Encode, share: float) -> None:
    large = np.tile(photo, (4, 4, 1))
    data = encoded(large, "JPEG", quality=90)
    with pytest.raises(ImageError, match="damaged or cut short"):
        read_image(data[: int(share * len(data))])


def test_the_picture_behind_a_thumbnail_is_read(photo: Pixels) -> None:
    kept = Image.fromarray(photo)
    buffer = io.BytesIO()
    options = {"save_all": True, "append_images": [kept], "tiffinfo": {254: 1}}
    kept.resize((8, 6)).save(buffer, "TIFF", big_tiff=False, **options)
    data = bytearray(buffer.getvalue())
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    (second,) = struct.unpack_from("<I", data, first + 2 + 12 * count)
    mark = data.index(struct.pack("<HHII", 254, 4, 1, 1), second)
    data[mark + 8] = 0  # the second page is no thumbnail
    assert np.array_equal(read_image(bytes(data)), photo)


def test_postscript_is_refused_whatever_it_is_called(tmp_path: Path) -> None:
    text = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n"
    (tmp_path / "photo.jpg").write_bytes(text)
    with pytest.raises(ImageError, match="not an image"):
        read_image(tmp_path / "photo.jpg")


def test_open_files_are_read_and_what_is_no_source_gets_a_word(
    photo: Pixels, encoded: Encode, tmp_path: Path
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
    for address in ("https://example.org/a.jpg", "s3://bucket/a.jpg", Path("file:///a.jpg")):
        with pytest.raises(ImageError, match="fetches nothing"):
            read_image(address)


def test_a_search_skips_what_is_kept_beside_photos(
    photo: Pixels, encoded: Encode, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "broken.png").symlink_to("gone.png")
    for name in ("a.png", "._a.png", "__MACOSX/a.png", "@eaDir/a.png", ".thumbs/a.png", "b/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(encoded(photo, "PNG"))
    found, problems = find_photos([str(tmp_path)])
    assert [str(path.relative_to(tmp_path)) for path in found] == ["a.png", "b/c.png"]
    assert problems == []
    assert caplog.messages == [f"{tmp_path}: 1 broken link skipped"]
