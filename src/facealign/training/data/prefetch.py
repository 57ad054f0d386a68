"""The next step's regions, read while this step is computed."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from facealign.training.data.regions import Regions


class Prefetcher:
    """Reads the regions of each step one step early, in a background thread: always the same."""

    def __init__(self, load: Callable[[int], list[Regions]]) -> None:
        self._load = load
        self._pool = ThreadPoolExecutor(1, "prefetch")
        self._next: tuple[int, Future[list[Regions]]] | None = None

    def __call__(self, step: int) -> list[Regions]:
        """The regions of this step, prefetched or not; starts reading those of the next.

        Raises:
            FaceAlignError: whatever `load` raises for this step, never for another.
        """
        prefetched, self._next = self._next, None
        hit = prefetched is not None and prefetched[0] == step
        value = prefetched[1].result() if prefetched and hit else self._load(step)
        self._next = step + 1, self._pool.submit(self._load, step + 1)
        return value
