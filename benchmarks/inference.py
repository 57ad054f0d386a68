"""How long each step from a photo to landmarks takes: python benchmarks/inference.py [--threads 1].

The rows of `facealign bench`, timed on the example photo.
"""

from __future__ import annotations

import sys
from pathlib import Path

from facealign.cli import main

PHOTO = Path(__file__).parents[1] / "examples" / "astronaut.jpg"

if __name__ == "__main__":
    main(["bench", "--photo", str(PHOTO), *sys.argv[1:]])
