"""Runs damaged files through the readers, in processes that may crash or hang."""

from __future__ import annotations

import multiprocessing
import shutil
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

from tests.fuzz.damage import damaged, usual
from tests.fuzz.readers import TARGETS
from tests.fuzz.target import Target
from tests.fuzz.values import fault_in

from facealign import problems
from facealign.errors import FaceAlignError

MEMORY = 12 << 30
"""Bytes of address space that a worker may have: a reader must not trust a size in a file."""


@dataclass(frozen=True)
class Input:
    """One damaged file: the same name, number and seed make the same."""

    target: str
    number: int
    seed: int = 0

    def __str__(self) -> str:
        return f"{self.target}:{self.number}"


class Bench:
    """One target with its whole files, and a folder in which one of them is damaged."""

    def __init__(self, target: Target, folder: Path) -> None:
        self.target, self.folder = target, folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        target.make(folder)
        self.whole = {path: path.read_bytes() for path in _files(folder)}
        self.victims = sorted(path for path in self.whole if path.match(target.damaged))
        self._check(target.read(folder))  # whole files are read
        self.restore()

    def restore(self) -> None:
        """All files as they were, and no other."""
        for path in _files(self.folder):
            if path not in self.whole:
                path.unlink()
        for path, data in self.whole.items():
            if not path.exists() or path.read_bytes() != data:
                path.write_bytes(data)

    def damage(self, case: Input) -> Path:
        """Damage one file; its path."""
        random = Random(f"{case.seed}/{case}")
        victim = random.choice(self.victims)
        others = [self.whole[path] for path in self.victims]
        ways = self.target.ways or usual(victim.name)
        victim.write_bytes(damaged(ways, self.whole[victim], random, others))
        return victim

    def read(self) -> str:
        """Read the folder: "read", or "refused" with a documented error.

        Raises:
            Exception: whatever else the reader does.

        """
        try:
            with problems.collect():
                self._check(self.target.read(self.folder))
        except FaceAlignError as error:
            if not str(error).strip():
                raise AssertionError(f"{type(error).__name__} without a message") from error
            return "refused"
        return "read"

    def _check(self, value: object) -> None:
        if fault := fault_in(value):
            raise AssertionError(f"read: {fault}")


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def order(names: Sequence[str], seed: int) -> Iterator[Input]:
    """Inputs without end: the targets in turn, by their shares."""
    chosen = [TARGETS[name] for name in names]
    turns = [target.name for target in chosen for _ in range(target.share)]
    Random(0).shuffle(turns)
    counts: Counter[str] = Counter()
    while True:
        for name in turns:
            yield Input(name, counts[name], seed)
            counts[name] += 1


def work(pipe: Connection, names: Sequence[str], seed: int, part: tuple[int, int, int]) -> None:
    """Read every `step`-th input from the `first` on; say each before it, and how it went after.

    Args:
        pipe: to the process that watches; a word from it ends the work.
        names: of the targets.
        seed: of the damage.
        part: worker, workers, and how many of all inputs are done.

    """
    worker, workers, done = part
    folder = Path(pipe.recv())
    _limit_memory()
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", module="PIL")  # as the command line does
    benches: dict[str, Bench] = {}
    for number, case in enumerate(order(names, seed)):
        if number < done or number % workers != worker:
            continue
        if pipe.poll():
            return
        if case.target not in benches:
            pipe.send(("opens", number, case))
            benches[case.target] = Bench(TARGETS[case.target], folder / case.target)
        bench = benches[case.target]
        bench.damage(case)
        pipe.send(("reads", number, case))
        try:
            outcome, detail = bench.read(), ""
        except Exception as error:
            outcome, detail = (
                type(error).__name__,
                "".join(traceback.format_exception(error, limit=-14)),
            )
        pipe.send((outcome, number, detail))
        bench.restore()


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


@dataclass
class Findings:
    """What came of it: counts by target and outcome, and the inputs that went wrong."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    wrong: list[tuple[Input, str, str]] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(sum(counts.values()) for counts in self.counts.values())

    def add(self, case: Input, outcome: str, detail: str = "") -> None:
        self.counts.setdefault(case.target, Counter())[outcome] += 1
        if outcome not in ("read", "refused"):
            self.wrong.append((case, outcome, detail))


class Worker:
    """A process that reads inputs, and a new one after a crash or hang."""

    def __init__(self, names: Sequence[str], seed: int, part: tuple[int, int], folder: Path):
        self._names, self._seed, self._part, self._folder = names, seed, part, folder
        self._start(0)

    def _start(self, done: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        arguments = (other, self._names, self._seed, (*self._part, done))
        self._process = context.Process(target=work, args=arguments, daemon=True)
        self._process.start()
        other.close()
        self.pipe.send(str(self._folder))
        self._case, self._number = Input("start", 0), done - 1
        self._since = time.monotonic()

    def hear(self, findings: Findings, patience: float) -> None:
        """Take up what the process has said; start it again if it crashed or hangs."""
        try:
            while self.pipe.poll():
                what, self._number, said = self.pipe.recv()
                self._since = time.monotonic()
                if what in ("opens", "reads"):
                    self._case = said
                    self._opening = what == "opens"
                else:
                    findings.add(self._case, what, said)
            if time.monotonic() - self._since < patience * (10 if self._opening else 1):
                return
            self._again(findings, "hang", f"no answer for {patience:.0f} s")
        except (EOFError, OSError):
            self._process.join(10)
            self._again(findings, "crash", f"the process ended with {self._process.exitcode}")

    _opening = True

    def _again(self, findings: Findings, outcome: str, detail: str) -> None:
        if self._opening:
            raise RuntimeError(f"{self._case.target}: whole files are not read: {detail}")
        findings.add(self._case, outcome, detail)
        self._process.kill()
        self._start(self._number + 1)

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()


def fuzz(
    names: Sequence[str],
    folder: Path,
    *,
    inputs: int | None,
    seconds: float,
    workers: int,
    seed: int = 0,
    patience: float = 20.0,
) -> Findings:
    """Damage and read until there are enough inputs, or the time is over."""
    findings, end = Findings(), time.monotonic() + seconds
    all_workers = [
        Worker(names, seed, (i, workers), folder / f"worker-{i}") for i in range(workers)
    ]
    try:
        while time.monotonic() < end and (inputs is None or findings.total < inputs):
            multiprocessing.connection.wait([w.pipe for w in all_workers], timeout=0.2)
            for worker in all_workers:
                worker.hear(findings, patience)
    finally:
        for worker in all_workers:
            worker.stop()
    return findings
