"""The paper's numbers, checked against each other: a slip of the pen shows."""

from __future__ import annotations

import pytest

from facealign.metrics import NORMALISERS
from facealign.reproduce.paper import ABLATION, BENCHMARKS, SOURCES, VARIANTS


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_row_has_a_value_or_a_dash_for_every_part_and_a_source(name: str) -> None:
    benchmark = BENCHMARKS[name]
    for method, values in benchmark.rows.items():
        assert len(values) == len(benchmark.parts)
        assert method in SOURCES
    for (method, normaliser), values in benchmark.published.items():
        assert len(values) == len(benchmark.parts)
        assert method in SOURCES
        assert normaliser in NORMALISERS
    assert {benchmark.normaliser, *benchmark.others} <= NORMALISERS.keys()


def test_300w_full_is_the_mean_over_554_and_135_faces() -> None:
    for common, challenging, full in BENCHMARKS["table2"].rows.values():
        if common and challenging and full:
            mean = (554 * common + 135 * challenging) / 689
            assert mean == pytest.approx(full, abs=0.025)  # SDM's is off by 0.024


def test_the_network_s_own_numbers_agree_between_the_tables() -> None:
    table1, table4 = BENCHMARKS["table1"].rows["AAN"], BENCHMARKS["table4"].rows["AAN"]
    assert ABLATION["aflw", "full", "box_size"]["aan"] == table1[0]
    assert ABLATION["300vw", "category3", "inter_ocular"]["aan"] == table4[2]


def test_the_paper_s_claims_hold_in_its_tables() -> None:
    for row in ABLATION.values():
        assert list(row) == list(VARIANTS)[:4]
        assert row["aan"] < row["no-ne"] < row["no-attention"] < row["neither"]
    for name in ("table2", "table3"):
        rows = dict(BENCHMARKS[name].rows)
        ours = rows.pop("AAN")
        for column, value in enumerate(ours):
            assert all(row[column] is None or value < row[column] for row in rows.values())


def test_published_rows_are_of_the_common_subset() -> None:
    published = BENCHMARKS["table2"].published
    assert published["STAR", "inter_ocular"] == (2.52, None, None)
    assert len(published) == 8
