"""The part of YAML that `data.yaml` files are written in, as the core has no YAML library.

Maps and lists by indentation, lists and maps in brackets on one line, words, numbers, comments.
"""

import json
import re
from pathlib import Path
from typing import Any

from facealign.errors import DataError
from facealign.files import reading

KEY = re.compile(r"""((?:"[^"]*"|'[^']*'|[^\s"'\[{#:][^:#]*?))\s*:(?:\s+(.*))?""")
BEFORE_COMMENT = re.compile(r"""(?:[^"'#]|"[^"]*"|'[^']*'|["']|(?<=\S)#)*""")
Lines = list[tuple[int, str]]
"""Indentation and text, the next line last."""


def read_yaml(path: Path) -> dict[str, Any]:
    """The map in a simple YAML file.

    Raises:
        DataError: it cannot be read, is no map, or is not simple.

    """
    with reading(path):
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    try:
        lines = _lines(text)
        found = _parse_map(lines, 0)
        if lines:
            raise ValueError(f'"{lines[-1][1]}"')
    except (ValueError, IndexError) as error:
        raise DataError(f"{path}: not the YAML of a YOLO data set: {error}") from None
    return found


def _lines(text: str) -> Lines:
    found = []
    for line in text.splitlines():
        before = BEFORE_COMMENT.match(line)
        bare = before[0].rstrip() if before else ""
        word = bare.lstrip()
        if word and word not in ("---", "..."):
            found.append((len(bare) - len(word), word))
    return found[::-1]


def _parse_map(lines: Lines, indent: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while lines and lines[-1][0] == indent and not lines[-1][1].startswith("- "):
        _, text = lines.pop()
        match = KEY.fullmatch(text)
        if match is None:
            raise ValueError(f'"{text}" is not "key: value"')
        found[str(_scalar(match[1]))] = _value(match[2] or "", lines, indent)
    return found


def _value(text: str, lines: Lines, indent: int) -> Any:
    """What follows a key: a text of many lines, a value, or what is indented below."""
    if text[:1] in ("|", ">"):
        while lines and lines[-1][0] > indent:
            lines.pop()
        return text
    if text:
        while text[0] in "[{" and text.count(text[0]) > text.count("]}"["[{".index(text[0])]):
            text += " " + lines.pop()[1]
        return _scalar(text)
    if not lines:
        return None
    below, first = lines[-1]
    if first.startswith("- ") and below >= indent:
        return _parse_list(lines, below)
    return _parse_map(lines, below) if below > indent else None


def _parse_list(lines: Lines, indent: int) -> list[Any]:
    found = []
    while lines and lines[-1][0] == indent and lines[-1][1].startswith("- "):
        found.append(_scalar(lines.pop()[1][2:].strip()))
    return found


def _scalar(text: str) -> Any:
    """A word, a number, or what is in brackets."""
    if text[0] == "[" and text[-1] == "]":
        return [_scalar(part) for part in _parts(text[1:-1])]
    if text[0] == "{" and text[-1] == "}":
        pairs = [part.partition(":") for part in _parts(text[1:-1])]
        return {str(_scalar(key.strip())): _scalar(value.strip()) for key, _, value in pairs}
    if text[0] == "'" == text[-1]:
        return text[1:-1].replace("''", "'")
    try:
        return json.loads(text)
    except ValueError:
        return text


def _parts(text: str) -> list[str]:
    """The parts between the commas outside of brackets."""
    depth, parts = 0, [""]
    for letter in text:
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]
