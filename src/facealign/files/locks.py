"""Lock files, by which one process at a time writes an output."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from facealign.files.writing import unwritable


@contextmanager
def lock(path: Path, wait: bool = True) -> Iterator[None]:
    """Hold the lock file `path`, removed afterwards; it is free once its process has ended.

    Raises:
        BlockingIOError: `wait` is False, and another process or thread holds it.
        OutputError: the file cannot be made.
    """
    from filelock import FileLock, Timeout  # slow to import, and most runs lock nothing

    held = FileLock(path, thread_local=False)
    try:
        held.acquire(blocking=wait)
    except Timeout:
        raise BlockingIOError(f"{path}: another process holds it") from None
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        yield
    finally:
        with suppress(OSError):  # Windows cannot remove an open file
            path.unlink()  # a process that waits for it notices and makes a new file
        held.release()
