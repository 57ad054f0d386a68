"""Work ahead of time changes when something is made, never what."""

from __future__ import annotations

import threading

import pytest

from facealign.errors import DataError
from facealign.training.data.prefetch import Prefetcher


def test_values_are_those_of_their_steps_whatever_the_order() -> None:
    prefetched = Prefetcher(lambda step: step * step)
    assert [prefetched(step) for step in (0, 1, 2, 7, 7, 3, 4)] == [0, 1, 4, 49, 49, 9, 16]


def test_the_next_step_is_made_before_it_is_asked_for_and_once() -> None:
    made, ready = [], threading.Event()

    def make(step: int) -> int:
        made.append(step)
        if step == 1:
            ready.set()
        return step

    prefetched = Prefetcher(make)
    prefetched(0)
    assert ready.wait(30)
    assert prefetched(1) == 1
    assert made[:2] == [0, 1]
    assert made.count(1) == 1


def test_an_error_belongs_to_its_own_step() -> None:
    def make(step: int) -> int:
        if step == 2:
            raise DataError("step 2")
        return step

    prefetched = Prefetcher(make)
    assert [prefetched(0), prefetched(1), prefetched(5)] == [0, 1, 5]
    assert prefetched(1) == 1
    with pytest.raises(DataError, match="step 2"):
        prefetched(2)
