"""`facealign web` and `facealign serve`: the page in the browser, and landmarks over HTTP."""

import os
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from facealign.cli.console import counted, say
from facealign.cli.options import (
    FiniteRange,
    device_option,
    model_option,
    output_option,
    port_option,
)
from facealign.errors import needs

TOKEN = "FACEALIGN_TOKEN"


@click.command("web", short_help="Landmarks in the browser: a page that never uploads.")
@output_option("DIR", "Write the page there, for any static host, instead of serving it.")
@port_option(8001)
@click.option("--open", "opened", is_flag=True, help="Open it in the browser.")
def web(output: Path | None, port: int, opened: bool) -> int:
    """Find landmarks in the browser: photos and webcam, in a page that never uploads.

    The page is served on this machine alone until Ctrl-C.

    \b
    facealign web --open
    facealign web -o site/
    """  # noqa: D301
    from facealign.web import make_server, write_site

    if output:
        say(f"{counted(write_site(output), 'file')}: {output}")
        return 0
    with make_server(port) as server:
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        say(f"{address} (Ctrl-C ends it)")
        if opened:
            webbrowser.open(address)
        with suppress(KeyboardInterrupt):  # how it is stopped
            server.serve_forever()
    return 0


@click.command("serve", short_help="Landmarks over HTTP, for every language.")
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@port_option(8000)
@model_option
@device_option
@click.option("--slots", type=int, metavar="N", help="Requests at a time; default: one a core.")
@click.option("--queue", type=int, default=16, help="Requests that may wait.")
@click.option("--timeout", type=FiniteRange(), default=30.0, help="Seconds for a request.")
@click.option(
    "--max-mb", "max_megabytes", type=FiniteRange(), default=10.0, help="Megabytes of a request."
)
@click.option("--max-megapixels", type=FiniteRange(), default=40.0, help="Of a picture.")
@click.option(
    "--origin",
    "origins",
    multiple=True,
    metavar="URL",
    help="A site whose pages may call the server; * for all. Repeat it for several.",
)
@click.option("--no-page", is_flag=True, help="Leave out the page of facealign web.")
def serve(host: str, port: int, no_page: bool, **given: Any) -> int:
    """Find landmarks in photos sent over HTTP: POST /v1/align; /docs has the details.

    Listens on this machine only, unless --host says otherwise. If FACEALIGN_TOKEN is set in the
    environment, requests must carry it as a bearer token. On SIGTERM and Ctrl-C, running requests
    are finished.

    \b
    facealign serve
    facealign serve --host 0.0.0.0 --port 80 --slots 4
    """  # noqa: D301
    with needs("server", "facealign serve"):
        from facealign.server import ServerSettings, serve as answer
    stated = {name: value for name, value in given.items() if value is not None}
    settings = ServerSettings(token=os.environ.get(TOKEN), page=not no_page, **stated)
    with suppress(KeyboardInterrupt):  # uvicorn raises the signal again after its shutdown
        answer(settings, host, port, say)
    return 0
