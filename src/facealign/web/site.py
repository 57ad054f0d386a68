"""The page as static files by name: to be served, or written for any other host."""

import json
from functools import cache
from pathlib import Path

from facealign.files import packaged
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
