"""Run the server until a signal; running requests are finished first."""

import logging
import socket
from collections.abc import Callable

import uvicorn

from facealign.errors import SettingsError
from facealign.files import reason
from facealign.server.app import make_app
from facealign.server.settings import ServerSettings

CONNECTIONS = 512
"""Connections at a time; more are answered with 503."""
GRACE = 5.0
"""Seconds that a stopping server waits beyond a request's own timeout."""


def serve(settings: ServerSettings, host: str, port: int, listening: Callable[[str], None]) -> None:
    """Answer requests until SIGINT or SIGTERM; requests under way are finished.

    Port 0 takes a free one; `listening` is told the server's address once requests are accepted.

    Raises:
        ModelError: the model is missing or damaged.
        SettingsError: the address or the port cannot be used.
    """
    app = make_app(settings)
    # It warns about malformed forms, which the client is told about anyway.
    logging.getLogger("python_multipart").addHandler(logging.NullHandler())
    with _bound(host, port) as taken:
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="on",
            log_config=None,
            log_level="error",  # a client that does not speak HTTP is told so, as others are
            access_log=False,
            server_header=False,
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=round(2 * settings.timeout + GRACE),
        )
        name = f"[{host}]" if ":" in host else host
        listening(f"http://{name}:{taken.getsockname()[1]}/")
        uvicorn.Server(config).run(sockets=[taken])


def _bound(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        taken = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise SettingsError(f"{host}: not an address of this machine ({reason(error)})") from None
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
        taken.listen(128)
    except OSError as error:
        taken.close()
        raise SettingsError(
            f"{host} port {port} cannot be used ({reason(error)}); choose another with --port"
        ) from None
    return taken
