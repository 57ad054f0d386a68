"""Work on several threads with the results in order.

The heavy parts release Python's global lock: on two cores, over 730 faces in 600 photos, threads
did 6 to 11 % more photos a second than as many processes, in 120 MB instead of 300.
"""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
THREADS = "facealign"
"""How the names of the threads begin."""
AHEAD = 32
"""Items per worker that may be finished before their turn: a large photo delays no others."""


def map_ordered(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Generator[Result]:
    """`work(item)` for each item, in order, on `workers` threads; 1 works in the caller's.

    At most `AHEAD` items per worker are taken in advance, which bounds the memory of the results.
    What `work` raises is raised here when its turn comes. Close the iterator to stop: items in
    progress are finished, the others dropped. KeyboardInterrupt does not wait for those in
    progress, of which one may hang, as on a dead mount.
    """
    if workers == 1:
        yield from map(work, items)
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix=THREADS)
    begun: deque[Future[Result]] = deque()
    wait = True
    try:
        for item in items:
            begun.append(pool.submit(work, item))
            if len(begun) >= AHEAD * workers:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    except KeyboardInterrupt:
        wait = False
        raise
    finally:
        pool.shutdown(wait=wait, cancel_futures=True)


def core_count() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
