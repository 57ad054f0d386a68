"""Run the notebooks of the documentation, and keep what their cells show.

    pip install nbclient ipykernel
    python scripts/run_notebooks.py docs/notebooks/*.ipynb

Each runs in its own folder, from its first cell to its last; a cell that fails ends the script with
its error, and the file stays as it was. What names this machine is left out, so that only what a
cell shows can change.
"""

from __future__ import annotations

import base64
import io
import os
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from PIL import Image

from facealign.files import write_file

FOLDER = re.compile(r"/\S*?/tmp\w+")
"""A temporary folder, in what a command prints."""


def main(paths: list[Path]) -> None:
    os.environ |= {"TTY_COMPATIBLE": "0", "NO_COLOR": "1"}  # no progress bars among the results
    for path in paths:
        book = nbformat.read(path, as_version=4)
        NotebookClient(book, timeout=1800, resources={"metadata": {"path": path.parent}}).execute()
        for cell in book.cells:
            cell.metadata.clear()
            tidy(cell.get("outputs", []))
        book.metadata = {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
        write_file(path, nbformat.writes(book) + "\n")
        print(f"notebook: {path}, {path.stat().st_size / 1000:.0f} kB")


def tidy(outputs: list[Any]) -> None:
    """Without temporary folders; pictures in 256 colours and without a text beside them."""
    for output in outputs:
        if "text" in output:
            output["text"] = FOLDER.sub("cats", output["text"]).replace("\r", "")
        if "image/png" in output.get("data", {}):
            output["data"].pop("text/plain", None)
            output["data"]["image/png"] = fewer_colours(output["data"]["image/png"])


def fewer_colours(png: str) -> str:
    """A PNG in base64, in 256 colours: a third of the size."""
    with Image.open(io.BytesIO(base64.b64decode(png))) as picture:
        few = picture.convert("RGB").quantize(256)
    content = io.BytesIO()
    few.save(content, "png", optimize=True)
    return base64.b64encode(content.getvalue()).decode() + "\n"


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
