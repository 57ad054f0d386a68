"""The pictures in a request's body, sent in one of three ways; nothing touches the disk."""

import asyncio
import base64
import binascii
import json
from collections.abc import AsyncIterator
from typing import Any

from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from facealign.server.problem import Problem
from facealign.server.settings import ServerSettings

Picture = tuple[str, bytes]
"""Its name as the client gave it, and the file's content."""
HINT = (
    "send multipart/form-data with the field image, the file itself as image/*, or JSON with "
    "image in base64"
)
MOST_DROPPED = 10
"""Times the allowed size that is read and dropped before the connection is cut."""
MOST_NAME = 200
"""Characters of a picture's name."""


async def read_pictures(request: Request, settings: ServerSettings) -> list[Picture]:
    """The pictures of a request.

    Raises:
        Problem: 400 the client breaks off, 408 it is too slow, 413 the body is too large, 415 of
            another type, 422 it holds no picture, too many, or is not what it says.
    """
    kind = _media_type(request)
    try:
        async with asyncio.timeout(settings.timeout):
            body = await _read(request, settings)
    except TimeoutError:
        close = {"Connection": "close"}
        detail = f"the request was not read within {settings.timeout:g} s; send it faster"
        raise Problem(408, detail, close) from None
    except ClientDisconnect:
        raise Problem(400, "the client disconnected") from None
    if kind == "raw":
        pictures = [("image", body)] if body else []
    elif kind == "application/json":
        pictures = _from_json(body)
    else:
        pictures = await _from_multipart(request, body, settings)
    if not pictures:
        raise Problem(422, f"no picture in the request; {HINT}")
    if len(pictures) > settings.max_images:
        raise Problem(422, f"{len(pictures)} pictures; at most {settings.max_images} a request")
    return [(name[:MOST_NAME] or "image", content) for name, content in pictures]


def _media_type(request: Request) -> str:
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind in ("multipart/form-data", "application/json"):
        return kind
    if kind.startswith("image/") or kind == "application/octet-stream":
        return "raw"
    raise Problem(415, f'content type "{kind[:80]}"; {HINT}')


async def _read(request: Request, settings: ServerSettings) -> bytes:
    """The body; beyond the limit it is read and dropped, so that the client gets the reason."""
    body, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= settings.max_bytes:
            body += chunk
        elif size > MOST_DROPPED * settings.max_bytes:
            break
    if size > settings.max_bytes:
        detail = f"the body is above {settings.max_megabytes:g} MB; send fewer or smaller pictures"
        raise Problem(413, detail, {"Connection": "close"})
    return bytes(body)


def _from_json(body: bytes) -> list[Picture]:
    """`{"image": BASE64}` or `{"images": [{"name": …, "image": BASE64}, …]}`."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Problem(422, f"the body is not JSON ({error})") from None
    entries = [document] if isinstance(document, dict) and "image" in document else None
    if entries is None and isinstance(document, dict):
        entries = document.get("images")
    if not isinstance(entries, list):
        raise Problem(422, 'the JSON has neither "image" nor a list "images"')
    return [_decoded(entry, f"images[{i}]") for i, entry in enumerate(entries)]


def _decoded(entry: Any, place: str) -> Picture:
    text = entry.get("image") if isinstance(entry, dict) else None
    name = entry.get("name", "image") if isinstance(entry, dict) else None
    if not isinstance(text, str) or not isinstance(name, str):
        raise Problem(422, f'{place}: not {{"image": "…", "name": "…"}}, both of them text')
    try:
        return name, base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Problem(422, f"{place}: not base64 ({error})") from None


class _InMemory(MultiPartParser):
    """Keeps files in memory, whose size is already limited: photos never touch the disk."""

    spool_max_size = 2**40


async def _from_multipart(request: Request, body: bytes, settings: ServerSettings) -> list[Picture]:
    async def whole() -> AsyncIterator[bytes]:
        yield body

    # One above the limit, so that the answer can say how many are allowed.
    most = settings.max_images + 1
    _, parameters = parse_options_header(request.headers["content-type"])
    if not parameters.get(b"boundary"):
        raise Problem(422, "multipart/form-data without its boundary")
    parser = _InMemory(request.headers, whole(), max_files=most, max_fields=most)  # type: ignore[arg-type]
    try:
        form = await parser.parse()
    except (MultiPartException, ValueError, KeyError) as error:
        raise Problem(422, f"the multipart form is malformed ({error})") from None
    other = sorted({name[:40] for name, _ in form.multi_items() if name != "image"})
    if other:
        raise Problem(422, f'the form\'s field "{other[0]}" is not known; {HINT}')
    pictures = []
    for _, field in form.multi_items():
        if not isinstance(field, UploadFile):
            raise Problem(422, f"the field image is text, not a file; {HINT}")
        pictures.append((field.filename or "image", await field.read()))
    await form.close()
    return pictures
