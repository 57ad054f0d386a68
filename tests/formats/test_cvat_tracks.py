"""CVAT for video: tracks with keyframes, covered and missing points, faces that leave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facealign.datasets import read_dataset
from facealign.errors import DataError, OutputError
from facealign.face import Face, ImageResult
from facealign.formats.registry import read_results, write_results
from facealign.markup import load_markup

NAMES = ["track_nose", "left ear", "right ear"]
PLACES = np.array([[20.0, 30.0], [5.5, 9.25], [40.0, 8.0]])
META = (
    "<meta><task><name>t</name><source>clip.mp4</source><start_frame>4</start_frame>"
    "<frame_filter>step=2</frame_filter><original_size><width>50</width><height>40</height>"
    "</original_size></task></meta>"
)


def skeleton(frame: int, key: int, outside: str = "", covered: str = "", names: Any = NAMES) -> str:
    places = [PLACES[NAMES.index(name)] + frame + 0.5 for name in names]
    inner = "".join(
        f'<points label="{name}" keyframe="{key}" outside="{int(name == outside)}" '
        f'occluded="{int(name == covered)}" points="{x},{y}"/>'
        for name, (x, y) in zip(names, places, strict=True)
    )
    return f'<skeleton frame="{frame}" keyframe="{key}" z_order="0">{inner}</skeleton>'


TRACKS = (
    '<track id="0" label="track_cat" source="manual" group_id="3">'
    + skeleton(0, 1, covered="left ear", names=NAMES[::-1])
    + skeleton(1, 0)
    + skeleton(2, 1, outside="right ear")
    + '<skeleton frame="3" keyframe="1" outside="1"/>'
    + '</track><track id="1" label="head" group_id="3">'
    + "".join(
        f'<box frame="{f}" keyframe="1" outside="{int(f == 2)}" xtl="1.5" ytl="2.5" xbr="45.5" '
        'ybr="35.5"/>'
        for f in (0, 1, 2)
    )
    + "</track>"
)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def make(content: str = META + TRACKS, stills: tuple[int, ...] = (4, 6, 8)) -> Path:
        (tmp_path / "images").mkdir(exist_ok=True)
        for number in stills:
            Image.new("RGB", (50, 40)).save(tmp_path / "images" / f"frame_{number:06d}.PNG", "PNG")
        path = tmp_path / "annotations.xml"
        path.write_text(f"<annotations><version>1.1</version>{content}</annotations>")
        return path

    return make


def test_frames_of_tracks_become_samples(write: Callable[..., Path], reported: list[str]) -> None:
    samples = read_dataset("cvat", write(), "all").samples
    assert [sample.image.name for sample in samples] == [f"frame_00000{n}.PNG" for n in (4, 6, 8)]
    names = load_markup(samples[0].markup).names
    order = [NAMES.index(name) for name in names]
    for number, sample in enumerate(samples):
        good = sample.labelled
        assert np.allclose(sample.landmarks[good], PLACES[order][good] + number, atol=1e-4)
    assert samples[0].occluded is not None
    assert names[int(np.flatnonzero(samples[0].occluded)[0])] == "left ear"
    assert [int(sample.labelled.sum()) for sample in samples] == [3, 3, 2]
    assert [sample.box_source for sample in samples] == ["official", "official", "landmarks"]
    assert samples[0].box.tolist() == [1, 2, 45, 35]
    assert (len({sample.group for sample in samples}), reported) == (1, [])


def test_the_frames_that_a_person_has_set_are_a_subset(write: Callable[..., Path]) -> None:
    path = write()
    names = [sample.image.name for sample in read_dataset("cvat", path, "keyframes").samples]
    assert names == ["frame_000004.PNG", "frame_000008.PNG"]
    path.write_text("<annotations><version>1.1</version></annotations>")
    with pytest.raises(DataError, match='cvat has no subset "keyframes"'):
        read_dataset("cvat", path, "keyframes")


def test_without_stills_the_video_is_named_with_its_frame(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"video")
    samples = read_dataset("cvat", write(stills=()), "all").samples
    assert [(s.image.name, s.frame) for s in samples] == [("clip.mp4", n) for n in (4, 6, 8)]


def test_tracks_as_results(write: Callable[..., Path], reported: list[str]) -> None:
    results = list(read_results(write()))
    assert [(r.source, r.frame, len(r.faces)) for r in results] == [
        *(("clip.mp4", 4, 1), ("clip.mp4", 6, 1), ("clip.mp4", 8, 0))
    ]
    assert (results[0].width, results[0].height) == (50, 40)
    assert "frame 8, face 1: no place is known for point" in reported[0]


def test_single_points_and_rows_of_tracks(write: Callable[..., Path], reported: list[str]) -> None:
    singles = "".join(
        f'<track id="{i}" label="{name}"><points frame="0" keyframe="1" outside="0" occluded="0" '
        f'points="{x + 0.5},{y + 0.5}"/></track>'
        for i, (name, (x, y)) in enumerate(zip(NAMES, PLACES, strict=True))
    )
    (sample,) = read_dataset("cvat", write(singles, stills=(0,)), "all").samples
    names = load_markup(sample.markup).names
    assert np.allclose(sample.landmarks, PLACES[[NAMES.index(n) for n in names]], atol=1e-4)
    assert sample.image.name == "frame_000000.PNG"
    text = ";".join(f"{i + 0.5},{i + 0.5}" for i in range(5))
    row = f'<track id="0" label="face"><points frame="0" outside="0" points="{text}"/></track>'
    (sample,) = read_dataset("cvat", write(row, stills=(0,)), "all", markup="celeba5").samples
    assert sample.landmarks[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert reported == []


def test_a_file_that_declares_entities_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.xml"
    path.write_text('<!DOCTYPE x [<!ENTITY a "aaaa">]><annotations><version/>&a;</annotations>')
    for name in ("cvat", "imglab"):
        with pytest.raises(DataError, match="declares entities"):
            read_dataset(name, path, "all")


def frame_of(number: int, *tracks: int, source: str = "clip.mp4") -> ImageResult:
    """A frame whose faces are placed by track and frame."""
    faces = [
        Face(
            box=np.array([track, number, track + 30, number + 40], np.float32),
            score=0.5,
            landmarks=np.float32([[track + i, number + 2 * i] for i in range(5)]),
            markup="celeba5",
            visible=np.array([True, True, track == 0, True, True]),
            track=track,
        )
        for track in tracks
    ]
    return ImageResult(source, 320, 240, faces, None, number, number / 25)


def test_results_of_a_video_are_tracks_and_come_back(tmp_path: Path) -> None:
    video = [frame_of(0, 0), frame_of(2, 0, 7), frame_of(4), frame_of(6, 7, 0), frame_of(8, 0)]
    path = tmp_path / "clip.xml"
    _, lost = write_results(lambda: iter(video), path)
    assert lost == {"times", "frames without a face"}
    with_faces = [result for result in video if result.faces]
    for before, after in zip(with_faces, read_results(path), strict=True):
        assert (after.source, after.frame, after.width) == ("clip.mp4", before.frame, 320)
        found = {face.track: face for face in after.faces}
        assert found.keys() == {face.track for face in before.faces}
        for face in before.faces:
            again = found[face.track]
            assert np.allclose(again.landmarks, face.landmarks, atol=0.001)
            assert np.allclose(again.box, face.box, atol=0.001)
            assert (again.markup, again.score) == ("celeba5", 0.5)
    text = path.read_text()
    assert text.count("<track ") == 4
    # each face leaves once before the end: both in frame 4, track 7 again in frame 8
    assert text.count('outside="1"') == (5 + 1 + 1) * 3


def test_tracks_of_two_videos_are_refused(tmp_path: Path) -> None:
    videos = [frame_of(0, 0), frame_of(0, 0, source="other.mp4")]
    with pytest.raises(OutputError, match=r"one video, not of clip\.mp4 and other\.mp4"):
        write_results(lambda: iter(videos), tmp_path / "both.xml")
    assert not (tmp_path / "both.xml").exists()
