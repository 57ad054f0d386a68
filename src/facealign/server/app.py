"""The Starlette application, who may call, every refusal as a problem; and running it."""

import hmac
import logging
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial, wraps
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

import facealign
from facealign.errors import SettingsError
from facealign.files import reason
from facealign.formats.json import SCHEMA, to_dict
from facealign.models import DEFAULT, bundled
from facealign.server.intake import Options, Problem, busy, read_pictures
from facealign.server.metrics import MEDIA_TYPE, Metrics
from facealign.server.openapi import document, readable
from facealign.server.settings import ServerSettings
from facealign.server.work import Slots, align_all, aligner_for, markups_of
from facealign.web.site import HEADERS, content, media_type, site_files

LOG = logging.getLogger(__name__)
READERS = 64
"""Requests that may send their bodies at a time."""
CONNECTIONS = 512
"""Connections at a time; more are answered with 503."""
GRACE = 5.0
"""Seconds that a stopping server waits beyond a request's own timeout."""
PLAIN = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
Endpoint = Callable[[Request], Awaitable[Response]]


class Service:
    """The endpoints of one server."""

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self.slots = Slots(settings)
        self.metrics = Metrics()
        self.ready = False
        self._reading = 0

    def routes(self) -> list[Route]:
        """Every path that is answered."""
        guarded = {"/v1/models": self.models, "/metrics": self.show_metrics}
        open_to_all = {"/healthz": self.health, "/readyz": self.readiness, "/docs": self.docs}
        open_to_all["/openapi.json"] = self.openapi
        paths = [
            Route(path, self._answered(path, endpoint, is_open=path in open_to_all))
            for path, endpoint in (guarded | open_to_all).items()
        ]
        align = Route("/v1/align", self._answered("/v1/align", self.align), methods=["POST"])
        # A route per file: a single one would answer wrong methods on other paths with 404.
        page = self._answered("page", self.page, is_open=True)
        names = ("", *site_files()) if self.settings.page else ()
        return [align, *paths, *(Route(f"/{name}", page) for name in names)]

    def _answered(self, path: str, endpoint: Endpoint, is_open: bool = False) -> Endpoint:
        """The endpoint with its checks, refusals and counts."""

        @wraps(endpoint)
        async def answer(request: Request) -> Response:
            try:
                if not is_open:
                    self._admit(request)
                response = await endpoint(request)
            except Problem as problem:
                response = problem.response()
            self.metrics.requests[path, response.status_code] += 1
            return response

        return answer

    def _admit(self, request: Request) -> None:
        origin = request.headers.get("origin")
        own = origin is not None and urlsplit(origin).netloc == request.headers.get("host")
        if origin is not None and not (own or {"*", origin} & set(self.settings.origins)):
            raise Problem(403, "pages of other sites may not call this server; allow one: --origin")
        token = self.settings.token
        if token is None:
            return
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {token}".encode()):
            wanted = {"WWW-Authenticate": "Bearer"}
            raise Problem(401, "no valid token: send Authorization: Bearer TOKEN", wanted)

    async def align(self, request: Request) -> Response:
        """`POST /v1/align`."""
        options = Options.from_query(_single(request), self.settings.model)
        started = time.perf_counter()
        pictures = await self._read(request)
        results = await self.slots.run(partial(align_all, pictures, options, self.settings))
        self.metrics.time(time.perf_counter() - started)
        self.metrics.images += len(results)
        self.metrics.faces += sum(len(result.faces) for result in results)
        images = [to_dict(result) for result in results]
        return JSONResponse({"schema": SCHEMA, "images": images}, headers=PLAIN)

    async def _read(self, request: Request) -> list[tuple[str, bytes]]:
        if self.slots.is_full or self._reading >= READERS:
            raise busy()
        self._reading += 1
        try:
            return await read_pictures(request, self.settings)
        finally:
            self._reading -= 1

    async def models(self, request: Request) -> Response:
        """`GET /v1/models`."""
        cards = {
            name: {
                "default": name == DEFAULT,
                "markups": markups_of(name),
                "trained_on": card.trained_on,
                "terms": card.terms,
                "measured_on": card.measured_on,
                "nme": card.nme,
            }
            for name, card in bundled().items()
        }
        if self.settings.model not in ("default", *cards):
            facts = aligner_for(self.settings.model, None, 20).facts
            own = {"default": False, "markups": facts.markups, "trained_on": facts.trained_on}
            cards[facts.name] = own | {"terms": facts.licence, "measured_on": "", "nme": {}}
        version = facealign.__version__
        return JSONResponse({"facealign": version, "models": cards}, headers=PLAIN)

    async def show_metrics(self, request: Request) -> Response:
        """`GET /metrics`."""
        text = self.metrics.text(self.slots.running, self.slots.waiting)
        return Response(text, headers={"Content-Type": MEDIA_TYPE} | PLAIN)

    async def health(self, request: Request) -> Response:
        """`GET /healthz`: the process answers."""
        return PlainTextResponse("ok\n", headers=PLAIN)

    async def readiness(self, request: Request) -> Response:
        """`GET /readyz`: the models are open, and there is room for a request."""
        if not self.ready:
            raise Problem(503, "the models are not open", {"Retry-After": "1"})
        if self.slots.is_full:
            raise busy()
        return PlainTextResponse("ready\n", headers=PLAIN)

    async def openapi(self, request: Request) -> Response:
        """`GET /openapi.json`."""
        return JSONResponse(document(self.settings), headers=PLAIN)

    async def docs(self, request: Request) -> Response:
        """`GET /docs`: the same, readable."""
        policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
        return HTMLResponse(readable(document(self.settings)), headers=PLAIN | policy)

    async def page(self, request: Request) -> Response:
        """The page of `facealign web`."""
        name = request.url.path.removeprefix("/") or "index.html"
        body = content(site_files()[name])
        return Response(body, headers={"Content-Type": media_type(name)} | HEADERS)


def _single(request: Request) -> dict[str, str]:
    """The query's parameters, each given once."""
    query: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in query:
            raise Problem(422, f"query parameter {name[:40]}: given twice")
        query[name] = value
    return query


async def _http_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return Problem(error.status_code, f"{error.detail}; see /docs", error.headers).response()


async def _fault(request: Request, error: Exception) -> Response:
    return Problem(500, "a fault of facealign; its log says more").response()


def make_app(settings: ServerSettings) -> Starlette:
    """The application, for `facealign serve` or any other ASGI server.

    Raises:
        ModelError: the model is missing or damaged.
        SettingsError: the device cannot be used here.
    """
    options = Options.from_query({}, settings.model)  # a bad model fails before the first request
    aligner_for(options.model, options.markup, options.min_face, settings.device)
    service = Service(settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        service.ready = True
        try:
            yield
        finally:
            service.ready = False
            service.slots.close()

    cors = Middleware(
        CORSMiddleware,
        allow_origins=settings.origins,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type"],
    )
    app = Starlette(
        routes=service.routes(),
        middleware=[cors] if settings.origins else [],
        exception_handlers={HTTPException: _http_problem, Exception: _fault},
        lifespan=lifespan,
    )
    app.state.service = service
    return app


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
        # asyncio turns Nagle's algorithm off for sockets that say they are TCP.
        taken = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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
