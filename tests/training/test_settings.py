"""A wrong setting is refused with its key, what is wrong, and what was probably meant."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_type_hints

import pytest
from hypothesis import given, strategies as st

from facealign.errors import SettingsError
from facealign.network import AANSettings
from facealign.training.settings import (
    AugmentSettings,
    DataSettings,
    Settings,
    TrainSettings,
)
from facealign.training.settings_file import load_settings, to_settings, to_toml

Toml = Callable[[str | bytes], Path]


def test_an_empty_file_gives_the_defaults(toml: Toml) -> None:
    assert load_settings(toml("")) == Settings()


def test_chosen_stages_survive_being_written_and_none_is_left_out(toml: Toml) -> None:
    for chosen in (None, (1, 3)):
        model = AANSettings(attention_stages=chosen)
        text = to_toml(Settings(model=model))
        assert ("attention_stages" in text) == (chosen is not None)
        assert load_settings(toml(text)).model == model


def test_a_file_changes_the_one_it_is_based_on(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "base.toml").write_text('name = "b"\n[train]\nsteps = 7\nbatch = 8\n')
    (tmp_path / "deep" / "a.toml").write_text('base = "../base.toml"\n[train]\nsteps = 9\n')
    settings = load_settings(tmp_path / "deep" / "a.toml", ["train.batch=4"])
    assert (settings.name, settings.train.steps, settings.train.batch) == ("b", 9, 4)


@pytest.mark.parametrize("base", ['"run.toml"', "3", '"gone.toml"'])
def test_a_base_that_is_none_is_refused(toml: Toml, base: str) -> None:
    with pytest.raises(SettingsError, match=r"base must name another|gone\.toml: cannot be read"):
        load_settings(toml(f"base = {base}"))


def test_values_of_every_type_are_read(toml: Toml) -> None:
    text = """
        name = "mine"
        [data]
        validation = 0.2
        [model]
        widths = [8, 16]
        map_relu = false
        attention = "product"
        [train]
        steps = 7
        clip = 1
    """
    settings = load_settings(toml(text))
    assert (settings.name, settings.data.validation, settings.train.steps) == ("mine", 0.2, 7)
    assert (settings.model.widths, settings.model.map_relu) == ((8, 16), False)
    assert settings.model.attention == "product"
    assert isinstance(settings.train.clip, float)


fraction = st.floats(0, 0.5)
some_settings = st.builds(
    Settings,
    name=st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=20),
    data=st.builds(DataSettings, root=st.text("aé \"'\\/#=", max_size=9), margin=fraction),
    model=st.builds(
        AANSettings,
        widths=st.sampled_from([(4,), (8, 16), (64, 128, 256, 512)]),
        attention=st.sampled_from(["residual", "product", "off"]),
        supervision=st.booleans(),
    ),
    augment=st.builds(AugmentSettings, turn=st.floats(0, 60), mirror=fraction),
    train=st.builds(
        TrainSettings,
        steps=st.integers(1, 10**9),
        milestones=st.lists(fraction, max_size=3).map(tuple),
        learning_rate=st.floats(0, 10),
        seed=st.integers(0, 2**62),
    ),
)


@given(settings=some_settings)
def test_to_toml_and_load_is_the_identity(
    tmp_path_factory: pytest.TempPathFactory, settings: Settings
) -> None:
    path = tmp_path_factory.getbasetemp() / "round.toml"
    path.write_bytes(to_toml(settings).encode())
    assert load_settings(path) == settings


def test_settings_of_version_01_are_read_under_their_new_names(toml: Toml) -> None:
    text = "[train]\nexplosion = 7.0\non_explosion = 'skip'"
    train = load_settings(toml(text), ["train.steps=3"]).train
    assert (train.divergence, train.on_divergence, train.steps) == (7.0, "skip", 3)


def test_plain_dictionaries_are_taken_as_a_checkpoint_holds_them() -> None:
    settings = Settings(name="kept", train=TrainSettings(milestones=(0.25,)))
    assert to_settings(dataclasses.asdict(settings), "checkpoint") == settings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[train]\nstep = 1", r"unknown setting train\.step; did you mean train\.steps\?"),
        ("[model]\nwidth = [1]", r"model\.width; did you mean model\.widths\?"),
        ("[trian]\nsteps = 1", r"unknown setting trian; did you mean train\?"),
        ("xyzzy = 1", "unknown setting xyzzy; known here: name, .*further, model, augment, train"),
        ("[train.steps]\nx = 1", r"train\.steps: expected int, got object"),
        ("train = 1", "train = .: expected object, got int"),
        ("[train]\nsteps = 'many'", r"train\.steps: expected int, got str"),
        ("[train]\nsteps = 1.5", r"train\.steps = 1.5: expected int, got float"),
        ("[train]\nsteps = true", r"train\.steps = True: expected int, got bool"),
        ("[train]\nloss = 'mae'", r"train\.loss: invalid enum value 'mae'"),
        ("[model]\nwidths = 64", r"model\.widths = 64: expected array, got int"),
        ("[model]\nwidths = ['a']", r"model\.widths\[.*: expected int, got str"),
        ("name = 2024", "name = 2024: expected str, got int"),
    ],
)
def test_a_wrong_key_or_type_is_refused_with_its_place(toml: Toml, text: str, message: str) -> None:
    path = toml(text)
    with pytest.raises(SettingsError, match=message) as caught:
        load_settings(path)
    assert str(path) in str(caught.value)


def ranges() -> Iterator[tuple[str, str, float, float]]:
    """(section, setting, lowest, highest) of every setting with a range beside it."""
    for section, kind in (
        ("data", DataSettings),
        ("augment", AugmentSettings),
        ("train", TrainSettings),
    ):
        for name, hint in get_type_hints(kind, include_extras=True).items():
            for meta in getattr(hint, "__metadata__", ()):
                number = hint.__origin__
                yield section, name, number(meta.ge), number(meta.le)


@pytest.mark.parametrize(("section", "name", "low", "high"), list(ranges()))
def test_a_number_beyond_either_end_is_refused(
    section: str, name: str, low: float, high: float
) -> None:
    kind = type(low if isinstance(low, float) else high)
    step = 0.001 if kind is float else 1
    for value in (low - step, high + max(step, abs(high) * 1e-6)):
        with pytest.raises(SettingsError, match=rf"{section}\.{name}.*(must be in|expected)"):
            to_settings({section: {name: kind(value)}}, "here")
    for value in (low, high):
        accepted = to_settings({section: {name: value}}, "here")
        assert getattr(getattr(accepted, section), name) == value


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_number_that_is_not_finite_is_out_of_range(toml: Toml, value: object) -> None:
    with pytest.raises(SettingsError, match=r"train\.learning_rate"):
        load_settings(toml(f"[train]\nlearning_rate = {value}"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("input_size = 100", "multiple of 32"),
        ("widths = []", "a width of 1 to 65536 for each stage"),
        ("points = 0", r"model\.points must be 1 to 65536"),
    ],
)
def test_a_network_that_cannot_be_built_is_refused(toml: Toml, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_settings(toml(f"[model]\n{text}"))


@pytest.mark.parametrize("text", ["name = ", "[train\n", "a = 1\na = 2", b"name = '\xff'"])
def test_what_is_no_toml_is_refused(toml: Toml, text: str | bytes) -> None:
    with pytest.raises(SettingsError, match="not valid TOML"):
        load_settings(toml(text))


def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.toml", tmp_path):
        with pytest.raises(SettingsError, match="cannot be read"):
            load_settings(path)


@pytest.mark.parametrize(
    ("override", "section", "name", "value"),
    [
        ("train.steps=5", "train", "steps", 5),
        ("train.learning_rate=1e-4", "train", "learning_rate", 1e-4),
        ("train.clip=2", "train", "clip", 2.0),
        ("data.root=/faces/with space", "data", "root", "/faces/with space"),
        ('data.root="quoted"', "data", "root", "quoted"),
        ("data.root=a=b", "data", "root", "a=b"),
        ("data.root=", "data", "root", ""),
        ("model.widths=[8, 16]", "model", "widths", (8, 16)),
        ("model.map_relu=false", "model", "map_relu", False),
    ],
)
def test_an_override_wins_over_the_file(
    toml: Toml, override: str, section: str, name: str, value: object
) -> None:
    path = toml("[train]\nsteps = 1\nclip = 9.0\n[data]\nroot = 'file'\n")
    assert getattr(getattr(load_settings(path, [override]), section), name) == value


def test_an_override_changes_nothing_else_and_the_last_wins(toml: Toml) -> None:
    path = toml("[train]\nsteps = 1\nbatch = 8")
    settings = load_settings(path, ["train.steps=2", "train.steps=3", "name=new"])
    assert (settings.train.steps, settings.train.batch, settings.name) == (3, 8, "new")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.steps", "is not an override"),
        ("=5", "is not an override"),
        ("", "is not an override"),
        ("train.stops=5", r"did you mean train\.steps\?"),
        ("train..steps=5", "unknown setting"),
        ("name.first=5", "name is a value, not a section"),
        ("train.steps=many", "expected int, got str"),
        ("train.steps=0", r"train\.steps = 0: expected int >= 1"),
        ("train=5", "train = .: expected object"),
    ],
)
def test_a_wrong_override_is_refused(toml: Toml, override: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_settings(toml("name = 'a'"), [override])


FURTHER = """
[[further]]
dataset = "aflw"
[[further]]
dataset = "celeba"
share = 0.25
"""


def test_further_data_sets_are_tables_changed_by_their_number(toml: Toml) -> None:
    settings = load_settings(toml(FURTHER), ["further.1.root=2024", "further.0.share=2"])
    assert [f.dataset for f in settings.further] == ["aflw", "celeba"]
    assert [f.root for f in settings.further] == ["", "2024"]
    assert [f.share for f in settings.further] == [2, 0.25]
    assert load_settings(toml(to_toml(settings))) == settings


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("further.2.root=x", r"further\.2\.root=x\": 2 is not in 0 … 1"),
        ("further.first.root=x", "first is not in 0 … 1"),
        ("further.0.rot=x", r"unknown setting further\.0\.rot; did you mean further\.0\.root"),
        ("further.0.share=0", r"further\[0\]\.share = 0: expected float > 0"),
    ],
)
def test_a_wrong_further_setting_is_refused(toml: Toml, override: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_settings(toml(FURTHER), [override])


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e400"])
def test_a_number_that_is_not_finite_is_refused_anywhere(
    toml: Callable[[str | bytes], Path], value: str
) -> None:
    for text in (f"milestones = [{value}, 0.8]", f"learning_rate = {value}"):
        with pytest.raises(SettingsError, match="must be a finite number"):
            load_settings(toml(f"[train]\n{text}"))
