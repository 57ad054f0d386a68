"""Bundle an exported model: copy it into the package and record its sha256 and measured numbers.

    facealign export runs/aan-300w -o model.onnx
    facealign eval --dataset 300w --root … --subset common --model model.onnx --json common.json
    python scripts/bundle_model.py model.onnx common.json

The numbers come from the evaluation's JSON, never by hand. Needs the "train" extra.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tomllib
from pathlib import Path

import tomli_w

from facealign.detector import open_session
from facealign.markup import load_markup
from facealign.models import WEIGHTS, ModelFacts


def main(model: Path, report: Path) -> None:
    metadata = open_session(model, None).get_modelmeta().custom_metadata_map
    facts = ModelFacts.from_metadata(metadata, str(model))
    numbers = json.loads(report.read_text())
    if (numbers["model"], numbers["subset"], numbers["count"]) != (facts.name, "common", 554):
        sys.exit(f"{report} is not the evaluation of {facts.name} on the 554 images of 300W common")
    index = WEIGHTS / "models.toml"
    cards = tomllib.loads(index.read_text()) if index.exists() else {}
    file = f"{facts.name}.onnx"
    shutil.copyfile(model, WEIGHTS / file)
    cards[facts.name] = {
        "file": file,
        "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
        "points": load_markup(facts.markup).count,
        "nme_inter_ocular": round(numbers["nme_inter_ocular"], 5),
        "nme_inter_pupil": round(numbers["nme_inter_pupil"], 5),
        "terms": facts.licence.partition(":")[0],
        "trained_on": facts.trained_on,
    }
    index.write_text(tomli_w.dumps(cards))
    print(f"bundled {file}: {cards[facts.name]}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
