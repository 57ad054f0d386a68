"""`facealign web`: the page in the browser."""

import webbrowser
from contextlib import suppress
from pathlib import Path

import click

from facealign.cli.console import counted, say
from facealign.cli.options import output_option, port_option


@click.command("web", short_help="Landmarks in the browser: a page that never uploads.")
@output_option("DIR", "Write the page there, for any static host, instead of serving it.")
@port_option(8001)
@click.option("--open", "opened", is_flag=True, help="Open it in the browser.")
def command(output: Path | None, port: int, opened: bool) -> int:
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
