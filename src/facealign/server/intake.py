"""What a request asks for, and its pictures; or why it is refused, as RFC 9457 has it.

Pictures come in one of three ways, and nothing touches the disk.
"""

import asyncio
import base64
import binascii
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse

from facealign.markup import MARKUPS, known_markup
from facealign.models import DEFAULT, bundled
from facealign.server.settings import ServerSettings

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 2
"""What a client is told to wait when all slots and the queue are taken."""


class Problem(Exception):  # noqa: N818  (RFC 9457's own word)
    """Why a request is refused: what was given, why it fails, what to do."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = HTTPStatus(status), detail, headers

    def response(self) -> JSONResponse:
        """The answer."""
        content = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
        }
        return JSONResponse(content, self.status, self.headers, MEDIA_TYPE)


def busy() -> Problem:
    """All slots and the queue are taken."""
    retry = {"Retry-After": str(RETRY_SECONDS)}
    return Problem(503, f"too many requests at a time; try again in {RETRY_SECONDS} s", retry)


LIMITS = {"min_face": (8, 10_000), "max_faces": (1, 1_000)}
NAMES = ("model", "markup", *LIMITS, "measures")
FLAGS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a request asks for.

    Attributes:
        model: a bundled one's name; a path only where the server was started with it.
        markup: the point scheme; None takes the model's first.
        min_face: side of the smallest face to look for, in pixels.
        max_faces: at most that many, the most certain; None gives all.
        measures: also the openness of eyes and mouth.
    """

    model: str
    markup: str | None = None
    min_face: int = 20
    max_faces: int | None = None
    measures: bool = False

    @classmethod
    def from_query(cls, query: Mapping[str, str], model: str) -> "Options":
        """Read them from a query; `model` where it names none.

        Raises:
            Problem: 422, a name or a value is not one of those offered.
        """
        unknown = sorted(set(query) - set(NAMES))
        if unknown:
            raise _refused(unknown[0][:40], "unknown", NAMES)
        given = query.get("model", model)
        if "model" in query and given not in (choices := ("default", *bundled())):
            raise _refused("model", given, choices)
        markup = query.get("markup")
        if markup is not None and not known_markup(markup):
            raise _refused("markup", markup, tuple(MARKUPS))
        flag = query.get("measures", "false").lower()
        if flag not in FLAGS:
            raise _refused("measures", flag, tuple(FLAGS))
        return cls(
            model=DEFAULT if given == "default" else given,
            markup=markup,
            min_face=_number(query, "min_face") or 20,
            max_faces=_number(query, "max_faces"),
            measures=FLAGS[flag],
        )


def _refused(name: str, value: str, choices: tuple[str, ...]) -> Problem:
    return Problem(422, f'query parameter {name}: "{value[:40]}"; choose {", ".join(choices)}')


def _number(query: Mapping[str, str], name: str) -> int | None:
    if name not in query:
        return None
    low, high = LIMITS[name]
    text = query[name]
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and low <= int(text) <= high):
        detail = f'query parameter {name}: "{text[:40]}" is not a whole number of {low} to {high}'
        raise Problem(422, detail)
    return int(text)


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
    fields = document if isinstance(document, dict) else {}
    entries = [fields] if "image" in fields else fields.get("images")
    if not isinstance(entries, list):
        raise Problem(422, 'the JSON has neither "image" nor a list "images"')
    return [_decoded(entry, f"images[{i}]") for i, entry in enumerate(entries)]


def _decoded(entry: Any, place: str) -> Picture:
    fields = entry if isinstance(entry, dict) else {}
    text, name = fields.get("image"), fields.get("name", "image")
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
