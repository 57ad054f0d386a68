"""HEIC, JPEG XL and RAW photos, which Pillow does not read itself."""

import io
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from facealign.decoding.tiff import PHOTOMETRIC, directories
from facealign.errors import ImageError, needs


@dataclass(frozen=True)
class Opened:
    """An encoded picture whose header was read.

    Attributes:
        size: width and height as stored, before the picture is turned upright.
        decode: gives the picture with all of its pixels; raises whatever Pillow raises.
        profile: its ICC colour profile, if that is of RGB values.

    Raises:
        Image.DecompressionBombError: it has more than twice `Image.MAX_IMAGE_PIXELS` pixels, which
            Pillow itself says only of its own formats.
    """

    size: tuple[int, int]
    decode: Callable[[], Image.Image]
    profile: bytes | None = None

    def __post_init__(self) -> None:
        most = Image.MAX_IMAGE_PIXELS
        if most is not None and self.size[0] * self.size[1] > 2 * most:
            raise Image.DecompressionBombError(f"{self.size[0]} × {self.size[1]} pixels")


HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
JXL = (b"\xff\x0a", b"\x00\x00\x00\x0cJXL \r\n\x87\n")
"""How a JPEG XL file begins, bare or in a container."""
RAW_SUFFIXES = frozenset(
    {".3fr", ".arw", ".cr2", ".cr3", ".crw", ".erf", ".iiq", ".nef", ".nrw", ".orf", ".pef"}
    | {".raf", ".raw", ".rw2", ".sr2", ".srf", ".srw", ".x3f"}
)
"""Suffixes of cameras' RAW files; a .dng may hold a developed picture, so its content decides."""
COLOUR_FILTER, LINEAR_RAW = 32803, 34892
"""TIFF's photometric interpretations of what a sensor saw."""
HEADERS = (b"FUJIFILMCCD-RAW", b"FOVb", b"IIRO", b"IIRS", b"MMOR", b"IIU\x00")
"""How the files of Fujifilm, Sigma, Olympus and Panasonic begin."""


def open_other(data: bytes, raw: bool = False) -> Opened | None:
    """A HEIC or JPEG XL photo, or a RAW one, which its name may say; None for any other file.

    Raises:
        ImageError: a RAW photo, and the "raw" extra is not installed.
        MissingExtraError: a HEIC or JPEG XL photo, and the "heif" or "jxl" extra is not installed.
        Exception: whatever libheif, libjxl or LibRaw raises of a damaged file.
    """
    if data[4:8] == b"ftyp" and data[8:12] in HEIF_BRANDS:
        brands = data[16 : int.from_bytes(data[:4], "big")]
        if b"avif" not in brands:  # which Pillow itself reads
            return _open_heif(data)
    if data.startswith(JXL):
        return _open_jxl(data)
    return _open_raw(data) if raw or is_raw(data) else None


def _open_heif(data: bytes) -> Opened:
    with needs("heif", "reading HEIC photos"):
        from pillow_heif import open_heif
    photo = open_heif(io.BytesIO(data))
    return Opened(photo.size, photo.to_pillow, photo.info.get("icc_profile"))


def _open_jxl(data: bytes) -> Opened:
    """A JPEG XL photo; libjxl turns it upright, and EXIF's orientation does not count."""
    with needs("jxl", "reading JPEG XL photos"):
        import pylibjxl
    facts = pylibjxl.probe(data)
    size = int(facts["width"]), int(facts["height"])
    return Opened(size, lambda: Image.fromarray(pylibjxl.decode(data).squeeze()))


def is_raw(data: bytes) -> bool:
    """Whether a file's largest picture is what a sensor saw, as in DNG, CR2, NEF and ARW."""
    if data.startswith(HEADERS) or data[4:12] == b"ftypcrx ":
        return True
    sensor = {(COLOUR_FILTER,), (LINEAR_RAW,)}
    found = [each.get(PHOTOMETRIC) for each in directories(data)]
    return not sensor.isdisjoint(found) or (bool(found) and data[8:10] == b"CR")


def _open_raw(data: bytes) -> Opened:
    """A RAW photo, to be developed with the camera's white balance, upright."""
    try:
        import rawpy
    except ImportError:
        raise ImageError(
            'a RAW photo: develop it first, to JPEG or TIFF, or pip install "facealign[raw]", '
            "which develops it as its camera would"
        ) from None
    try:
        with rawpy.imread(io.BytesIO(data)) as photo:
            size = photo.sizes.width, photo.sizes.height
    except rawpy.LibRawFileUnsupportedError:
        raise ImageError("a RAW photo that LibRaw does not know: develop it to JPEG") from None

    def decode() -> Image.Image:
        with rawpy.imread(io.BytesIO(data)) as photo:
            return Image.fromarray(photo.postprocess(use_camera_wb=True))

    return Opened(size, decode)
