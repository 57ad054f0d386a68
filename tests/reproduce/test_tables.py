"""One table in its three forms."""

from __future__ import annotations

import json

from facealign.reproduce.tables import Cell, Row, Table, to_json, to_markdown, to_text

TABLE = Table(
    "table9",
    "A|B",
    ("Common, inter-pupil", "Full, box size"),
    (
        Row("old", "paper", (Cell(0.0438), Cell(None, "not reported")), "somewhere"),
        Row("new|er", "measured", (Cell(0.04, "", 0.001, 3), Cell(None, "no data")), "here"),
    ),
    ("Mind this.",),
)


def test_text_is_aligned_and_ends_with_the_notes() -> None:
    assert to_text(TABLE) == (
        "Table 9: A|B (NME in %)\n"
        "\n"
        "                       Common      Full\n"
        "method            inter-pupil  box size\n"
        "---------------------------------------\n"
        "old     paper            4.38         -\n"
        "new|er  measured  4.00 ± 0.10   no data\n"
        "\n"
        "- Mind this.\n"
    )


def test_markdown_is_a_pipe_table_with_measured_rows_in_bold() -> None:
    lines = to_markdown(TABLE).splitlines()
    assert lines[0] == "**Table 9: A|B (NME in %)**"
    assert lines[2] == "| method |  | Common, inter-pupil | Full, box size |"
    assert lines[3] == "| :-- | :-- | --: | --: |"
    assert lines[4] == "| old | paper | 4.38 | - |"
    assert lines[5] == "| **new\\|er** | **measured** | **4.00 ± 0.10** | **no data** |"
    assert lines[-1] == "- Mind this."


def test_json_holds_fractions_and_reasons() -> None:
    tree = json.loads(to_json(TABLE))
    assert (tree["schema"], tree["table"]) == ("facealign-table/1", "table9")
    assert tree["columns"] == ["Common, inter-pupil", "Full, box size"]
    old, new = tree["rows"]
    assert (old["values"], old["why"]) == ([0.0438, None], ["", "not reported"])
    assert (new["deviations"], new["runs"], new["kind"]) == ([0.001, None], [3, 0], "measured")
    assert tree["notes"] == ["Mind this."]
