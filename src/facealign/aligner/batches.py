"""Faces of several photos in one run of the network: `in_batches`."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack

from facealign.aligner.found import Found
from facealign.aligner.room import Room
from facealign.face import Face
from facealign.image import Photo
from facealign.types import Pixels

WAITING = 4
"""Photos that may wait for a batch to fill, per face of the batch."""
WAITING_PIXELS = 100_000_000
"""Pixels of all photos that wait for a batch to fill, 3 bytes each."""


def in_batches(
    photos: Iterable[Photo],
    detect: Callable[[Pixels], Found],
    look: Callable[[list[Found], int], list[list[Face]]],
    batch_size: int,
) -> Iterator[list[Face]]:
    """The faces of each photo, in order; at most `batch_size` faces share a run of the network.

    Args:
        photos: read only as needed for the next batch; at most `WAITING_PIXELS` are decoded, or one
            larger photo.
        detect: finds the faces of a photo.
        look: gives each photo's faces with landmarks.
        batch_size: 1 or more.

    Raises:
        ImageError: a photo cannot be decoded.

    """
    waiting: list[Found] = []
    room, held = Room(WAITING_PIXELS), ExitStack()

    def done() -> list[list[Face]]:
        faces = look(waiting, batch_size)
        waiting.clear()
        held.close()
        return faces

    for photo in photos:
        pixels = photo.width * photo.height
        if not room.fits(pixels):
            yield from done()
        held.enter_context(room.hold(pixels, photo.name))
        waiting.append(detect(photo.decode()))
        count = sum(len(found) for found in waiting)
        if not count or count >= batch_size or len(waiting) >= WAITING * batch_size:
            yield from done()
    yield from done()
