"""The page served on this machine by the standard library."""

import logging
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from facealign.errors import SettingsError
from facealign.files import reason
from facealign.web.site import HEADERS, content, media_type, site_files

LOG = logging.getLogger(__name__)
HOST = "127.0.0.1"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60  # seconds a connection may stay silent
    server_version = "facealign"
    sys_version = ""

    def do_GET(self) -> None:
        self._answer(self.command == "GET")

    do_HEAD = do_GET  # noqa: N815  (the standard library's name)

    def _answer(self, with_body: bool) -> None:
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
        if with_body:
            self.wfile.write(body)

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
        return _Server((HOST, port), _Handler)
    except OSError as error:
        raise SettingsError(
            f"port {port} cannot be used ({reason(error)}); choose another with --port"
        ) from None
