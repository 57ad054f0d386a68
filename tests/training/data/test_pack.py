"""Shards as they are written: WebDataset's names, whole or to be gone on with, never half a one."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tarfile
import tracemalloc
from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facealign.datasets import Reading, read_dataset
from facealign.datasets.shards import read_index
from facealign.errors import DataError, OutputError
from facealign.training.data.pack import pack
from facealign.training.data.regions import load_faces
from facealign.types import Progress

SIZE = 32
REGION = 64


@pytest.fixture(scope="module")
def reading(drawn: Path) -> Reading:
    return read_dataset("300w", drawn, "train")


def spoilt(reading: Reading, *places: int) -> Reading:
    """The reading with pictures that cannot be read at these places."""
    samples = list(reading.samples)
    for place in places:
        samples[place] = replace(samples[place], image=samples[place].image.with_suffix(".gone"))
    return replace(reading, samples=samples)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def stop_after(faces: int) -> Progress:
    """A `progress` that interrupts, as Ctrl-C does."""

    def progress(items: Iterable[object], /, *, total: int | None = None) -> Iterator[object]:
        for number, item in enumerate(items, 1):
            if number == faces + 1:
                raise KeyboardInterrupt
            yield item

    return progress


def test_members_are_named_and_ordered_as_webdataset_wants_them(
    reading: Reading, tmp_path: Path
) -> None:
    index = pack(reading, tmp_path, SIZE, faces_per_shard=7)
    assert [shard.faces for shard in index.shards] == [7, 7, 7, 7, 2]
    keys = []
    for shard in index.shards:
        assert re.fullmatch(r"shard-\d{5}\.tar", shard.name)
        with tarfile.open(tmp_path / shard.name, "r:") as tar:  # "r:" refuses compression
            names = tar.getnames()
        pairs = [
            (a.split(".", 1), b.split(".", 1)) for a, b in zip(names[::2], names[1::2], strict=True)
        ]
        assert all(a[0] == b[0] and (a[1], b[1]) == ("json", "png") for a, b in pairs)
        keys += [a[0] for a, _ in pairs]
    assert keys == [f"{i:08d}" for i in range(30)]


def test_a_member_holds_the_labels_in_the_pixels_of_its_picture(
    reading: Reading, tmp_path: Path
) -> None:
    sample = replace(reading.samples[0], occluded=np.arange(68) < 3)
    pack(replace(reading, samples=[sample]), tmp_path, SIZE)
    expected = load_faces([sample], SIZE, 0.15).read(np.arange(1))
    with tarfile.open(tmp_path / "shard-00000.tar") as tar:
        told = json.load(tar.extractfile("00000000.json"))
        picture = np.asarray(Image.open(io.BytesIO(tar.extractfile("00000000.png").read())))
    assert (picture == expected.images[0]).all()
    assert (np.float32(told["landmarks"]) == expected.landmarks[0]).all()
    assert (told["visible"], told["occluded"]) == ([True] * 68, sample.occluded.tolist())
    assert (told["id"], told["group"]) == (sample.id, sample.group)
    assert (told["dataset"], told["subset"], told["markup"]) == ("300w", "train", "ibug68")
    matrix = np.array(told["to_region"])
    back = (np.array(told["landmarks"]) - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    assert np.allclose(back, sample.landmarks, atol=1e-3)
    x0, y0, x1, y1 = told["box"]
    assert (x0 + x1) / 2 == pytest.approx((REGION - 1) / 2, abs=1e-3)
    assert (y0 + y1) / 2 == pytest.approx((REGION - 1) / 2, abs=1e-3)


def test_labels_that_a_data_set_does_not_give_are_null(reading: Reading, tmp_path: Path) -> None:
    pack(replace(reading, samples=reading.samples[:1]), tmp_path, SIZE)
    with tarfile.open(tmp_path / "shard-00000.tar") as tar:
        assert json.load(tar.extractfile("00000000.json"))["occluded"] is None


def test_the_index_states_sizes_and_checksums(reading: Reading, tmp_path: Path) -> None:
    pack(reading, tmp_path, SIZE, faces_per_shard=20)
    index = read_index(tmp_path / "index.json")
    assert len(index) == index.tried == 30
    for shard in index.shards:
        data = (tmp_path / shard.name).read_bytes()
        assert (len(data), sha256(data).hexdigest()) == (shard.bytes, shard.sha256)


def test_jpeg_is_near_and_smaller_the_lower_its_quality(reading: Reading, tmp_path: Path) -> None:
    expected = load_faces(reading.samples[:1], SIZE, 0.15).read(np.arange(1)).images[0]
    sizes = []
    for quality in (95, 50):
        target = tmp_path / str(quality)
        pack(replace(reading, samples=reading.samples[:1]), target, SIZE, quality=quality)
        with tarfile.open(target / "shard-00000.tar") as tar:
            data = tar.extractfile("00000000.jpg").read()
        sizes.append(len(data))
        picture = np.asarray(Image.open(io.BytesIO(data))).astype(int)
        assert 0 < np.abs(picture - expected).mean() < 6
    assert sizes[1] < sizes[0]


def test_an_unreadable_photo_is_left_out_and_told(reading: Reading, tmp_path: Path) -> None:
    index = pack(spoilt(reading, 0, 9, 29), tmp_path, SIZE, faces_per_shard=9)
    assert [shard.faces for shard in index.shards] == [9, 9, 9]
    assert [face.id for face in index.left_out] == [reading.samples[i].id for i in (0, 9, 29)]
    assert all(".gone: no such file" in face.problem for face in index.left_out)
    ids = [sample.id for sample in read_dataset("packed", tmp_path, "all").samples]
    assert ids == [s.id for i, s in enumerate(reading.samples) if i not in (0, 9, 29)]


def test_no_readable_photo_leaves_nothing(reading: Reading, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="300w train: no face to pack could be read"):
        pack(spoilt(reading, *range(30)), tmp_path / "new", SIZE)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("faces", [3, 8, 20, 29])
def test_an_interrupted_packing_goes_on_and_ends_the_same(
    reading: Reading, tmp_path: Path, faces: int
) -> None:
    broken = spoilt(reading, 2, 11)
    pack(broken, tmp_path / "whole", SIZE, faces_per_shard=8)
    parted = tmp_path / "parted"
    with pytest.raises(KeyboardInterrupt):
        pack(broken, parted, SIZE, faces_per_shard=8, progress=stop_after(faces))
    assert not list(parted.glob(".*"))
    if faces > 8:
        with pytest.raises(DataError, match="not packed to its end; give the same data pack"):
            read_dataset("packed", parted, "all")
    pack(broken, parted, SIZE, faces_per_shard=8)
    assert contents(parted) == contents(tmp_path / "whole")


def test_what_a_killed_packing_left_is_taken_up(reading: Reading, tmp_path: Path) -> None:
    """Killed after a shard got its name and before the index did, and within the next one."""
    pack(reading, tmp_path / "whole", SIZE, faces_per_shard=8)
    killed = tmp_path / "killed"
    with pytest.raises(KeyboardInterrupt):
        pack(reading, killed, SIZE, faces_per_shard=8, progress=stop_after(3))
    (killed / "shard-00000.tar").write_bytes(b"half")
    (killed / ".shard-00000.tar.77.part").write_bytes(b"half")
    pack(reading, killed, SIZE, faces_per_shard=8)
    assert contents(killed) == contents(tmp_path / "whole")


def test_another_packing_or_another_folder_is_refused(reading: Reading, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        pack(reading, tmp_path / "a", SIZE, faces_per_shard=8, progress=stop_after(20))
    with pytest.raises(OutputError, match=r"part of another packing \(input_size 32, not 64\)"):
        pack(reading, tmp_path / "a", 64, faces_per_shard=8)
    moved = [replace(s, landmarks=s.landmarks + 1) for s in reading.samples]
    with pytest.raises(OutputError, match="its faces or labels differ"):
        pack(replace(reading, samples=moved), tmp_path / "a", SIZE, faces_per_shard=8)
    pack(reading, tmp_path / "b", SIZE)
    with pytest.raises(OutputError, match="holds a packed data set"):
        pack(reading, tmp_path / "b", SIZE)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="not an empty folder"):
        pack(reading, tmp_path / "c", SIZE)


def test_a_full_disk_is_an_error_and_the_same_command_goes_on(
    drawn: Path, reading: Reading, tmp_path: Path
) -> None:
    target = tmp_path / "packed"
    given = ["data", "pack", "300w", "--root", str(drawn), "-o", str(target)]
    given += ["--input-size", str(SIZE), "--faces-per-shard", "8"]
    code = (
        "import resource, signal\n"
        "from facealign.cli import main\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))\n"
        f"main({given!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "shard-00000.tar: File too large" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(target.iterdir()) == []
    assert len(pack(reading, target, SIZE, faces_per_shard=8)) == 30


def test_packing_holds_one_photo_at_a_time(reading: Reading, tmp_path: Path) -> None:
    tracemalloc.start()
    pack(reading, tmp_path, 256, faces_per_shard=10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    region = 512 * 512 * 3
    assert peak < 6 * region  # of 30


def test_packing_needs_no_pytorch(drawn: Path, tmp_path: Path) -> None:
    given = ["data", "pack", "300w", "--root", str(drawn), "-o", str(tmp_path / "p")]
    code = (
        "import sys\nsys.modules['torch'] = sys.modules['msgspec'] = None\n"
        f"from facealign.cli import main\nmain({given!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("packed: 30 faces, 1 shard, ")
