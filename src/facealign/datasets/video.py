"""Frames of a video, one in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from facealign.errors import ImageError, MissingExtraError
from facealign.types import Pixels


def read_frames(path: Path, numbers: Sequence[int]) -> Iterator[Pixels]:
    """Frames of a video, decoded in order: seeking is unreliable in old containers.

    Args:
        path: the file.
        numbers: of the frames to read, ascending, from 0; a frame may appear twice.

    Yields:
        (H, W, 3) RGB uint8.

    Raises:
        ImageError: the file is missing or damaged, or ends before a frame.
        MissingExtraError: the "video" extra is not installed.

    """
    try:
        import av
    except ImportError:
        raise MissingExtraError("reading videos", "video") from None
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
