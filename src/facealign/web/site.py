"""The page as static files by name: served on this machine, or written for any other host."""

import json
import logging
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from facealign.errors import SettingsError
from facealign.files import packaged, reason
from facealign.formats.folders import write_into
from facealign.models import WEIGHTS, bundled, model_path
from facealign.web.settings import page_settings
from facealign.yunet import YuNet

STATIC = packaged("web/static")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; "
        "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    # Together these two let the page use several threads.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
"""Headers of every response with a file of the page."""
MEDIA_TYPES = {
    # Listed here because the system's own table differs from machine to machine.
    ".css": "text/css; charset=utf-8",
    ".gz": "application/gzip",
    ".html": "text/html; charset=utf-8",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".onnx": "application/octet-stream",
    ".svg": "image/svg+xml",
    ".ts": "text/plain; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
}


@cache
def site_files() -> dict[str, Path | bytes]:
    """Every file of the page by its path on the site; generated ones as bytes.

    Raises:
        ModelError: a bundled model is missing or damaged.
    """
    found: dict[str, Path | bytes] = {
        path.relative_to(STATIC).as_posix(): path
        for path in sorted(STATIC.rglob("*"))
        if path.is_file()
    }
    for model in (*map(model_path, bundled()), YuNet.bundled_file()):
        terms = WEIGHTS / f"{model.stem}.LICENSE.txt"
        found |= {f"models/{path.name}": path for path in (model, terms)}
    found["settings.json"] = json.dumps(page_settings(), separators=(",", ":")).encode()
    return found


def content(file: Path | bytes) -> bytes:
    """The bytes of a file of `site_files`."""
    return file if isinstance(file, bytes) else file.read_bytes()


def media_type(name: str) -> str:
    """The `Content-Type` of a file of the page."""
    return MEDIA_TYPES[Path(name).suffix]


def write_site(folder: Path) -> int:
    """Write the page for any static host; the number of files.

    `_headers` holds the headers in the form that Netlify and Cloudflare Pages read; on a host that
    sends no such headers the page works on one thread.

    Raises:
        ModelError: a bundled model is missing or damaged.
        OutputError: a file cannot be written, or would replace one that is not ours.
    """
    lines = "".join(f"  {name}: {value}\n" for name, value in HEADERS.items())
    files = site_files() | {"_headers": f"/*\n{lines}".encode()}
    with write_into(folder, *files) as apart:
        for name, file in files.items():
            apart.write(name, content(file))
    return len(files)


LOG = logging.getLogger(__name__)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60  # seconds a connection may stay silent
    server_version = "facealign"
    sys_version = ""

    def do_GET(self) -> None:
        name = unquote(urlsplit(self.path).path).removeprefix("/") or "index.html"
        file = site_files().get(name)
        if file is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        body = content(file)
        self.send_response(HTTPStatus.OK)
        headers = {"Content-Type": media_type(name), "Content-Length": str(len(body))} | HEADERS
        for header, value in headers.items():
            self.send_header(header, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815  (the standard library's name)

    def log_message(self, format: str, *args: object) -> None:
        LOG.debug(format, *args)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that closes a connection is not an error."""
        LOG.debug("a connection ended early", exc_info=True)


def make_server(port: int) -> ThreadingHTTPServer:
    """A server for the page on 127.0.0.1, for `serve_forever`; port 0 picks a free one.

    Raises:
        ModelError: a bundled model is missing or damaged.
        SettingsError: the port cannot be used.
    """
    site_files()  # made once, before the first request
    try:
        return _Server(("127.0.0.1", port), _Handler)
    except OSError as error:
        raise SettingsError(
            f"port {port} cannot be used ({reason(error)}); choose another with --port"
        ) from None
