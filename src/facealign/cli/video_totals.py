"""Counting the tracks of videos: a row each where they are few."""

from collections import Counter
from dataclasses import dataclass, field

from facealign.cli.console import counted, print_table
from facealign.face import ImageResult

TABLE_TRACKS = 40
"""Up to this many tracks each has a row in the table at the end."""


@dataclass
class Totals:
    """What was found; a number for each track, whatever the video's length."""

    frames: int = 0
    tracks: Counter[tuple[str, int]] = field(default_factory=Counter)
    times: dict[tuple[str, int], tuple[float, float]] = field(default_factory=dict)

    def add(self, result: ImageResult) -> None:
        """Count a frame."""
        self.frames += 1
        time = result.time or 0.0
        for face in result.faces:
            key = result.source, face.track or 0
            self.tracks[key] += 1
            self.times[key] = self.times.get(key, (time, time))[0], time

    def in_words(self) -> str:
        """The totals as a line."""
        return f"{counted(len(self.tracks), 'track')} in {counted(self.frames, 'frame')}"

    def print_table(self) -> None:
        """A row for each track, if they are few."""
        if 0 < len(self.tracks) <= TABLE_TRACKS:
            rows = (
                (source, str(number), str(count), *(f"{t:.2f}" for t in self.times[source, number]))
                for (source, number), count in self.tracks.items()
            )
            columns = ("video", "track", "frames", "from (s)", "to (s)")
            print_table(columns, rows, right=columns[1:])
