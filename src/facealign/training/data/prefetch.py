"""The next step's data is loaded while this step runs; what is loaded does not depend on it."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Prefetcher(Generic[T]):
    """A function of the step's number that is called one step early, in a background thread.

    It gives the same value at any time and from any thread.
    """

    def __init__(self, load: Callable[[int], T]) -> None:
        self._load = load
        self._pool = ThreadPoolExecutor(1, "prefetch")
        self._next: tuple[int, Future[T]] | None = None

    def __call__(self, step: int) -> T:
        """The value of this step, prefetched or not; starts loading that of the next.

        Raises:
            FaceAlignError: whatever `load` raises for this step, never for another.
        """
        prefetched, self._next = self._next, None
        hit = prefetched is not None and prefetched[0] == step
        value = prefetched[1].result() if prefetched and hit else self._load(step)
        self._next = step + 1, self._pool.submit(self._load, step + 1)
        return value
