"""Under load, with slow and broken clients, and at the end: right codes, nothing lost."""

from __future__ import annotations

import io
import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facealign.server.app import _bound

JPEG = "image/jpeg"


@pytest.fixture(scope="module")
def slow_photo() -> bytes:
    """A photo that takes a while: noise, searched at several scales."""
    noise = np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG", quality=40)
    return buffer.getvalue()


def send(server: Any, head: str, body: bytes = b"") -> socket.socket:
    client = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    client.sendall(head.replace("\n", "\r\n").encode() + body)
    return client


def head(length: int) -> str:
    return f"POST /v1/align HTTP/1.1\nHost: x\nContent-Type: {JPEG}\nContent-Length: {length}\n\n"


def status(client: socket.socket) -> int:
    with client:
        return int(client.recv(200).split()[1])


def test_overload_is_bounded_and_says_when_to_come_back(start: Any, slow_photo: bytes) -> None:
    with start("--slots", "1", "--queue", "3") as server:
        with ThreadPoolExecutor(32) as pool:
            answers = list(pool.map(lambda _: server.ask("/v1/align", slow_photo, JPEG), range(32)))
        codes = Counter(answer.status for answer in answers)
        assert set(codes) == {200, 503}
        assert codes[200] >= 4
        refused = [answer for answer in answers if answer.status == 503]
        assert all(answer.headers["retry-after"] == "2" for answer in refused)
        assert all(answer.json["status"] == 503 for answer in refused)
        assert server.ask("/readyz").status == 200  # all slots are free again
        assert server.ask("/v1/align", slow_photo, JPEG).status == 200


def test_what_takes_too_long_is_504_and_keeps_its_slot(start: Any, slow_photo: bytes) -> None:
    with start("--slots", "1", "--queue", "0", "--timeout", "0.05") as server:
        assert server.ask("/v1/align", slow_photo, JPEG).status == 504
        assert server.ask("/readyz").status == 503  # the slot is still taken
        assert server.ask("/v1/align", slow_photo, JPEG).status == 503
        until = time.monotonic() + 60
        while server.ask("/readyz").status != 200:
            assert time.monotonic() < until
            time.sleep(0.1)


def test_slow_and_broken_clients_take_no_slot(start: Any, photo: bytes) -> None:
    with start("--slots", "1", "--queue", "0", "--timeout", "1.5") as server:
        slow = [send(server, head(len(photo)), photo[:100]) for _ in range(3)]
        for _ in range(5):
            send(server, head(len(photo)), photo[:1000]).close()  # cut in the middle
        assert server.ask("/v1/align", photo, JPEG).status == 200
        assert {status(client) for client in slow} == {408}
        assert server.ask("/v1/align", photo, JPEG).status == 200


def test_what_is_not_http_is_400_and_unsaid(start: Any) -> None:
    with start() as server:  # whose end sees that it has written nothing
        assert status(send(server, "hello\n\n")) == 400
        assert server.ask("/healthz").status == 200


def test_a_body_without_a_length_is_cut_off_at_the_limit(start: Any) -> None:
    with start("--max-mb", "0.1") as server:
        chunked = "POST /v1/align HTTP/1.1\nHost: x\nContent-Type: image/png\n"
        client = send(server, chunked + "Transfer-Encoding: chunked\n\n")
        chunk = b"2710\r\n" + bytes(10_000) + b"\r\n"
        for _ in range(10):
            client.sendall(chunk)
        client.sendall(chunk + b"0\r\n\r\n")  # past 100,000 bytes
        assert status(client) == 413


def test_sigterm_finishes_what_runs_and_what_waits(start: Any, slow_photo: bytes) -> None:
    with start("--slots", "1") as server, ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(server.ask, "/v1/align", slow_photo, JPEG) for _ in range(3)]
        until = time.monotonic() + 30
        while b"facealign_waiting 2" not in server.ask("/metrics").body:
            assert time.monotonic() < until
            time.sleep(0.01)
        assert server.stop() == 0
        assert [answer.result().status for answer in asked] == [200, 200, 200]


def test_a_port_in_use_is_one_line(start: Any) -> None:
    import subprocess
    import sys

    with start() as server:
        command = [sys.executable, "-m", "facealign", "serve", "--port", str(server.port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2
        assert done.stderr.startswith(f"error: 127.0.0.1 port {server.port} cannot be used")
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_memory_stays_flat_over_2000_requests(start: Any) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (160, 120), "gray").save(buffer, "JPEG")
    with start("--slots", "2") as server, ThreadPoolExecutor(4) as pool:

        def ask(number: int) -> int:
            return int(server.ask("/v1/align", buffer.getvalue(), JPEG).status)

        assert set(pool.map(ask, range(300))) == {200}
        before = server.memory()
        assert set(pool.map(ask, range(2000))) == {200}
        assert server.memory() < before + 25


def test_an_answer_is_not_held_back_for_the_packet_before_it() -> None:
    with _bound("127.0.0.1", 0) as taken:  # asyncio sends at once on what is said to be TCP alone
        assert taken.proto == socket.IPPROTO_TCP
