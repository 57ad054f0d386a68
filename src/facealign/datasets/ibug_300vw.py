"""300VW: 114 videos with 68 points in every frame.

    root/001/vid.avi      root/001/annot/000001.pts …      (1-based, the first frame is 000001)

There are no official boxes: each box is that of the points (`box_source` "landmarks"). A number
for comparison is made with a detector's boxes instead, and says so.

Frames are not unpacked: a sample names the video and the frame, and `stream_pixels` decodes each
video once, one frame in memory at a time.
"""

from pathlib import Path

from facealign.datasets.reading import Dataset, Reading, build_sample, check_subset, read_records
from facealign.errors import DataError
from facealign.formats.pts import read_pts
from facealign.problems import report
from facealign.types import Sample

TRAIN = (
    "001 002 003 004 007 009 010 011 013 015 016 017 018 019 020 022 025 027 028 029 031 033 034 "
    "035 037 039 041 043 044 046 047 048 049 053 057 059 112 113 115 119 120 123 138 143 144 160 "
    "204 205 223 225"
)
CATEGORY1 = (
    "114 124 125 126 150 158 401 402 505 506 507 508 509 510 511 514 515 518 519 520 521 522 524 "
    "525 537 538 540 541 546 547 548"
)
CATEGORY2 = "203 208 211 212 213 214 218 224 403 404 405 406 407 408 409 412 550 551 553"
CATEGORY3 = "410 411 516 517 526 528 529 530 531 533 557 558 559 562"
SUBSETS = {"train": TRAIN, "category1": CATEGORY1, "category2": CATEGORY2, "category3": CATEGORY3}
SUBSETS["test"] = f"{CATEGORY1} {CATEGORY2} {CATEGORY3}"
VIDEOS = {subset: tuple(numbers.split()) for subset, numbers in SUBSETS.items()}
"""Subset → the official numbers of its videos."""
FRAMES = (95192, 62135, 32805, 26338, 121278)
"""In each of these subsets."""


def read_300vw(root: Path, subset: str, stride: int = 1) -> Reading:
    """The labelled frames of one subset of 300VW.

    Args:
        root: the folder that holds `001`, `002` …
        subset: "train", "category1", "category2", "category3", or "test" (all three).
        stride: take every n-th labelled frame of a video; 1 takes all.

    Raises:
        DataError: no such subset, a stride below 1, or no video of the subset is there.
    """
    check_subset("300vw", subset, VIDEOS)
    if stride < 1:
        raise DataError(f"300vw: stride is {stride}; it must be 1 or more")
    missing = [video for video in VIDEOS[subset] if not (root / video / "vid.avi").is_file()]
    if len(missing) == len(VIDEOS[subset]):
        raise DataError(f"{root / missing[0] / 'vid.avi'}: no such file; --root must hold 300VW")
    for video in missing:
        report(f"{root / video / 'vid.avi'}: no such file")
    chosen: list[Path] = []
    for folder in (root / video / "annot" for video in VIDEOS[subset] if video not in missing):
        paths = sorted(folder.glob("*.pts"))
        chosen += paths[::stride]
        if not paths:
            report(f"{folder}: holds no .pts file")
    return read_records("300vw", subset, chosen, lambda path: _frame_sample(root, path))


def _frame_sample(root: Path, path: Path) -> Sample:
    video = path.parent.parent
    if not path.stem.isdecimal() or int(path.stem) < 1:
        raise DataError(f"{path}: the name is not a frame number such as 000001.pts")
    return build_sample(
        str(path),
        id=path.relative_to(root).with_suffix("").as_posix(),
        image=video / "vid.avi",
        landmarks=read_pts(path, 68),
        markup="ibug68",
        box=None,
        group=video.name,
        frame=int(path.stem) - 1,
    )


DATASET = Dataset(
    name="300vw",
    title="300VW (2015)",
    home="https://ibug.doc.ic.ac.uk/resources/300-VW/",
    read=read_300vw,
    subsets=dict(zip(VIDEOS, FRAMES, strict=True)),
    markup="ibug68",
    box_source="landmarks",
    normalisers=("inter_ocular", "inter_pupil"),
    origin=1,
    options=("stride",),
)
