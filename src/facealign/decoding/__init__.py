"""Encoded files → Pillow pictures, with care for the oddities of real files.

Only decoders of a fixed list run, whatever a file is called: none that starts another program.
Nothing but the pixels can make a photo fail: of EXIF only the orientation is read, and a PNG's
text and profile are ignored, with their checksums.
"""

import io

from PIL import Image

from facealign.decoding.others import RAW_SUFFIXES as RAW_SUFFIXES, Opened, open_other
from facealign.decoding.segments import split_jpeg, split_png, with_end
from facealign.decoding.tiff import seek_picture

FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TGA", "TIFF", "WEBP")
"""Pillow's names of the formats that are read; HEIC, JPEG XL and RAW have readers of their own."""


def open_picture(data: bytes, raw: bool = False) -> Opened:
    """An encoded file's picture, of which no pixel is decoded yet; `raw` if its name says so.

    Raises:
        ImageError: a RAW photo, and the "raw" extra is not installed.
        MissingExtraError: a HEIC or JPEG XL file, and the "heif" or "jxl" extra is not installed.
        Exception: whatever Pillow raises of a damaged file.
    """
    if other := open_other(data, raw):
        return other
    profile = exif = None
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        data, profile = split_png(data)
    elif data.startswith(b"\xff\xd8"):
        data, exif, profile = split_jpeg(data)
    picture = Image.open(io.BytesIO(data), formats=FORMATS)
    if picture.format == "TIFF":
        seek_picture(picture)
    profile = profile or picture.info.get("icc_profile")
    is_rgb = picture.mode.startswith("RGB") or picture.mode == "P"

    def decode() -> Image.Image:
        whole = picture
        if data.startswith(b"\xff\xd8") and (ended := with_end(data)) is not data:
            whole = Image.open(io.BytesIO(ended), formats=("JPEG",))
        whole.load()
        if exif:
            whole.info["exif"] = exif
        return whole

    # A profile of gray or CMYK values does not fit our pixels.
    fits = is_rgb and profile and profile[16:20] == b"RGB " and profile[36:40] == b"acsp"
    return Opened(picture.size, decode, profile if fits else None)
