"""The published configurations: valid, the paper's recipe, one change each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from facealign.configs import FOLDER, config_names, find_config
from facealign.errors import SettingsError
from facealign.network import AANSettings
from facealign.training.settings import AugmentSettings, Settings
from facealign.training.settings_file import load_settings, to_toml

FILES = FOLDER.rglob("*.toml")
CONFIGS = sorted(path for path in FILES if path.name != "sweep.toml")


def changes(settings: Settings, other: Settings) -> set[str]:
    """Dotted names of the settings in which two differ, but for their name."""
    pairs = zip(*(dataclasses.asdict(s).items() for s in (settings, other)), strict=True)
    return {
        f"{section}.{key}"
        for (section, one), (_, two) in pairs
        if isinstance(one, dict)
        for key in one
        if one[key] != two[key]
    }


ABLATIONS = {
    "no-attention": {"model.attention"},
    "no-ne": {"model.embedding"},
    "neither": {"model.attention", "model.embedding"},
    "eq2": {"model.attention"},
    "map-no-relu": {"model.map_relu"},
    "no-supervision": {"model.supervision"},
    "single-scale": {"model.attention_stages"},
}


def test_an_ablation_is_the_paper_s_configuration_with_one_change() -> None:
    files = {path.stem: path for path in CONFIGS if path.parent.name == "ablation"}
    assert files.keys() == ABLATIONS.keys()
    paper = load_settings(files["eq2"].parents[1] / "paper" / "300w.toml")
    for name, path in files.items():
        assert changes(load_settings(path), paper) == ABLATIONS[name]


def test_the_paper_s_recipe_on_every_benchmark() -> None:
    files = {path.stem: load_settings(path) for path in CONFIGS if path.parent.name == "paper"}
    assert {n: s.model.points for n, s in files.items()} == {
        "300w": 68,
        "aflw": 19,
        "celeba": 5,
        "300vw": 68,
    }
    for name, settings in files.items():
        assert settings.data.dataset == name
        assert dataclasses.replace(settings.model, points=68) == AANSettings()
        assert settings.augment == AugmentSettings()
        train = settings.train
        assert (train.optimiser, train.weight_decay, train.batch) == ("adam", 1e-3, 64)
        assert [m * train.steps for m in train.milestones] == [25000, 40000]
        assert (train.loss, train.learning_rate, train.ema, train.clip) == ("sse", 1e-3, 0, 0)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_published_config_is_valid_and_survives_the_round_trip(
    path: Path, toml: Callable[[str], Path]
) -> None:
    settings = load_settings(path)
    assert load_settings(toml(to_toml(settings))) == settings


def test_a_recipe_is_found_by_its_name_or_as_the_documents_write_it(tmp_path: Path) -> None:
    expected = FOLDER / "paper" / "300w.toml"
    for name in ("paper/300w", "configs/paper/300w.toml", str(expected)):
        assert find_config(Path(name)) == expected
    with pytest.raises(SettingsError, match="train --list"):
        find_config(Path("no-such-recipe"))


def test_every_recipe_says_what_it_is() -> None:
    names = config_names()
    assert {"300w", "tiny", "paper/aflw", "release/aan-m"} <= set(names)
    assert all(names.values())
