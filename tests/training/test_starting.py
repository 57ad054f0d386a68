"""Runs that begin with other weights: a checkpoint's, an exported file's, a smaller network's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from facealign.datasets import Reading
from facealign.errors import ModelError, SettingsError
from facealign.models import WEIGHTS, bundled, model_path
from facealign.network import AAN
from facealign.training.checkpoint import load_checkpoint, save_checkpoint
from facealign.training.export import Deployed, export_run
from facealign.training.exported import take_statistics
from facealign.training.integers import to_integers
from facealign.training.loop import fit
from facealign.training.run import Run
from facealign.training.settings import Settings
from facealign.training.starting import load_network, load_start, read_start

Tiny = Callable[..., Settings]
RunOf = Callable[[Settings, Path, list[Reading]], Run]

WHOLE = {"spread": True, "visibility": True}


def noise(size: int, count: int = 5) -> Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(7))


@torch.no_grad()
def say(model: AAN, image: Tensor) -> list[Tensor]:
    """What an exported file would say."""
    return list(Deployed(model).eval()(image))


def file_says(path: Path, image: Tensor) -> list[Tensor]:
    said = onnxruntime.InferenceSession(path).run(None, {"image": image.numpy()})
    return [torch.from_numpy(values) for values in said]


def alike(one: list[Tensor], other: list[Tensor], apart: float) -> bool:
    pairs = zip(one, other, strict=True)
    return all(torch.allclose(a, b, rtol=0, atol=apart) for a, b in pairs)


@pytest.fixture(scope="module")
def first(
    tmp_path_factory: pytest.TempPathFactory, tiny: Tiny, run_of: RunOf, reading: Reading
) -> Path:
    """The checkpoint of a run."""
    folder = tmp_path_factory.mktemp("first")
    fit(run_of(tiny(0, WHOLE, learning_rate=1e-2), folder, [reading]))
    return folder / "last.pt"


@pytest.fixture(scope="module")
def exported(first: Path) -> Path:
    """The same as an exported file."""
    export_run(first, first.with_name("first.onnx"))
    return first.with_name("first.onnx")


def test_a_run_begins_with_the_trunk_and_the_heads_of_the_same_schemes(
    tiny: Tiny, run_of: RunOf, tmp_path: Path, reading: Reading, five: Reading, first: Path
) -> None:
    given = load_checkpoint(first)["weights"]
    run = run_of(tiny(1, {"points": 5}, start=str(first)), tmp_path, [five, reading])
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


def test_only_the_weights_learn_that_are_named(
    tiny: Tiny, run_of: RunOf, tmp_path: Path, reading: Reading, first: Path
) -> None:
    given = load_checkpoint(first)["weights"]
    kept: dict[str, object] = {"start": str(first), "batch_norm": "frozen"}
    run = run_of(tiny(0, WHOLE, learns=["spread"], **kept), tmp_path / "second", [reading])
    assert fit(run)
    state = run.model.state_dict()
    moved = {name for name, value in state.items() if not torch.equal(value, given[name])}
    assert moved == {"heads.0.spread.weight", "heads.0.spread.bias"}
    with pytest.raises(SettingsError, match="no weight is called so"):
        run_of(tiny(0, WHOLE, learns=["sprad"], **kept), tmp_path / "third", [reading])
    with pytest.raises(SettingsError, match=r"set train\.batch_norm=frozen"):
        tiny(start=str(first), learns=["heads"])


@pytest.mark.parametrize("batch_norm", ["sync", "frozen"])
def test_a_run_begins_by_saying_what_an_exported_file_says(
    tiny: Tiny, run_of: RunOf, tmp_path: Path, reading: Reading, exported: Path, batch_norm: str
) -> None:
    settings = tiny(0, WHOLE, start=str(exported), batch_norm=batch_norm)
    run = run_of(settings, tmp_path, [reading])
    expected = file_says(exported, noise(32))
    for model in (run.model, run.average):
        assert alike(say(model, noise(32)), expected, 1e-4)
    assert fit(run)


def test_biases_that_export_leaves_out_or_writes_once_are_found(
    tiny: Tiny, run_of: RunOf, tmp_path: Path, reading: Reading, five: Reading
) -> None:
    """Before the first step those of the convolutions are 0, those of the scores are alike."""
    first = run_of(tiny(1, WHOLE), tmp_path / "first", [reading, five])
    for head in first.average.heads:
        torch.nn.init.zeros_(head.linear.bias)  # not the mean face, with which any run begins
    path = tmp_path / "first.onnx"
    save_checkpoint(first.weights(), first.folder.last)
    export_run(first.folder.last, path)
    settings = tiny(1, WHOLE, start=str(path))
    second = run_of(settings, tmp_path / "second", [reading, five])
    assert alike(say(second.model, noise(32)), file_says(path, noise(32)), 1e-4)


@pytest.mark.parametrize(
    "convert", [lambda model: model, nn.SyncBatchNorm.convert_sync_batchnorm], ids=["own", "sync"]
)
def test_statistics_become_those_of_the_data(
    tiny: Tiny, exported: Path, convert: Callable[[AAN], AAN]
) -> None:
    settings = tiny(0, WHOLE, start=str(exported))
    model = AAN(settings.model)
    load_start(model, ["ibug68"], read_start(settings.train, map_relu=True))
    model = convert(model)
    before = say(model, noise(32))
    images = [3 + noise(32, 8), noise(32, 4)]
    take_statistics(model, images)
    assert alike(say(model, noise(32)), before, 1e-4)
    layers = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d | nn.SyncBatchNorm)]
    seen: dict[nn.Module, list[Tensor]] = {layer: [] for layer in layers}
    for layer in layers:
        layer.register_forward_pre_hook(lambda layer, inputs: seen[layer].append(inputs[0]))
    for image in images:
        say(model, image)
    assert len(layers) == 10
    for layer, inputs in seen.items():
        values = torch.cat(inputs).double()
        variance, mean = torch.var_mean(values, dim=(0, 2, 3), correction=0)
        assert torch.allclose(layer.running_mean.double(), mean, rtol=1e-4, atol=1e-4)
        assert torch.allclose(layer.running_var.double(), variance, rtol=1e-3, atol=1e-4)


def test_a_run_begins_with_the_statistics_of_its_data(
    tiny: Tiny, run_of: RunOf, tmp_path: Path, reading: Reading, exported: Path
) -> None:
    run = run_of(tiny(0, WHOLE, start=str(exported), batch=24), tmp_path, [reading])
    images = run.batches.whole_at(0).image
    with torch.no_grad():
        judged, trained = (run.model.train(mode)(images).landmarks for mode in (False, True))
    assert torch.allclose(judged, trained, atol=0.01)  # the batch's statistics are the running ones


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
    tiny: Tiny,
    run_of: RunOf,
    tmp_path: Path,
    reading: Reading,
    five: Reading,
    larger: dict[str, object],
) -> None:
    small = run_of(tiny(1, {"spread": True}), tmp_path / "small", [reading, five])
    assert fit(small)
    given, _ = load_network(small.folder.last)
    exact = {"start": str(small.folder.last), "weight_decay": 0.0, "precision": "float32"}
    run = run_of(tiny(1, {"spread": True} | larger, **exact), tmp_path / "large", [reading, five])
    assert alike(say(run.model, noise(32)), say(given, noise(32)), 1e-5)
    before = {name: value.clone() for name, value in run.model.named_parameters()}
    old = dict(given.named_parameters())
    assert fit(run)
    for name, value in run.model.named_parameters():
        new = torch.ones_like(value, dtype=torch.bool)
        new[tuple(slice(size) for size in old[name].shape)] = False
        assert (value != before[name])[new].all(), name


@pytest.mark.parametrize("start", ["first", "exported"])
def test_a_larger_network_says_the_same_of_either_start_while_training(
    tiny: Tiny,
    run_of: RunOf,
    tmp_path: Path,
    reading: Reading,
    start: str,
    request: pytest.FixtureRequest,
) -> None:
    """Early heads, and batch normalisation by the batch."""
    begun = {"start": str(request.getfixturevalue(start)), "batch": 24}
    runs = [
        run_of(tiny(0, WHOLE | larger, **begun), tmp_path / name, [reading])
        for name, larger in (("same", {}), ("larger", {"widths": [8, 16]}))
    ]
    images = runs[0].batches.whole_at(0).image
    said = [run.model.train()(images).heads[0] for run in runs]
    assert alike([said[0].landmarks, *said[0].early], [said[1].landmarks, *said[1].early], 1e-4)


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
    tiny: Tiny,
    run_of: RunOf,
    tmp_path: Path,
    reading: Reading,
    given: dict[str, object],
    wanted: dict[str, object],
    key: str,
) -> None:
    start = run_of(tiny(0, given), tmp_path / "first", [reading])
    save_checkpoint(start.state(), start.folder.last)
    settings = tiny(0, wanted, start=str(start.folder.last))
    with pytest.raises(SettingsError, match=rf"train\.start: .* does not fit .* \(at {key}"):
        run_of(settings, tmp_path / "second", [reading])


def test_maps_made_the_other_way_are_refused(tiny: Tiny, exported: Path) -> None:
    with pytest.raises(SettingsError, match=r"with the ReLU: set model\.map_relu=true"):
        read_start(tiny(start=str(exported)).train, map_relu=False)
    with pytest.raises(SettingsError, match=r"without the ReLU: set model\.map_relu=false"):
        read_start(tiny(start="aan-s").train, map_relu=True)


def test_a_file_in_integers_is_a_start_by_its_rounded_weights(
    tiny: Tiny, run_of: RunOf, tmp_path: Path, exported: Path, reading: Reading
) -> None:
    integers = tmp_path / "integers.onnx"
    integers.write_bytes(to_integers(exported.read_bytes(), noise(32, 20).numpy()))
    begun = [
        run_of(tiny(0, WHOLE, start=str(path)), tmp_path / path.stem, [reading]).model
        for path in (exported, integers)
    ]
    said = [say(model, noise(32)) for model in begun]
    assert alike(*said, 0.1)
    assert not alike(*said, 1e-6)
    with pytest.raises(SettingsError, match=r"with the ReLU: set model\.map_relu=true"):
        read_start(tiny(start=str(integers)).train, map_relu=False)


def test_files_that_cannot_be_taken_up_are_refused(
    tiny: Tiny, tmp_path: Path, make_model: Callable[..., Path]
) -> None:
    text = tmp_path / "text.onnx"
    text.write_text("no model")
    reasons = {
        text: r"text\.onnx: not an ONNX file",
        tmp_path / "no.onnx": r'no\.onnx" is neither a bundled model \(.*aan-s.*\) nor a model',
        WEIGHTS / "yunet.onnx": r"yunet\.onnx: no facealign model: its metadata lack",
        make_model(): r"made\.onnx: its layers are not those of an AAN",
    }
    for path, reason in reasons.items():
        for map_relu in (True, False):
            with pytest.raises(ModelError, match=reason):
                read_start(tiny(start=str(path)).train, map_relu)


def test_a_bundled_model_is_a_start_by_its_name(
    tiny: Tiny, run_of: RunOf, tmp_path: Path, reading: Reading
) -> None:
    size = {"input_size": 96, "widths": [32, 64, 128, 256], "ratio": 2, "map_relu": False}
    run = run_of(tiny(0, WHOLE | size, start="aan-s"), tmp_path, [reading])
    assert alike(say(run.model, noise(96)), file_says(model_path("aan-s"), noise(96)), 0.05)
    own, _, before = run.trained_on.partition("; begun with weights trained on ")
    assert own == f"300w train, {len(run.batches.feeds[0].faces)} faces"
    assert before.split("; ")[0] == bundled()["aan-s"].trained_on.split("; ")[0]
    assert "begun with" not in before


@pytest.mark.parametrize("other", [{"input_size": 64}, {"embedding_size": 128}], ids=str)
@pytest.mark.parametrize("start", ["first", "exported"])
def test_heads_of_another_size_begin_anew_at_the_mean_face(
    tiny: Tiny,
    run_of: RunOf,
    tmp_path: Path,
    reading: Reading,
    start: str,
    other: dict[str, object],
    request: pytest.FixtureRequest,
) -> None:
    path = request.getfixturevalue(start)
    run = run_of(tiny(0, WHOLE | other, start=str(path)), tmp_path, [reading])
    begun = read_start(run.settings.train, map_relu=True)
    assert begun is not None
    for name, value in run.model.state_dict().items():
        if name.endswith("conv.0.weight"):
            assert torch.equal(value, begun.weights[name])
    assert not torch.equal(run.model.heads[0].linear.bias, begun.weights["heads.0.linear.bias"])
    batch = run.batches.whole_at(0)
    apart = say(run.model, batch.image)[0] - 0.5 - batch.landmarks.mean(dim=0)
    assert apart.abs().max() < 0.2


def test_a_run_goes_on_without_the_file_it_began_with(
    tiny: Tiny, run_of: RunOf, tmp_path: Path, reading: Reading, exported: Path
) -> None:
    path = tmp_path / "mine.onnx"
    path.write_bytes(exported.read_bytes())
    settings = tiny(0, WHOLE, start=str(path))
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
