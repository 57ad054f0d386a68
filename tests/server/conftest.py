"""A server in a process of its own, and requests over real sockets."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    """A running `facealign serve`."""

    process: subprocess.Popen[str]
    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self,
        path: str,
        body: bytes | None = None,
        kind: str | None = None,
        method: str | None = None,
        **headers: str,
    ) -> Answer:
        """Send a request; with a body it is a POST."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        if kind is not None:
            headers["Content-Type"] = kind
        try:
            connection.request(method or ("GET" if body is None else "POST"), path, body, headers)
            answer = connection.getresponse()
            given = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, given, answer.read())
        finally:
            connection.close()

    def memory(self) -> float:
        """Megabytes that the process holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def stop(self) -> int:
        """Send SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


Start = Callable[..., Any]


@contextmanager
def running(*options: str, **environment: str) -> Iterator[Server]:
    """`facealign serve` with these options on a free port."""
    command = [sys.executable, "-m", "facealign", "serve", "--port", "0", *options]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    if not line.startswith("http://127.0.0.1:"):
        process.kill()
        raise AssertionError(process.communicate())
    try:
        yield Server(process, int(line.strip().rstrip("/").rsplit(":", 1)[1]))
    finally:
        process.terminate()
        out, errors = process.communicate(timeout=60)
        assert (out, errors) == ("", "")  # nothing of a photo is logged, nor anything else


@pytest.fixture
def start() -> Start:
    """`running`, for a test that wants options of its own."""
    return running


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server with two slots."""
    with running("--slots", "2") as server:
        yield server


@pytest.fixture(scope="session")
def photo(astronaut_path: Path) -> bytes:
    """A photo's file."""
    return astronaut_path.read_bytes()


Form = Callable[..., tuple[bytes, str]]


@pytest.fixture(scope="session")
def form() -> Form:
    """((name, content) …) → a multipart body and its type."""

    def make(*files: tuple[str, bytes], field: str = "image") -> tuple[bytes, str]:
        boundary = uuid.uuid4().hex
        body = b""
        for name, content in files:
            head = f'Content-Disposition: form-data; name="{field}"; filename="{name}"'
            body += f"--{boundary}\r\n{head}\r\nContent-Type: image/jpeg\r\n\r\n".encode()
            body += content + b"\r\n"
        return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"

    return make
