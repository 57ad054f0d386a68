from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from facealign import FaceAligner, ModelError, models
from facealign.models import ENTRY, ModelFacts, bundled, intact, model_path, signed

FACTS = ModelFacts(
    name="n",
    markup="ibug68",
    input_size=64,
    mean=0.5,
    std=0.25,
    margin=0.15,
    trained_on="drawings, 3 faces",
    licence="Apache-2.0",
    version="0.1.0",
)


def test_facts_survive_the_metadata() -> None:
    assert ModelFacts.from_metadata(FACTS.to_metadata(), "test") == FACTS


def test_stages_with_maps_are_a_fact_that_older_files_lack() -> None:
    facts = replace(FACTS, attention_stages=(1, 4))
    assert ModelFacts.from_metadata(facts.to_metadata(), "test") == facts
    assert FACTS.attention_stages == ()


@pytest.mark.parametrize("missing", list(FACTS.to_metadata()))
def test_a_missing_fact_is_named(missing: str) -> None:
    metadata = FACTS.to_metadata()
    del metadata[missing]
    with pytest.raises(ModelError, match=f'm.onnx: not a facealign model: .* lack "{missing}"'):
        ModelFacts.from_metadata(metadata, "m.onnx")


def test_a_number_that_is_none_is_named() -> None:
    metadata = FACTS.to_metadata() | {"facealign.margin": "wide"}
    with pytest.raises(ModelError, match='"margin" is not a number: "wide"'):
        ModelFacts.from_metadata(metadata, "m.onnx")


@pytest.mark.parametrize("name", list(bundled()))
def test_bundled_files_are_whole_small_and_say_what_they_saw(name: str) -> None:
    card = bundled()[name]
    path = model_path(name)
    assert path.stat().st_size < 8_000_000
    session = onnxruntime.InferenceSession(path)
    facts = ModelFacts.from_metadata(session.get_modelmeta().custom_metadata_map, name)
    assert (facts.name, facts.trained_on) == (name, card.trained_on)
    assert facts.licence.startswith(card.terms)


def test_default_is_a_bundled_model() -> None:
    assert model_path("default") == bundled()[models.DEFAULT].path


def test_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine.onnx").write_bytes(b"")
    assert model_path(tmp_path / "mine.onnx") == tmp_path / "mine.onnx"


def test_damaged_and_missing_bundled_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = shutil.copytree(models.WEIGHTS, tmp_path / "weights")
    monkeypatch.setattr(models, "WEIGHTS", copy)
    file = bundled()[models.DEFAULT].path
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ModelError, match="damaged"):
        model_path("default")
    file.unlink()
    with pytest.raises(ModelError, match="missing from this installation"):
        model_path("default")


def test_every_weight_file_has_its_terms_beside_it(repository: Path) -> None:
    cards = (repository / "docs" / "models.md").read_text()
    for card in bundled().values():
        assert card.name in cards
        assert card.sha256 in cards
    assert "MIT License" in (models.WEIGHTS / "yunet.LICENSE.txt").read_text()


def test_no_flipped_bit_of_an_exported_file_is_taken(make_model: Callable[..., Path]) -> None:
    path = make_model()
    whole = signed(path.read_bytes())
    path.write_bytes(whole)
    assert intact(path) == path
    entry = len(whole) - len(ENTRY) - 64
    for place in np.random.default_rng(0).integers(0, 8 * entry, 200):
        content = bytearray(whole)
        content[place // 8] ^= 1 << place % 8
        path.write_bytes(content)
        with pytest.raises(ModelError, match="its sha256 differs"):
            FaceAligner(path)


def test_the_digest_is_one_more_entry_of_the_metadata(make_model: Callable[..., Path]) -> None:
    path = make_model()
    plain = path.read_bytes()
    path.write_bytes(signed(plain))
    found = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    assert found["facealign.sha256"] == hashlib.sha256(plain).hexdigest()
    assert FaceAligner(path).facts.name == "made"


def test_an_older_file_has_none_and_is_taken(make_model: Callable[..., Path]) -> None:
    assert FaceAligner(make_model()).facts.name == "made"
