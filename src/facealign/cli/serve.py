"""`facealign serve`: landmarks over HTTP."""

import os
from contextlib import suppress

import click

from facealign.cli.console import say
from facealign.cli.options import FiniteRange, device_option, model_option, port_option
from facealign.errors import needs

TOKEN = "FACEALIGN_TOKEN"


@click.command("serve", short_help="Landmarks over HTTP, for every language.")
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@port_option(8000)
@model_option
@device_option
@click.option("--slots", type=int, metavar="N", help="Requests at a time; default: one a core.")
@click.option("--queue", type=int, default=16, help="Requests that may wait.")
@click.option("--timeout", type=FiniteRange(), default=30.0, help="Seconds for a request.")
@click.option("--max-mb", type=FiniteRange(), default=10.0, help="Megabytes of a request.")
@click.option("--max-megapixels", type=FiniteRange(), default=40.0, help="Of a picture.")
@click.option(
    "--origin",
    "origins",
    multiple=True,
    metavar="URL",
    help="A site whose pages may call the server; * for all. Repeat it for several.",
)
@click.option("--no-page", is_flag=True, help="Leave out the page of facealign web.")
def command(
    host: str,
    port: int,
    model: str,
    device: str,
    slots: int | None,
    queue: int,
    timeout: float,
    max_mb: float,
    max_megapixels: float,
    origins: tuple[str, ...],
    no_page: bool,
) -> int:
    """Find landmarks in photos sent over HTTP: POST /v1/align; /docs has the details.

    Listens on this machine only, unless --host says otherwise. If FACEALIGN_TOKEN is set in the
    environment, requests must carry it as a bearer token. On SIGTERM and Ctrl-C, running requests
    are finished.

    \b
    facealign serve
    facealign serve --host 0.0.0.0 --port 80 --slots 4
    """  # noqa: D301
    with needs("server", "facealign serve"):
        from facealign.server import ServerSettings, serve
    settings = ServerSettings(
        model=model,
        device=device,
        **({} if slots is None else {"slots": slots}),
        queue=queue,
        timeout=timeout,
        max_megabytes=max_mb,
        max_megapixels=max_megapixels,
        token=os.environ.get(TOKEN),
        origins=origins,
        page=not no_page,
    )
    with suppress(KeyboardInterrupt):  # uvicorn raises the signal again after its shutdown
        serve(settings, host, port, say)
    return 0
