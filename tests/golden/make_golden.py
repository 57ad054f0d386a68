"""Make the golden files: python tests/golden/make_golden.py.

Run it after a bundled model or the way from photo to landmarks changed on purpose, look at the
picture that `facealign examples/astronaut.jpg --draw x.png` draws, and commit the new files.
"""

from __future__ import annotations

import json
from pathlib import Path

import facealign

HERE = Path(__file__).parent
MODELS = ("aan-m", "aan-s", "heatmap-m")
"""Of 68 points."""


def main() -> None:
    for model in MODELS:
        faces = facealign.FaceAligner(model).align(HERE.parents[1] / "examples" / "astronaut.jpg")
        content = json.dumps([face.to_dict() for face in faces])
        (HERE / f"astronaut-{model}.json").write_text(content + "\n")


if __name__ == "__main__":
    main()
