"""Work of the next step done while this one runs: which batch comes does not depend on it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """Calls a function of the step's number one step early, in a thread of its own.

    Args:
        make: step → value; the same whenever it is called, and from whatever thread.

    """

    def __init__(self, make: Callable[[int], T]) -> None:
        self._make = make
        self._pool = ThreadPoolExecutor(1, "ahead")
        self._next: tuple[int, Future[T]] | None = None

    def at(self, step: int) -> T:
        """The value of this step, whether it was foreseen or not; that of the next is begun.

        Raises:
            FaceAlignError: whatever `make` raises for this step; never for another.

        """
        foreseen, self._next = self._next, None
        known = foreseen is not None and foreseen[0] == step
        value = foreseen[1].result() if foreseen and known else self._make(step)
        self._next = step + 1, self._pool.submit(self._make, step + 1)
        return value
