"""The content of `/metrics`: counts and times in Prometheus's text format, nothing about photos."""

from bisect import bisect_left
from collections import Counter
from itertools import accumulate

BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds in seconds."""
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counts of one server; used in its event loop alone; requests by path and status."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self.images = self.faces = 0
        self._times = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0

    def time(self, seconds: float) -> None:
        """Record how long a request's pictures took to align, including the wait for a slot."""
        self._times[bisect_left(BUCKETS, seconds)] += 1
        self._seconds += seconds

    def text(self, running: int, waiting: int) -> str:
        """Everything in Prometheus's format, with the numbers of running and waiting requests."""
        lines = ["# TYPE facealign_requests_total counter"]
        for (path, status), count in sorted(self.requests.items()):
            labels = f'path="{path}",status="{status}"'
            lines.append(f"facealign_requests_total{{{labels}}} {count}")
        plain = {
            "images_total counter": self.images,
            "faces_total counter": self.faces,
            "running gauge": running,
            "waiting gauge": waiting,
        }
        for named, value in plain.items():
            name = f"facealign_{named.split()[0]}"
            lines += [f"# TYPE facealign_{named}", f"{name} {value}"]
        return "\n".join([*lines, *self._histogram()]) + "\n"

    def _histogram(self) -> list[str]:
        name = "facealign_align_seconds"
        totals = list(accumulate(self._times))
        ends = [f"{end:g}" for end in BUCKETS] + ["+Inf"]
        rows = [f'{name}_bucket{{le="{e}"}} {t}' for e, t in zip(ends, totals, strict=True)]
        sums = [f"{name}_sum {self._seconds:.6f}", f"{name}_count {totals[-1]}"]
        return [f"# TYPE {name} histogram", *rows, *sums]
