"""RAW photos: known by name or content; developed where the "raw" extra is installed."""

import io

from PIL import Image

from facealign.decoding.others import Opened, check_size
from facealign.decoding.tiff import PHOTOMETRIC, directories
from facealign.errors import ImageError

RAW_SUFFIXES = frozenset(
    {".3fr", ".arw", ".cr2", ".cr3", ".crw", ".erf", ".iiq", ".nef", ".nrw", ".orf", ".pef"}
    | {".raf", ".raw", ".rw2", ".sr2", ".srf", ".srw", ".x3f"}
)
"""Suffixes of cameras' RAW files; a .dng may hold a developed picture, so its content decides."""
DEVELOP = (
    'a RAW photo: develop it first, to JPEG or TIFF, or pip install "facealign[raw]", which '
    "develops it as its camera would"
)
COLOUR_FILTER, LINEAR_RAW = 32803, 34892
"""TIFF's photometric interpretations of what a sensor saw."""
HEADERS = (b"FUJIFILMCCD-RAW", b"FOVb", b"IIRO", b"IIRS", b"MMOR", b"IIU\x00")
"""How the files of Fujifilm, Sigma, Olympus and Panasonic begin."""


def is_raw(data: bytes) -> bool:
    """Whether a file's largest picture is what a sensor saw, as in DNG, CR2, NEF and ARW."""
    if data.startswith(HEADERS) or data[4:12] == b"ftypcrx ":
        return True
    sensor = {(COLOUR_FILTER,), (LINEAR_RAW,)}
    found = list(directories(data))
    return any(each.get(PHOTOMETRIC) in sensor for each in found) or bool(
        found and data[8:10] == b"CR"
    )


def open_raw(data: bytes) -> Opened:
    """A RAW photo, to be developed with the camera's white balance, upright.

    Raises:
        ImageError: the "raw" extra is not installed.
        Exception: whatever LibRaw raises of a damaged file.
    """
    try:
        import rawpy
    except ImportError:
        raise ImageError(DEVELOP) from None
    try:
        with rawpy.imread(io.BytesIO(data)) as photo:
            size = photo.sizes.width, photo.sizes.height
    except rawpy.LibRawFileUnsupportedError:
        raise ImageError("a RAW photo that LibRaw does not know: develop it to JPEG") from None

    def decode() -> Image.Image:
        with rawpy.imread(io.BytesIO(data)) as photo:
            return Image.fromarray(photo.postprocess(use_camera_wb=True))

    check_size(size)
    return Opened(size, decode)
