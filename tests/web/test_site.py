"""The page as files: what is in it, what it asks for, how it is served."""

from __future__ import annotations

import gzip
import json
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from facealign.cli.app import run
from facealign.errors import SettingsError
from facealign.models import bundled
from facealign.web import HEADERS, make_server, media_type, site_files, write_site
from facealign.web.site import STATIC, content


def test_the_written_site_is_the_served_one(address: str, tmp_path: Path) -> None:
    assert write_site(tmp_path) == len(site_files()) + 1  # _headers
    for name in site_files():
        with urllib.request.urlopen(address + name) as answer:
            assert answer.read() == (tmp_path / name).read_bytes()
            assert answer.headers["Content-Type"] == media_type(name)
            assert HEADERS.items() <= dict(answer.headers.items()).items()
    assert "Cross-Origin-Embedder-Policy: require-corp" in (tmp_path / "_headers").read_text()


def test_the_root_is_the_page_and_other_names_are_not_found(address: str) -> None:
    with urllib.request.urlopen(address) as answer:
        assert b"Nothing leaves this page" in answer.read()
    for name in ("none", "../pyproject.toml", "%2e%2e/site.py", "static/index.html"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(address + name)


def test_head_has_no_body(address: str) -> None:
    with urllib.request.urlopen(urllib.request.Request(address, method="HEAD")) as answer:
        assert int(answer.headers["Content-Length"]) > 1000
        assert answer.read() == b""


def test_types_are_what_browsers_insist_on() -> None:
    script = "text/javascript; charset=utf-8"
    assert media_type("ort/ort.wasm.min.mjs") == media_type("page.js") == script
    assert media_type("x.wasm") == "application/wasm"
    assert all(media_type(name) for name in site_files())


def test_nothing_asks_another_host() -> None:
    """No address but of documents: XML names, and links in comments of onnxruntime-web."""
    for path in STATIC.rglob("*"):
        if path.suffix in (".js", ".html", ".css", ".svg"):
            found = re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"']*", path.read_text())
            assert [a for a in found if "www.w3.org/2000/svg" not in a] == [], path


def test_the_runtime_is_whole_and_small() -> None:
    packed = content(site_files()["ort/ort-wasm-simd-threaded.wasm.gz"])
    assert gzip.decompress(packed)[:4] == b"\0asm"
    assert "MIT License" in (STATIC / "ort" / "LICENSE.txt").read_text()
    assert max(path.stat().st_size for path in STATIC.rglob("*")) < 8e6


def test_settings_are_pythons() -> None:
    settings = json.loads(content(site_files()["settings.json"]))
    assert settings["models"].keys() == bundled().keys()
    for model in settings["models"].values():
        assert model["file"] in site_files()
        assert settings["markups"][model["markup"]]["count"] > 0


def test_a_port_in_use_is_said(address: str) -> None:
    port = int(address.rstrip("/").rsplit(":", 1)[1])
    with pytest.raises(SettingsError, match=f"port {port} cannot be used"):
        make_server(port)


def test_the_verb_writes_the_site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["web", "-o", str(tmp_path / "site")]) == 0
    assert str(tmp_path / "site") in capsys.readouterr().out
    assert (tmp_path / "site" / "index.html").is_file()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_verb_serves_until_it_is_stopped(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "facealign", "web", "--port", "0"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[0]
        with urllib.request.urlopen(address) as answer:
            assert answer.status == 200
        process.send_signal(number)
        assert process.communicate(timeout=30) == ("", "")
        assert process.returncode == 0


def test_a_closed_connection_harms_nothing(address: str) -> None:
    import socket

    host, port = address.removeprefix("http://").rstrip("/").split(":")
    for _ in range(3):
        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"GET /models/aan-m.onnx HTTP/1.1\r\nHost: x\r\n\r\n")
    with urllib.request.urlopen(address) as answer:
        assert answer.status == 200
    assert threading.active_count() < 20
