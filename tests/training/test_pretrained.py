"""Runs that begin with other weights: of the same network, a smaller one, another head."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from facealign.datasets import Reading
from facealign.errors import DataError, SettingsError
from facealign.network import AAN
from facealign.training.loop import fit
from facealign.training.pretrained import read_start
from facealign.training.run import Run
from facealign.training.rundir.checkpoint import load_checkpoint, save_checkpoint
from facealign.training.settings import Settings

Tiny = Callable[..., Settings]
RunOf = Callable[[Settings, Path, list[Reading]], Run]
Begin = Callable[..., Run]
Apart = Callable[[AAN | Path, AAN | Path], float]


def test_a_run_begins_with_the_trunk_and_the_heads_of_the_same_schemes(
    tiny: Tiny, run_of: RunOf, tmp_path: Path, reading: Reading, five: Reading, trained: Path
) -> None:
    given = load_checkpoint(trained)["weights"]
    run = run_of(tiny(1, {"points": 5}, start=str(trained)), tmp_path, [five, reading])
    model = run.model.state_dict()
    assert torch.equal(model["stem.conv.0.weight"], given["stem.conv.0.weight"])
    assert torch.equal(model["stem.conv.1.running_mean"], given["stem.conv.1.running_mean"])
    assert torch.equal(model["heads.1.linear.weight"], given["heads.0.linear.weight"])
    assert model["heads.0.linear.weight"].shape[0] == 10


def test_what_a_run_and_its_start_saw_is_named_once_and_by_its_title(
    tiny: Tiny, run_of: RunOf, tmp_path: Path, reading: Reading, five: Reading
) -> None:
    titled = replace(tiny(), data=replace(tiny().data, title="My faces"))
    fit(run_of(titled, tmp_path / "first", [reading]))
    start = str(tmp_path / "first" / "last.pt")
    mine = load_checkpoint(Path(start))["trained_on"]
    assert mine.startswith("My faces, ")
    longer = replace(titled, train=replace(titled.train, start=start))
    assert run_of(longer, tmp_path / "longer", [reading]).trained_on == mine
    other = tiny(0, {"points": 5}, start=start)
    run = run_of(other, tmp_path / "other", [five])
    own = run.trained_on.partition("; ")[0]
    assert own.startswith("celeba train, ")
    assert run.trained_on == f"{own}; begun with weights trained on {mine}"
    save_checkpoint(run.state(), run.folder.last)
    assert run_of(other, tmp_path / "other", [five]).trained_on == run.trained_on


def test_a_teacher_with_heatmaps_begins_with_the_trunk_and_learns(
    tiny: Tiny, run_of: RunOf, tmp_path: Path, reading: Reading, trained: Path
) -> None:
    run = run_of(tiny(0, {"heatmaps": [2]}, start=str(trained)), tmp_path, [reading])
    stem = load_checkpoint(trained)["weights"]["stem.conv.0.weight"]
    assert torch.equal(run.model.state_dict()["stem.conv.0.weight"], stem)
    before = run.model.state_dict()["heads.0.maps.weight"].clone()
    assert fit(run)
    assert not torch.equal(run.model.state_dict()["heads.0.maps.weight"], before)
    again = run_of(tiny(0, {"heatmaps": [2]}, start=str(tmp_path)), tmp_path / "b", [reading])
    kept = load_checkpoint(run.folder.best)["weights"]["heads.0.maps.weight"]
    assert torch.equal(again.model.state_dict()["heads.0.maps.weight"], kept)


def test_only_the_trunk_goes_from_heatmaps_to_regression(
    tiny: Tiny, run_of: RunOf, tmp_path: Path, reading: Reading
) -> None:
    first = run_of(tiny(0, {"heatmaps": [1]}), tmp_path / "a", [reading])
    fit(first)
    start = str(tmp_path / "a" / "last.pt")
    run = run_of(tiny(start=start, teacher=start), tmp_path / "b", [reading])
    stem = first.average.state_dict()["stem.conv.0.weight"]
    assert torch.equal(run.model.state_dict()["stem.conv.0.weight"], stem)
    assert fit(run)


def test_heatmaps_need_statistics_and_the_data_one_scheme(
    tiny: Tiny, run_of: RunOf, tmp_path: Path, reading: Reading, five: Reading, trained: Path
) -> None:
    frozen = tiny(0, {"heatmaps": [1]}, start=str(trained), batch_norm="frozen")
    with pytest.raises(SettingsError, match=r"no statistics for model\.heatmaps"):
        run_of(frozen, tmp_path, [reading])
    with pytest.raises(DataError, match="one head, for ibug68: leave out the data sets of celeba5"):
        run_of(tiny(1, {"heatmaps": [1]}), tmp_path, [reading, five])


def test_only_the_weights_learn_that_are_named(begin: Begin, trained: Path) -> None:
    given = load_checkpoint(trained)["weights"]
    run = begin(trained, learns=["spread"], batch_norm="frozen")
    assert fit(run)
    state = run.model.state_dict()
    moved = {name for name, value in state.items() if not torch.equal(value, given[name])}
    assert moved == {"heads.0.spread.weight", "heads.0.spread.bias"}
    with pytest.raises(SettingsError, match="no weight has such a name"):
        begin(trained, learns=["sprad"], batch_norm="frozen")
    with pytest.raises(SettingsError, match=r"set train\.batch_norm=frozen"):
        begin(trained, learns=["heads"])


@pytest.mark.parametrize(
    "larger",
    [
        {"widths": [6, 12]},
        {"embedding_size": 300},
        {"ratio": 2},
        {"widths": [8, 12], "embedding_size": 300, "ratio": 3},
    ],
    ids=str,
)
def test_a_larger_network_says_the_same_and_learns_with_all_it_has(
    begin: Begin, apart: Apart, larger: dict[str, object]
) -> None:
    some = {"visibility": False}  # of the first data set it is not known: nothing to learn from
    small = begin("", some, 1)
    assert fit(small)
    run = begin(small.folder.last, some | larger, 1, weight_decay=0.0, precision="float32")
    assert apart(run.model, small.average) < 1e-5
    before = {name: value.clone() for name, value in run.model.named_parameters()}
    old = dict(small.model.named_parameters())
    assert fit(run)
    for name, value in run.model.named_parameters():
        new = torch.ones_like(value, dtype=torch.bool)
        new[tuple(slice(size) for size in old[name].shape)] = False
        assert (value != before[name])[new].all(), name


@pytest.mark.parametrize("start", ["trained", "exported"])
def test_a_larger_network_says_the_same_of_either_start_while_training(
    begin: Begin, start: str, request: pytest.FixtureRequest
) -> None:
    """Early heads, and batch normalisation by the batch."""
    path = request.getfixturevalue(start)
    runs = [begin(path, larger, batch=24) for larger in ({}, {"widths": [8, 16]})]
    images = runs[0].batches.whole_at(0).image
    said = [run.model.train()(images).heads[0] for run in runs]
    for one, other in zip(*([head.landmarks, *head.early] for head in said), strict=True):
        assert torch.allclose(one, other, atol=1e-4)


@pytest.mark.parametrize(
    ("given", "wanted", "key"),
    [
        ({}, {"widths": [4, 6]}, r"stages\.1\.block\.reduce"),
        ({}, {"widths": [3, 8]}, r"stem\.conv\.0\.weight"),
        ({}, {"ratio": 8}, r"stages\.1\.block\.reduce"),
        ({}, {"widths": [4, 8, 16]}, r"stages\.2\.block\.reduce"),
        ({"widths": [4, 8, 16]}, {}, r"stages\.2\.block\.reduce"),
        ({}, {"attention": "off"}, r"stages\.0\.attention"),
        ({}, {"widths": [8, 8]}, r"stages\.1\.block\.shortcut"),
        ({"widths": [8, 8]}, {"widths": [8, 16]}, r"stages\.1\.block\.shortcut"),
    ],
)
def test_a_start_that_does_not_fit_is_refused(
    begin: Begin, given: dict[str, object], wanted: dict[str, object], key: str
) -> None:
    first = begin(model=given)
    save_checkpoint(first.weights(), first.folder.last)
    with pytest.raises(SettingsError, match=rf"train\.start: .* does not fit .* \(at {key}"):
        begin(first.folder.last, wanted)


@pytest.mark.parametrize("other", [{"input_size": 64}, {"embedding_size": 128}], ids=str)
@pytest.mark.parametrize("start", ["trained", "exported"])
def test_heads_of_another_size_begin_anew_at_the_mean_face(
    begin: Begin, start: str, other: dict[str, object], request: pytest.FixtureRequest
) -> None:
    run = begin(request.getfixturevalue(start), other)
    begun = read_start(run.settings)
    assert begun is not None
    for name, value in run.model.state_dict().items():
        if name.endswith("conv.0.weight"):
            assert torch.equal(value, begun.weights[name])
    assert not torch.equal(run.model.heads[0].linear.bias, begun.weights["heads.0.linear.bias"])
    batch = run.batches.whole_at(0)
    said = run.model.eval()(batch.image).landmarks
    assert (said - batch.parts[0].landmarks.mean(dim=0)).abs().max() < 0.2


@pytest.mark.parametrize(
    ("given", "wanted"),
    [({}, {"widths": [4, 16], "embedding": "off"}), ({"embedding": "off"}, {})],
    ids=["without NE", "with NE"],
)
def test_a_head_is_not_taken_over_where_only_one_has_ne(
    begin: Begin, given: dict[str, object], wanted: dict[str, object]
) -> None:
    first = begin(model=given)
    save_checkpoint(first.weights(), first.folder.last)
    old = first.average.heads[0].linear.weight
    new = begin(first.folder.last, wanted, seed=1).model.heads[0].linear.weight
    assert old.shape[1] <= new.shape[1]  # there would be room for it
    assert not torch.equal(new[:, : old.shape[1]], old)


def test_a_run_goes_on_without_the_file_it_began_with(
    tiny: Tiny, run_of: RunOf, tmp_path: Path, reading: Reading, exported: Path
) -> None:
    path = tmp_path / "mine.onnx"
    path.write_bytes(exported.read_bytes())
    settings = tiny(start=str(path))
    whole = run_of(settings, tmp_path / "whole", [reading])
    assert fit(whole)
    parted = run_of(settings, tmp_path / "parted", [reading])
    assert not fit(parted, stopped=lambda: parted.step == 1)
    path.unlink()
    resumed = run_of(settings, tmp_path / "parted", [reading])
    assert fit(resumed)
    assert resumed.trained_on == whole.trained_on
    ends = [run.model.state_dict() for run in (whole, resumed)]
    assert all(torch.equal(ends[0][key], ends[1][key]) for key in ends[0])


def test_the_folder_of_a_run_is_a_start_like_its_best_checkpoint(
    tiny: Tiny, trained: Path, tmp_path: Path
) -> None:
    shutil.copyfile(trained, tmp_path / "best.pt")
    file, folder = (read_start(tiny(start=str(path))) for path in (trained, tmp_path))
    assert file is not None
    assert folder is not None
    assert file.weights.keys() == folder.weights.keys()
    assert file.trained_on == folder.trained_on


def test_a_start_that_is_not_there_is_named_with_what_there_is(tiny: Tiny) -> None:
    with pytest.raises(DataError, match=r'"aan-l": no such bundled model \(aan-m, '):
        read_start(tiny(start="aan-l"))


def test_a_checkpoint_whose_maps_are_the_other_way_is_refused(tiny: Tiny, trained: Path) -> None:
    with pytest.raises(SettingsError, match=r"with a ReLU: set model\.map_relu=true"):
        read_start(tiny(model={"map_relu": False}, start=str(trained)))
