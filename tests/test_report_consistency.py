"""The report's section on consistency: short, like beside like, and absent where there is nothing to say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from report_runs import results, write_run

from replicator.report import consistency
from replicator.report.build import build


def test_a_line_for_every_population_and_random_choice_last() -> None:
    table = consistency.overview(results("holt-laury"))
    assert table is not None
    rows = [[cell.text for cell in row] for row in table.rows]
    assert table.columns[:3] == ("population", "condition", "dominated option chosen")
    assert rows[-1] == ["choices at random", "", "50%", "50%", "98%", "4.5"]
    always = next(row for row in rows if row[:2] == ["participants:always-first", "stakes=1"])
    assert always[2:] == ["50% (people 0%)", "50% (simulated people 1%)", "0% (people 50.7%)", "0 (people 2.16)"]


def test_conditions_with_the_same_numbers_share_a_line() -> None:
    document = results("holt-laury")
    for entry in document["rationality"]:
        entry |= {"human_value": None, "reference": None}
    table = consistency.overview(document)
    assert table is not None
    assert [(row[0].text, row[1].text) for row in table.rows] == [
        (name, "stakes=1 and stakes=20")
        for name in (
            "participants:human", "participants:expected-value", "participants:always-first", "checkpoints/random-gpt2"
        )
    ] + [("choices at random", "")]  # fmt: skip


def test_words_are_said_once_and_name_those_whom_they_are_about() -> None:
    remarks = consistency.remarks(results("holt-laury"))
    assert len(remarks) == len(set(remarks))
    (position,) = [counted for counted, words in remarks if "chosen in 100%" in words and "question" in words]
    assert position == "dominated option chosen (participants:always-first)"
    (triples,) = [words for counted, words in remarks if counted == "three choices in a circle"]
    assert "no three options that meet two by two" in triples


def test_the_section_stands_in_the_page_escaped_or_not_at_all(tmp_path: Path) -> None:
    def hostile(document: dict[str, Any]) -> None:
        document["rationality"][0]["words"] = "<b>bold</b>"

    page = build([write_run("holt-laury", tmp_path / "some", hostile)], tmp_path / "some.html").read_text("utf-8")
    assert '<h3 id="holt-laury-consistency">' in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "<b>bold</b>" not in page

    def nothing(document: dict[str, Any]) -> None:
        only = [e for e in document["rationality"] if e["measure"] == "intransitivity"]
        document["rationality"] = only

    page = build([write_run("holt-laury", tmp_path / "none", nothing)], tmp_path / "none.html").read_text("utf-8")
    assert "-consistency" not in page


def test_budgets_that_cannot_be_tested_are_said_without_a_table(tmp_path: Path) -> None:
    words = "No two of the 3 budgets cross, so that revealed preference cannot be tested."

    def untestable(document: dict[str, Any]) -> None:
        blank = next(e for e in document["rationality"] if e["measure"] == "intransitivity")
        document["rationality"] = [{**blank, "measure": "afriat-index", "words": words, "over": 3}]

    assert consistency.overview({"rationality": []}) is None
    page = build([write_run("holt-laury", tmp_path / "run", untestable)], tmp_path / "r.html").read_text("utf-8")
    assert "<details open>" in page
    assert words in page
