"""Any photo → (H, W, 3) RGB uint8: upright by EXIF, without alpha, 8 bits; and RGB → file."""

import io
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from facealign.decoding import RAW_SUFFIXES, open_picture
from facealign.decoding.gray import to_eight_bits
from facealign.decoding.tiff import orientation, turned
from facealign.errors import ImageError, MissingExtraError, OutputError
from facealign.files import MARK, kind_of, missing, reason, write_file
from facealign.types import Pixels

LOG = logging.getLogger(__name__)

ImageSource = (
    str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | Image.Image | NDArray[Any]
)
"""What `read_image` takes: a path, an encoded file's bytes or an open file, a Pillow image, an
array."""

Decoded = TypeVar("Decoded")
LARGEST_FILE = 2**31
"""Bytes: more than any picture has that may be decoded."""
STRIP = 2**22
"""Pixels that are converted at a time."""

Color = Literal["rgb", "bgr"]
"""The order of an array's channels; a fourth one is alpha in both."""

SUFFIXES = frozenset(
    {".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".jp2", ".pbm", ".pgm", ".png"}
    | {".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp", ".avif", ".heic", ".heif", ".jxl", ".dng"}
)
"""What counts as an image when a folder is searched."""


@dataclass(frozen=True)
class Photo:
    """A picture whose header was read, and its pixels not yet.

    Attributes:
        name: of its file, or what else was given, for messages.
        width, height: in pixels, before it is turned upright.
        decode: gives the (H, W, 3) RGB uint8 pixels, upright; raises what `read_image` raises.
        profile: its ICC colour profile, if that is of RGB values.
    """

    name: str
    width: int
    height: int
    decode: Callable[[], Pixels]
    profile: bytes | None = None


def read_image(source: ImageSource, color: Color = "rgb") -> Pixels:
    """An image as (H, W, 3) RGB uint8.

    Files are turned upright by their EXIF orientation; transparency is laid over white; 16 bits
    are scaled to 8; of an animation or several pages the first is taken, which is logged at INFO;
    colour profiles are not applied. HEIC, JPEG XL and RAW files need the "heif", "jxl" and "raw"
    extras.

    Args:
        source: a path, an encoded file's bytes, a binary file object, a Pillow image, or an array:
            (H, W), (H, W, 1…4), uint8, uint16 or float in 0..1; of two channels or four the last
            is alpha.
        color: the order of an array's channels, "rgb" or "bgr"; files know their own.

    Raises:
        ImageError: the file is missing, empty, cut short, too large or not an image; the array
            has another shape; the source is of another type, such as None. Too large is more than
            twice `PIL.Image.MAX_IMAGE_PIXELS`, by default 179 million pixels.
        MissingExtraError: a HEIC or JPEG XL file, and its extra is not installed.
        ValueError: `color` is neither.
    """
    return open_image(source, color).decode()


def open_image(source: ImageSource, color: Color = "rgb") -> Photo:
    """An image of which only the header is read: what `read_image` takes, and raises."""
    if color not in ("rgb", "bgr"):
        raise ValueError(f'color is "rgb" or "bgr", not "{color}"')
    if isinstance(source, np.ndarray):
        array, (height, width, *_) = source, (*source.shape, 1, 1)
        return Photo("the array given", width, height, lambda: _from_array(array, color))
    if isinstance(source, Image.Image):
        picture, name = source, "the Pillow image given"
        profile = picture.info.get("icc_profile") if picture.mode == "RGB" else None
        decode = partial(_guarded, lambda: _from_pillow(picture), name)
        return Photo(name, picture.width, picture.height, decode, profile)
    if hasattr(source, "read"):
        source = _read_object(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return _open_bytes(bytes(source), "the bytes given")
    if isinstance(source, list | tuple):
        raise ImageError(
            "a list is not an image: give its items one by one, or use FaceAligner.stream"
        )
    if not isinstance(source, str | os.PathLike):
        raise ImageError(
            f"{type(source).__name__} is not an image: give a path, bytes, a file object, a Pillow "
            "image or an array"
        )
    path = Path(source)
    data = _read_file(path)
    return _open_bytes(data, str(source), path.suffix.lower() in RAW_SUFFIXES)


def _open_bytes(data: bytes, name: str, raw: bool = False) -> Photo:
    opened = _guarded(lambda: open_picture(data, raw), name)

    def decode() -> Pixels:
        with opened.decode() as picture:
            pixels = _from_pillow(picture)
            if LOG.isEnabledFor(logging.INFO) and _holds_several(picture):
                LOG.info("%s: holds several pictures; the first is taken", name)
        return pixels

    return Photo(name, *opened.size, partial(_guarded, decode, name), opened.profile)


def _read_object(source: Any) -> bytes:
    try:
        content = source.read()
    except (OSError, ValueError) as error:
        raise ImageError(f"the file object given cannot be read ({error})") from None
    if not isinstance(content, bytes | bytearray):
        raise ImageError("the file object given is open for text: open it in binary mode")
    if not content:
        raise ImageError("the file object given is empty, or was read before: seek(0) first")
    return bytes(content)


def write_image(image: Pixels, path: str | os.PathLike[str], profile: bytes | None = None) -> None:
    """Write a picture, whole or not at all; the suffix chooses the format.

    Args:
        image: (H, W, 3) RGB.
        path: the file.
        profile: the ICC colour profile of its values, such as that of the photo drawn on.

    Raises:
        OutputError: the suffix is of no known format, the file cannot be written, or a picture is
            there that facealign did not write.
    """
    path = Path(path)
    try:
        content = encode_image(image, path.suffix, profile)
    except OutputError as error:
        raise OutputError(f"cannot write {path}: {error}") from None
    write_file(path, content)


def encode_image(image: Pixels, suffix: str, profile: bytes | None = None) -> bytes:
    """The content of a picture file, of the format that a suffix such as ".png" stands for.

    Its comment says that facealign wrote it, where the format has room for one.

    Raises:
        OutputError: the suffix is of no known format, or of one that is only read.
    """
    kind = Image.registered_extensions().get(suffix.lower())
    if kind is None:
        raise OutputError(f'no picture format has the suffix "{suffix}"; choose .png or .jpg')
    buffer = io.BytesIO()
    options: dict[str, Any] = {"icc_profile": profile} if profile else {}
    if kind == "JPEG":
        options |= {"quality": 92, "comment": MARK}
    elif kind == "PNG":
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_text("comment", MARK)
    else:
        tags = Image.Exif()
        tags[0x010E] = MARK  # ImageDescription
        options |= {"exif": tags, "comment": MARK}
    try:
        Image.fromarray(image).save(buffer, kind, **options)
    except (KeyError, OSError, ValueError) as error:  # Pillow reads more formats than it writes
        raise OutputError(f"{kind} is not written ({error}); choose .png or .jpg") from None
    return buffer.getvalue()


def _read_file(path: Path) -> bytes:
    kind = kind_of(path)
    if kind in ("device", "pipe", "socket"):
        raise ImageError(f"{path}: a {kind}, not a file; give - for a photo on standard input")
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= LARGEST_FILE else b""
    except FileNotFoundError:
        raise ImageError(f"{path}: {missing(path)}") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise ImageError(f"{path}: cannot be read ({reason(error)})") from None
    if size > LARGEST_FILE:
        raise ImageError(f"{path}: too large for a photo ({size / 1e9:.1f} GB)")
    if not data:
        raise ImageError(f"{path}: the file is empty (zero bytes)")
    return data


def _holds_several(picture: Image.Image) -> bool:
    """Whether a file is an animation or has several pages."""
    with suppress(Exception):  # damage after the first picture does not matter
        return bool(getattr(picture, "is_animated", False))
    return False


def _guarded(decode: Callable[[], Decoded], name: str) -> Decoded:
    """The result of `decode`; whatever fails becomes an `ImageError` that names the image."""
    try:
        return decode()
    except UnidentifiedImageError:
        raise ImageError(f"{name}: not an image in any format that can be read here") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(
            f"{name}: too large ({error}); reduce it, or raise PIL.Image.MAX_IMAGE_PIXELS "
            "(--max-megapixels on the command line)"
        ) from None
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from None
    except MissingExtraError:
        raise
    except Exception as error:  # decoders raise anything: struct.error, IndexError, zlib.error …
        raise ImageError(f"{name}: damaged or cut short ({error}); copy it again") from None


def _from_pillow(picture: Image.Image) -> Pixels:
    """Its pixels, a strip at a time: of a large picture no second copy is made."""
    if 0 in picture.size:
        raise ImageError(f"{picture.width} × {picture.height} has no pixels")
    if picture.mode.startswith(("I", "F")):
        stated = picture.format in ("JPEG2000", "PPM")  # which say their range; Pillow widens it
        gray = to_eight_bits(np.asarray(picture), stated)
        return _from_array(turned(gray, orientation(picture)))
    width, height = picture.size
    pixels = np.empty((height, width, 3), np.uint8)
    rows = max(1, STRIP // width)
    for top in range(0, height, rows):
        strip = picture.crop((0, top, width, min(height, top + rows))) if rows < height else picture
        pixels[top : top + rows] = _to_rgb(strip)
    return np.ascontiguousarray(turned(pixels, orientation(picture)))


def _to_rgb(picture: Image.Image) -> Pixels:
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))


def _from_array(array: NDArray[Any], color: Color = "rgb") -> Pixels:
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[2] not in (1, 2, 3, 4) or 0 in array.shape:
        raise ImageError(
            f"an array of shape {array.shape} is not an image: give (H, W) or (H, W, 1 to 4)"
        )
    pixels = _to_uint8(array)
    channels = pixels.shape[2]
    colour = pixels[..., :1].repeat(3, axis=2) if channels < 3 else pixels[..., :3]
    if channels in (2, 4):
        alpha = pixels[..., -1:].astype(np.uint16)
        colour = ((colour * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    return np.ascontiguousarray(colour if color == "rgb" else colour[..., ::-1])


def _to_uint8(array: NDArray[Any]) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.uint16:
        return ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind != "f":
        raise ImageError(
            f"an array of {array.dtype} is not an image: give uint8, uint16 or float in 0..1"
        )
    if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
        raise ImageError("a float array must hold finite values in 0..1: divide 0..255 by 255")
    return np.round(array * 255).astype(np.uint8)
