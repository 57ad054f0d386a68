"""Every reader of files that facealign has, by name."""

from __future__ import annotations

from tests.fuzz import images, labels, results, runs
from tests.fuzz.target import Target

TARGETS: dict[str, Target] = {
    target.name: target
    for target in (*images.TARGETS, *results.TARGETS, *labels.TARGETS, *runs.TARGETS)
}
