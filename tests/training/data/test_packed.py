"""Faces from shards are the faces from photos: the same regions, the same run, less memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from facealign.datasets import Reading, read_dataset
from facealign.datasets.shards import Places
from facealign.errors import DataError, SettingsError
from facealign.training.data import regions
from facealign.training.data.pack import pack
from facealign.training.data.regions import Faces, load_faces
from facealign.training.loop import fit
from facealign.training.run import Run, prepare
from facealign.training.rundir.checkpoint import load_checkpoint
from facealign.training.rundir.folder import RunFolder
from facealign.training.settings_file import to_settings

SIZE = 32
TREE = {
    "data": {"validation": 0.2},
    "model": {"input_size": SIZE, "widths": [4, 8]},
    "augment": {"turn": 10.0, "mirror": 0.5, "colour": 0.2},
    "train": {"steps": 6, "batch": 8, "ema": 0.9, "validate_every": 3, "threads": 1},
}


@pytest.fixture(scope="module")
def reading(drawn: Path) -> Reading:
    """Thirty faces, of which one has a photo that cannot be read."""
    reading = read_dataset("300w", drawn, "train")
    broken = replace(reading.samples[4], image=drawn / "gone.png")
    covered = replace(reading.samples[6], occluded=np.arange(68) % 7 == 0)
    samples = [*reading.samples[:4], broken, reading.samples[5], covered, *reading.samples[7:]]
    return replace(reading, samples=samples)


@pytest.fixture(scope="module")
def root(reading: Reading, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("packed")
    pack(reading, root, SIZE, faces_per_shard=6)
    return root


@pytest.fixture
def shards(root: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    target = tmp_path / "shards"
    target.mkdir()
    for path in root.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


def begin(reading: Reading, folder: Path, **data: object) -> Run:
    settings = to_settings(TREE | {"data": TREE["data"] | data}, "test")
    return prepare(settings, RunFolder(folder), [reading])


def same_weights(one: Path, other: Path) -> bool:
    states = [load_checkpoint(path / "last.pt") for path in (one, other)]
    return all(
        torch.equal(value, states[1][part][name])
        for part in ("model", "weights")
        for name, value in states[0][part].items()
    )


def packed_faces(root: Path, readers: int = 1) -> Faces:
    reading = read_dataset("packed", root, "all")
    assert reading.packed
    return regions.packed_faces(reading.samples, reading.packed, readers)


@pytest.mark.parametrize("readers", [1, 3])
def test_regions_from_shards_are_those_from_photos_bit_for_bit(
    reading: Reading, root: Path, readers: int
) -> None:
    faces = load_faces(reading.samples, SIZE, 0.15)
    packed = packed_faces(root, readers)
    places = np.random.default_rng(0).permutation(29)
    one, other = faces.read(places), packed.read(places)
    for name in ("images", "landmarks", "labelled", "visible"):
        ours, theirs = getattr(other, name), getattr(one, name)
        assert ours.dtype == theirs.dtype
        assert np.array_equal(ours, theirs), name
    assert (packed.ids, packed.markup) == (faces.ids, faces.markup)
    assert packed.shows_hidden is faces.shows_hidden is True
    assert packed.blocks == (6, 6, 6, 6, 5)


def test_the_samples_keep_what_the_reader_said(reading: Reading, root: Path) -> None:
    packed = read_dataset("packed", root, "train")
    assert (packed.dataset, packed.subset) == ("300w", "train")
    for sample, before in zip(packed.samples, reading.samples[:4], strict=False):
        assert (sample.id, sample.group) == (before.id, before.group)
        assert (sample.box_source, sample.markup) == (before.box_source, before.markup)
    covered = packed.samples[5]  # the one before was left out
    assert (covered.occluded == (np.arange(68) % 7 == 0)).all()
    assert packed.samples[0].occluded is None


@pytest.mark.parametrize("readers", [0, 2])
def test_a_run_from_shards_ends_in_the_weights_of_the_run_from_photos(
    reading: Reading, root: Path, tmp_path: Path, readers: int
) -> None:
    fit(begin(reading, tmp_path / "photos"))
    fit(begin(read_dataset("packed", root, "train"), tmp_path / "packed", readers=readers))
    assert same_weights(tmp_path / "photos", tmp_path / "packed")


def test_validation_from_shards_is_near_that_from_photos(
    reading: Reading, root: Path, tmp_path: Path
) -> None:
    """The same faces and truth; the crop is cut out of the region, so resampled once more."""
    photos = begin(reading, tmp_path / "photos")
    packed = begin(read_dataset("packed", root, "train"), tmp_path / "packed")
    assert [s.id for s in packed.validator.samples] == [s.id for s in photos.validator.samples]
    one, other = photos.validator.crops[:8], packed.validator.crops[:8]
    assert np.abs(one.astype(int) - other).mean() < 5  # of 255; drawings have hard edges
    truths = [
        [t.to_crop(s.landmarks) for s, t in zip(v.samples, v.transforms, strict=True)]
        for v in (photos.validator, packed.validator)
    ]
    assert np.allclose(*truths, atol=0.05)  # each on the grid of its own pixels
    fit(photos)
    packed.average.load_state_dict(photos.average.state_dict())
    found = [run.validator.predict(photos.average, "photos") for run in (photos, packed)]
    reports = [run.validator.score(p) for run, p in zip((photos, packed), found, strict=True)]
    assert reports[1].nme_inter_ocular == pytest.approx(reports[0].nme_inter_ocular, rel=0.05)
    assert reports[0].normaliser == reports[1].normaliser
    assert reports[0].count == reports[1].count


@pytest.mark.parametrize("window", [0, 2])
def test_a_run_from_shards_goes_on_exactly(root: Path, tmp_path: Path, window: int) -> None:
    packed = read_dataset("packed", root, "train")
    fit(begin(packed, tmp_path / "whole", window=window))
    run = begin(packed, tmp_path / "parted", window=window)
    fit(run, stopped=lambda: run.step == 2)
    fit(begin(packed, tmp_path / "parted", window=window, readers=0))
    assert same_weights(tmp_path / "whole", tmp_path / "parted")


def test_a_packed_set_is_mixed_with_photos(reading: Reading, root: Path, tmp_path: Path) -> None:
    settings = to_settings(TREE | {"further": [{"dataset": "packed"}]}, "test")
    ends = []
    for further in (reading, read_dataset("packed", root, "all")):
        run = prepare(settings, RunFolder(tmp_path / str(len(ends))), [reading, further])
        fit(run)
        ends.append(tmp_path / str(len(ends)))
    assert same_weights(*ends)


def test_only_what_is_taken_is_decoded(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []
    picture = Places.picture

    def counted(places: Places, number: int) -> np.ndarray:
        decoded.append((places.tar.name, number))
        return picture(places, number)

    monkeypatch.setattr(Places, "picture", counted)
    faces = packed_faces(root)
    assert decoded == []
    faces.read(np.array([28, 0, 7]))
    assert decoded == [("shard-00004.tar", 4), ("shard-00000.tar", 0), ("shard-00001.tar", 1)]


def test_memory_grows_with_the_batch_and_not_with_the_data(drawn: Path, tmp_path: Path) -> None:
    pack(read_dataset("300w", drawn, "train"), tmp_path, 128)
    region = 256 * 256 * 3
    tracemalloc.start()
    faces = packed_faces(tmp_path)
    for first in range(0, 30, 3):
        faces.read(np.arange(first, first + 3))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * region  # of 30


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": {"input_size": 64, "widths": [4, 8]}}, r"--input-size 64 --margin 0\.15"),
        ({"data": {"margin": 0.3}}, r"packed for model\.input_size=32 data\.margin=0\.15"),
    ],
)
def test_another_size_or_margin_is_refused(
    root: Path, tmp_path: Path, settings: dict[str, dict[str, object]], message: str
) -> None:
    wanted = to_settings(TREE | settings, "test")
    with pytest.raises(SettingsError, match=message):
        prepare(wanted, RunFolder(tmp_path), [read_dataset("packed", root, "all")])


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def scratch(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[6000] ^= 255  # within the first picture
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("shard-00002.tar", cut, r"shard-00002\.tar: \d+ bytes, but the index says \d+: cut short"),
        ("shard-00002.tar", Path.unlink, r"shard-00002\.tar: cannot be read"),
        ("shard-00001.npz", cut, r"shard-00001\.npz: damaged, or from another packing"),
        ("shard-00001.npz", Path.unlink, r"shard-00001\.npz: cannot be read"),
        ("index.json", cut, r"index\.json: not JSON"),
        ("index.json", Path.unlink, r"index\.json: cannot be read"),
    ],
)
def test_what_is_missing_or_cut_short_is_named_before_training(
    shards: Path, name: str, damage: Callable[[Path], None], message: str
) -> None:
    damage(shards / name)
    with pytest.raises(DataError, match=message):
        packed_faces(shards)


def test_labels_of_another_packing_are_refused(
    shards: Path, reading: Reading, tmp_path: Path
) -> None:
    pack(reading, tmp_path / "other", SIZE, margin=0.3, faces_per_shard=6)
    (shards / "shard-00001.npz").write_bytes((tmp_path / "other/shard-00001.npz").read_bytes())
    with pytest.raises(DataError, match=r"shard-00001\.npz: damaged, or from another packing"):
        packed_faces(shards)


@pytest.mark.parametrize("content", ['{"version": 9}', "[]", '{"version": 1, "facts": {}}'])
def test_an_index_of_another_kind_is_refused(shards: Path, content: str) -> None:
    (shards / "index.json").write_text(content)
    with pytest.raises(DataError, match=r"index\.json: "):
        packed_faces(shards)


def test_an_index_names_files_beside_it_only(shards: Path) -> None:
    index = shards / "index.json"
    index.write_text(index.read_text().replace("shard-00001.tar", "../shard-00001.tar"))
    with pytest.raises(DataError, match=r"shard-00001\.tar is not the name of a file beside"):
        read_dataset("packed", shards, "all")


def test_a_scratched_picture_is_named_when_it_is_due(shards: Path) -> None:
    scratch(shards / "shard-00003.tar")
    faces = packed_faces(shards)
    faces.read(np.arange(18))
    with pytest.raises(DataError, match=r"shard-00003\.tar: damaged at face 0, byte \d+"):
        faces.read(np.array([18]))


def test_a_scratched_picture_ends_a_run_in_one_error(shards: Path, tmp_path: Path) -> None:
    scratch(shards / "shard-00000.tar")
    packed = read_dataset("packed", shards, "all")
    with pytest.raises(DataError, match=r"shard-00000\.tar: damaged at face 0"):
        fit(begin(packed, tmp_path / "run", validation=0.0))
