"""The pictures of samples: the one place that knows a file may hold many."""

from collections.abc import Iterator, Sequence
from itertools import groupby, repeat
from pathlib import Path

import numpy as np

from facealign.datasets.cofw import read_cofw_images
from facealign.datasets.shards import read_regions
from facealign.errors import FaceAlignError, ImageError, needs
from facealign.image import read_image
from facealign.problems import report
from facealign.types import Pixels, Progress, Sample, silent


def read_pixels(sample: Sample) -> Pixels:
    """The (H, W, 3) RGB uint8 picture of one sample; for many of one video use `stream_pixels`.

    Raises:
        ImageError: the file or the frame cannot be read.
        MissingExtraError: the file needs an extra that is not installed.
    """
    return next(_pictures(sample.image, [sample]))


def stream_pixels(
    samples: Sequence[Sample], progress: Progress = silent
) -> Iterator[tuple[Sample, Pixels | None]]:
    """Samples with their pictures (H, W, 3) RGB uint8, in order, one in memory at a time.

    None stands for a picture that cannot be read, which is reported (`facealign.problems`). A file
    is opened once for consecutive samples of it: keep the reader's order.
    """
    yield from progress(_stream(samples), total=len(samples))


def _stream(samples: Sequence[Sample]) -> Iterator[tuple[Sample, Pixels | None]]:
    for path, run in groupby(samples, key=lambda sample: sample.image):
        faces = list(run)
        pictures = _pictures(path, faces)
        for face in faces:
            picture = None
            try:
                picture = next(pictures)
            except FaceAlignError as error:
                report(str(error))
            except StopIteration:  # an earlier face of this file could not be read
                report(f"{path}: {face.id} cannot be read either")
            yield face, picture


def _pictures(path: Path, faces: list[Sample]) -> Iterator[Pixels]:
    """The picture of each face of one file."""
    numbers = [face.frame for face in faces if face.frame is not None]
    if not numbers:
        yield from repeat(read_image(path), len(faces))
    elif len(numbers) < len(faces):
        raise ImageError(f"{path}: some of its samples name a frame and some do not")
    elif path.suffix == ".mat":
        yield from read_cofw_images(path, numbers)
    elif path.suffix == ".tar":
        yield from read_regions(path, numbers)
    else:
        yield from read_frames(path, numbers)


def read_frames(path: Path, numbers: Sequence[int]) -> Iterator[Pixels]:
    """Frames (H, W, 3) RGB uint8 of a video, decoded in order, as seeking is unreliable.

    Their numbers, from 0, must ascend; one may appear twice.

    Raises:
        ImageError: the file is missing or damaged, or ends before a frame.
        MissingExtraError: the "video" extra is not installed.
    """
    with needs("video", "reading videos"):
        import av
    done = 0
    try:
        with av.open(str(path)) as container:
            for number, frame in enumerate(container.decode(video=0)):
                if done == len(numbers):
                    return
                if number == numbers[done]:
                    pixels = np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
                while done < len(numbers) and numbers[done] == number:
                    done += 1
                    yield pixels
    except (av.FFmpegError, IndexError) as error:
        raise ImageError(f"{path}: damaged or not a video ({error})") from None
    if done < len(numbers):
        raise ImageError(f"{path}: ends before frame {numbers[done] + 1}")
