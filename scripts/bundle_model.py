"""Bundle an exported model: copy it into the package, record its sha256 and measured numbers.

    facealign export runs/aan-m -o model.onnx
    facealign eval --dataset 300w --root … --subset common --model model.onnx --json common.json
    python scripts/bundle_model.py model.onnx common.json

The errors come from the evaluation's JSON and the time is measured here, on an idle machine. Its
terms must be in the weights' folder. Needs the "train" extra.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tomllib
from pathlib import Path

import numpy as np
import tomli_w

from facealign import FaceAligner, read_image
from facealign.datasets import DATASETS
from facealign.evaluation.timing import times
from facealign.markup import load_markup
from facealign.models import WEIGHTS

PHOTO = Path(__file__).parents[1] / "examples" / "astronaut.jpg"


def main(model: Path, report: Path) -> None:
    facts = FaceAligner(model).facts
    numbers = json.loads(report.read_text())
    if (numbers["model"], numbers["markup"]) != (facts.name, facts.markup):
        sys.exit(f"{report} is not an evaluation of {facts.name} with its own points")
    if numbers["box_source"] != "official":
        sys.exit(f"{report}: boxes are {numbers['box_source']}; evaluate with the official ones")
    file = WEIGHTS / f"{facts.name}.onnx"
    if not file.with_suffix(".LICENSE.txt").is_file():
        sys.exit(f"{file.with_suffix('.LICENSE.txt')}: write the terms of the weights first")
    shutil.copyfile(model, file)
    index = WEIGHTS / "models.toml"
    cards = tomllib.loads(index.read_text()) if index.exists() else {}
    cards[facts.name] = {
        "file": file.name,
        "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
        "points": load_markup(facts.markup).count,
        "nme": {
            name: round(numbers[f"nme_{name}"], 5)
            for name in DATASETS[numbers["dataset"]].normalisers
        },
        "measured_on": f"{numbers['dataset']} {numbers['subset']}, {numbers['count']} faces",
        "ms": round(stage_time(model), 1),
        "terms": facts.licence.partition(":")[0],
        "trained_on": facts.trained_on,
    }
    index.write_text(tomli_w.dumps(cards))
    print(f"bundled {file.name}: {cards[facts.name]}")


def stage_time(model: Path) -> float:
    """Milliseconds from a box to its points, one thread: median of the quietest of 20 rounds."""
    photo = read_image(PHOTO)
    boxes = [face.box for face in FaceAligner(model).align(photo)][:1]
    with FaceAligner(model, threads=1) as aligner:
        rounds = [times(lambda: aligner.align(photo, boxes=boxes)) for _ in range(20)]
    return float(min(np.median(taken) for taken in rounds))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
