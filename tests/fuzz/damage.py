"""Damage to files: bytes of any kind, values of text, JSON, arrays, tables and models."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from facealign.models import ENTRY, signed

Damage = Callable[[bytes, Random, Sequence[bytes]], bytes]
"""(a whole file, random, other whole files) → the file damaged."""
HUGE = str(10**400)
WORDS = (
    ["0", "-1", "1e400", "-1e400", "1e308", "1e9", "4294967296", "9223372036854775808", HUGE]
    + ["NaN", "nan", "-inf", "Infinity", "", " ", "0x10", "1_0", "٣", "½", "true", "null", "1,5"]
    + ["\x00", "\x1b[2J", "../../etc/passwd", "a" * 5000]
)
VALUES: tuple[str, ...] = (
    *("null", "true", "false", "0", "-1", "0.5", "1e400", "-1e400", "1e308", "NaN", "-Infinity"),
    *('""', '"x"', '"\\u0000"', '"\\ud800"', '"\\u001b[31m"', "[]", "{}", "[[]]", '[null, "x"]'),
    *(HUGE, f"-{HUGE}", "9" * 5000, "[" * 30000, '{"a":' * 30000, "[" * 500 + "]" * 500),
    *("[1, 2, 3, 4]", "[4, 3, 2, 1]", "[NaN, 0, 1, 1]", '{"x": 1}', "4294967296", "1e39"),
)
"""As JSON writes them, valid or not."""


def bits(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    content = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 8, 64))):
        if content:
            content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    return bytes(content)


def cut(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def drop(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    start = random.randrange(len(data) + 1)
    return data[:start] + data[start + random.choice((1, 4, 64, 1000)) :]


def repeat(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    start = random.randrange(len(data) + 1)
    part = data[start : start + random.choice((1, 16, 400))]
    return data[:start] + part * random.choice((2, 3, 50)) + data[start:]


def number(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    """A whole number of 1, 2, 4 or 8 bytes at its largest, its smallest, or any."""
    size = random.choice((1, 2, 4, 4, 8))
    value = random.choice((b"\xff" * size, b"\x00" * size, b"\x7f" + b"\xff" * (size - 1)))
    value = random.choice((value, value[::-1], random.randbytes(size)))
    start = random.randrange(max(1, len(data) - size))
    return data[:start] + value + data[start + size :]


def splice(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    other = random.choice(others)
    return data[: random.randrange(len(data) + 1)] + other[random.randrange(len(other) + 1) :]


def not_utf8(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    start = random.randrange(len(data) + 1)
    odd = random.choice((b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\x00", b"\xf8\x88\x80\x80\x80"))
    return random.choice(
        (data[:start] + odd + data[start:], b"\xef\xbb\xbf" + data, data[:2] + odd * 9)
    )


def other_encoding(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    return data.decode(errors="replace").encode(random.choice(("utf-16", "utf-32", "utf-7")))


BYTES: tuple[Damage, ...] = (bits, bits, bits, cut, drop, repeat, number, number, splice)


def token(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    """A word or number of a text becomes another."""
    found = list(re.finditer(rb"[^\s,;:<>={}\[\]\"]+", data))
    if not found:
        return data
    place = random.choice(found)
    word = random.choice((*WORDS, *VALUES)).encode(errors="surrogatepass")
    return data[: place.start()] + word + data[place.end() :]


def line(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    """A line is lost, comes twice, or changes its place."""
    lines = data.splitlines(keepends=True) or [b""]
    row = lines.pop(random.randrange(len(lines)))
    for _ in range(random.choice((0, 1, 2))):
        lines.insert(random.randrange(len(lines) + 1), row)
    return b"".join(lines)


TEXT: tuple[Damage, ...] = (token, token, token, line, not_utf8, other_encoding, cut, bits, splice)


def json_value(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    """A value somewhere in a JSON document, or in a line of JSON, becomes another or is lost."""
    lines = [data] if data.lstrip()[:1] == b"{" and b"\n{" not in data else data.split(b"\n")
    place = random.randrange(len(lines))
    try:
        tree = json.loads(lines[place])
    except (ValueError, RecursionError):
        return data
    spots = list(_spots([tree], []))
    holder, key = random.choice(spots[1:] or spots)
    raw = ""
    if isinstance(holder, dict) and random.random() < 0.2:
        del holder[key]
    else:
        raw, holder[key] = random.choice(VALUES), MARK
    lines[place] = json.dumps(tree).replace(json.dumps(MARK), raw).encode()
    return b"\n".join(lines)


MARK = "<here>"


def _spots(value: Any, above: list[Any]) -> Iterator[tuple[Any, Any]]:
    keys = value if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _spots(value[key], above)


def odd_array(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    """An array of an `.npz` file has another type, shape or values, or is lost."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except Exception:  # damaged already
        return data
    name = random.choice(list(arrays))
    array = arrays.pop(name)
    odd = {
        "lost": None,
        "flat": array.ravel(),
        "short": array[: len(array) // 2] if array.ndim else array,
        "deep": array[None],
        "words": array.astype(str),
        "objects": array.astype(object),
        "complex": np.ones(array.shape, np.complex64),
        "nan": np.full(array.shape, np.nan),
        "huge": np.full(array.shape, random.choice((1e30, -1e30, 2**62))),
        "none": np.zeros((0, *array.shape[1:])),
        "scalar": np.float32(3),
    }[kind := random.choice(ODD)]
    if kind != "lost":
        arrays[name] = odd
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


ODD = ("lost", "flat", "short", "deep", "words", "objects", "complex", "nan", "huge")
ODD += ("none", "scalar")


def odd_table(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    """A Parquet file of the same rows, one value of another kind."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(io.BytesIO(data)).to_pylist()
        text = json_value(json.dumps({"rows": rows}).encode(), random, others)
        table = pa.Table.from_pylist(json.loads(text)["rows"])
        buffer = io.BytesIO()
        pq.write_table(table, buffer)
        return buffer.getvalue()
    except Exception:  # what no table can hold
        return bits(data, random, others)


def odd_metadata(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    """An ONNX file with another entry of its metadata, and a digest that fits."""
    import onnx

    try:
        proto = onnx.load_from_string(data.rpartition(ENTRY)[0])
        prop = random.choice(proto.metadata_props)
        prop.value = random.choice(
            [w for w in (*WORDS, *VALUES) if "\x00" not in w and "\\ud" not in w]
        )
        if random.random() < 0.2:
            proto.metadata_props.remove(prop)
        return signed(bytes(proto.SerializeToString()))
    except Exception:  # damaged already
        return bits(data, random, others)


def odd_state(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    """A checkpoint with one entry of another kind, and a digest that fits."""
    import torch

    from facealign.training.rundir.checkpoint import save_checkpoint

    try:
        state = torch.load(io.BytesIO(data), weights_only=True)
    except Exception:  # damaged already
        return bits(data, random, others)
    spots = [s for s in _spots([state], []) if s[1] != "version"]
    if not spots[1:]:
        return bits(data, random, others)
    holder, key = random.choice(spots[1:])
    odd = (None, 3, -1.5, "x", [], {}, float("nan"), 10**30, torch.zeros(2), [[1]], "\x1b[2J")
    if isinstance(holder, dict) and random.random() < 0.2:
        del holder[key]
    else:
        holder[key] = random.choice(odd)
    with TemporaryDirectory() as folder:
        save_checkpoint(state, path := Path(folder) / "odd.pt")
        return path.read_bytes()


BY_SUFFIX: dict[str, tuple[Damage, ...]] = {
    ".json": (json_value, json_value, json_value, *TEXT),
    ".jsonl": (json_value, json_value, json_value, *TEXT),
    ".journal": (json_value, json_value, *TEXT),
    ".npz": (odd_array, odd_array, *BYTES),
    ".parquet": (odd_table, odd_table, odd_table, *BYTES),
} | dict.fromkeys((".csv", ".xml", ".toml", ".pts", ".txt"), TEXT)


def usual(name: str) -> tuple[Damage, ...]:
    """The damage to a file of this name."""
    return BY_SUFFIX.get("." + name.rpartition(".")[2], BYTES)


def damaged(ways: Sequence[Damage], data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    """The content of a file after one change or more."""
    for _ in range(random.choice((1, 1, 1, 1, 2, 3, 6))):
        data = random.choice(ways)(data, random, others)
    return data
