"""Refusals, as RFC 9457's `application/problem+json`."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import JSONResponse

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
