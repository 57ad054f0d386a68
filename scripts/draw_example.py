"""The picture on the README's first screen: the example photo's face with its landmarks.

python scripts/draw_example.py docs/pictures/astronaut.jpg
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

import facealign

PHOTO = Path(__file__).parents[1] / "examples" / "astronaut.jpg"
PART = (100, 20, 350, 270)
"""The part of the photo around the head: left, top, right, bottom."""
SIDE = 500


def main(target: Path) -> None:
    part = Image.open(PHOTO).convert("RGB").crop(PART).resize((SIDE, SIDE))
    pixels = np.asarray(part)
    facealign.write_image(facealign.draw_faces(pixels, facealign.align(pixels)), target)
    print(f"picture: {target}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
