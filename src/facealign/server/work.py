"""The work behind requests: one per slot at a time, a short queue, and no more."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, lru_cache
from typing import TypeVar

from facealign.aligner import FaceAligner
from facealign.aligner.many import Room
from facealign.aligner.settings import AlignSettings
from facealign.errors import ImageError, MissingExtraError, SettingsError
from facealign.face import ImageResult
from facealign.face.measures import measured
from facealign.image import open_image
from facealign.server.intake import Options, Picture, Problem, busy
from facealign.server.settings import ServerSettings

Result = TypeVar("Result")
KEPT = 8
"""Aligners of different options that stay open."""
_room = cache(Room)
"""The memory that the slots share."""


class Slots:
    """Runs work on a fixed number of threads; refuses what would wait in too long a queue.

    A slot stays taken until its work ends, even if nobody waits for the result any more.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._pool = ThreadPoolExecutor(settings.slots, thread_name_prefix="facealign-slot")
        self._lock = threading.Lock()
        self._taken = 0

    @property
    def running(self) -> int:
        """Requests that have a slot."""
        return min(self._taken, self._settings.slots)

    @property
    def waiting(self) -> int:
        """Requests that wait for a slot."""
        return self._taken - self.running

    @property
    def is_full(self) -> bool:
        """Whether the next request would be refused."""
        return self._taken >= self._settings.slots + self._settings.queue

    async def run(self, work: Callable[[], Result]) -> Result:
        """What `work` gives, on a thread.

        Raises:
            Problem: 503 all slots and the queue are taken, 504 it takes too long.
        """
        with self._lock:
            if self.is_full:
                raise busy()
            self._taken += 1
        begun = self._pool.submit(work)
        begun.add_done_callback(self._free)
        try:
            async with asyncio.timeout(self._settings.timeout):
                return await asyncio.shield(asyncio.wrap_future(begun))
        except TimeoutError:
            begun.cancel()  # if it still waits; if it runs, it keeps its slot
            detail = f"not done within {self._settings.timeout:g} s; send fewer or smaller pictures"
            raise Problem(504, detail) from None

    def _free(self, done: Future[Result]) -> None:
        with self._lock:
            self._taken -= 1

    def close(self) -> None:
        """Wait for what runs; leave what waits."""
        self._pool.shutdown(wait=True, cancel_futures=True)


@lru_cache(maxsize=KEPT)
def aligner_for(model: str, markup: str | None, min_face: int, device: str = "cpu") -> FaceAligner:
    """An aligner on one thread, opened once.

    Raises:
        ModelError: the model's file is missing or damaged.
        SettingsError: the model knows no points of `markup`, or the device cannot be used here.
    """
    settings = AlignSettings(model=model, markup=markup, min_face=min_face, device=device)
    return settings.aligner(threads=1)


def align_all(
    pictures: list[Picture], options: Options, settings: ServerSettings
) -> list[ImageResult]:
    """The result of each picture; one that cannot be read has an error.

    Raises:
        Problem: of a single picture: 413 too many pixels, 415 a type that is not read here, 422 no
            picture; 422 the model knows no points of the scheme wanted.
    """
    try:
        aligner = aligner_for(options.model, options.markup, options.min_face, settings.device)
    except SettingsError as error:
        raise Problem(422, str(error)) from None
    results = []
    for name, content in pictures:
        try:
            results.append(_aligned(name, content, aligner, options, settings))
        except Problem as problem:
            if len(pictures) == 1:
                raise
            results.append(ImageResult(name, None, None, [], problem.detail))
    return results


def _aligned(
    name: str, content: bytes, aligner: FaceAligner, options: Options, settings: ServerSettings
) -> ImageResult:
    try:
        photo = open_image(content)
        if (pixels := photo.width * photo.height) > settings.max_pixels:
            raise _too_large(name, f"{photo.width} × {photo.height} pixels", settings)
        with _room().hold(pixels, name):
            image = photo.decode()
            faces = aligner.align(image)[: options.max_faces]
    except MissingExtraError as error:
        raise Problem(415, f"{name}: {error}") from None
    except ImageError as error:
        if "too large" in str(error):  # far beyond: Pillow refuses before it says a size
            raise _too_large(name, "the picture", settings) from None
        raise Problem(422, str(error).replace("the bytes given", name)) from None
    if options.measures:
        faces = measured(faces)
    return ImageResult(name, image.shape[1], image.shape[0], faces)


def _too_large(name: str, what: str, settings: ServerSettings) -> Problem:
    most = f"{settings.max_megapixels:g} million pixels"
    return Problem(413, f"{name}: {what}; at most {most}: reduce it")


@lru_cache(maxsize=KEPT)
def markups_of(model: str) -> tuple[str, ...]:
    """The point schemes of a model's heads."""
    return FaceAligner(model, threads=1).facts.markups
