"""HEIC and JPEG XL, which Pillow does not read itself."""

import io
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from facealign.errors import needs


@dataclass(frozen=True)
class Opened:
    """An encoded picture whose header was read.

    Attributes:
        size: width and height as stored, before the picture is turned upright.
        decode: gives the picture with all of its pixels; raises whatever Pillow raises.
        profile: its ICC colour profile, if that is of RGB values.
    """

    size: tuple[int, int]
    decode: Callable[[], Image.Image]
    profile: bytes | None = None


HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})


def is_heif(data: bytes) -> bool:
    """Whether a file is HEIC: no AVIF, which begins alike and is read by Pillow itself."""
    if data[4:8] != b"ftyp" or data[8:12] not in HEIF_BRANDS:
        return False
    return b"avif" not in data[16 : int.from_bytes(data[:4], "big")]


def open_heif(data: bytes) -> Opened:
    """A HEIC photo.

    Raises:
        MissingExtraError: the "heif" extra is not installed.
        Exception: whatever libheif raises of a damaged file.
    """
    with needs("heif", "reading HEIC photos"):
        from pillow_heif import open_heif as open_file
    photo = open_file(io.BytesIO(data))
    check_size(photo.size)
    return Opened(photo.size, photo.to_pillow, photo.info.get("icc_profile"))


def is_jxl(data: bytes) -> bool:
    """Whether a file is JPEG XL, bare or in a container."""
    return data.startswith((b"\xff\x0a", b"\x00\x00\x00\x0cJXL \r\n\x87\n"))


def open_jxl(data: bytes) -> Opened:
    """A JPEG XL photo; libjxl turns it upright, and EXIF's orientation does not count.

    Raises:
        MissingExtraError: the "jxl" extra is not installed.
        RuntimeError: the file is damaged.
    """
    with needs("jxl", "reading JPEG XL photos"):
        import pylibjxl
    facts = pylibjxl.probe(data)
    size = int(facts["width"]), int(facts["height"])
    check_size(size)
    return Opened(size, lambda: Image.fromarray(pylibjxl.decode(data).squeeze()))


def check_size(size: tuple[int, int]) -> None:
    """Refuse a picture that is too large, as Pillow does for its own formats.

    Raises:
        Image.DecompressionBombError: it has more than twice `Image.MAX_IMAGE_PIXELS` pixels.
    """
    most = Image.MAX_IMAGE_PIXELS
    if most is not None and size[0] * size[1] > 2 * most:
        raise Image.DecompressionBombError(f"{size[0]} × {size[1]} pixels")
