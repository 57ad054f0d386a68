"""XML files of label tools, read one element at a time, safe from entity bombs."""

import xml.etree.ElementTree as ET
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from facealign.errors import DataError
from facealign.files import BAD_CONTENT, COPY, parsing, reading

HEAD = 65536
"""Bytes at the start of a file that are searched for entity declarations."""


def read_elements(path: Path, top: str, tags: Collection[str]) -> Iterator[ET.Element]:
    """The elements with these tags, one at a time; each is emptied before the next.

    None of them may be inside another. `top` is the tag that the file must start with.

    Raises:
        DataError: the file cannot be read, is not XML, begins with another element, or declares
            entities, which may grow without end.
    """
    with reading(path), parsing(path, "not XML", cure=COPY):
        with path.open("rb") as file:
            if b"<!ENTITY" in file.read(HEAD):
                raise DataError(f"{path}: declares entities, which are not supported: remove them")
        events = ET.iterparse(path, ("start", "end"))
        _, first = next(events)
        if first.tag != top:
            raise DataError(f"{path}: starts with <{first.tag}> instead of <{top}>")
        for event, element in events:
            if event == "end" and element.tag in tags:
                yield element
                element.clear()


def top_tag(path: Path) -> str | None:
    """The tag of the first element; None where the file is not XML."""
    with reading(path), suppress(StopIteration, *BAD_CONTENT):
        return str(next(ET.iterparse(path, ("start",)))[1].tag)
    return None


def legal_text(text: str) -> str:
    """The text without the characters that XML forbids."""
    return "".join(c if c >= " " or c in "\t\n\r" else "\ufffd" for c in text)
