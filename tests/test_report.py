"""What a report says and shows, and what it never does."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from report_runs import NAMES, results, write_run

from replicator import resources
from replicator.errors import DataError
from replicator.report import tables
from replicator.report.build import build
from replicator.report.figures import binned
from replicator.report.palette import PEOPLE, styles
from replicator.report.questions import questions, unanswered
from replicator.report.sources import natural_order

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "reports" / "example"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of four runs of three experiments."""
    folder = tmp_path_factory.mktemp("runs")
    return build([write_run(name, folder / name) for name in NAMES], folder / "report.html").read_text("utf-8")


# The fixtures


@pytest.mark.parametrize("name", NAMES)
def test_fixtures_are_results_as_the_schema_has_them(name: str) -> None:
    jsonschema.Draft202012Validator(resources.schema("results")).validate(results(name))


def example_results() -> list[dict[str, Any]]:
    """Results of every experiment of the committed example."""
    experiments: list[dict[str, Any]] = json.loads((EXAMPLE / "results.json").read_text(encoding="utf-8"))[
        "experiments"
    ]
    assert len(experiments) == 3
    return experiments


def test_the_committed_example_is_as_the_schema_has_it() -> None:
    validator = jsonschema.Draft202012Validator(resources.schema("results"))
    for document in example_results():
        validator.validate(document)


def test_every_key_of_the_results_is_explained() -> None:
    for document in example_results():
        assert_explained(document)


def test_every_key_of_a_manifest_is_explained(tmp_path: Path) -> None:
    run = write_run("holt-laury", tmp_path / "run")
    assert_explained(json.loads((run / "manifest.json").read_text(encoding="utf-8")))


def assert_explained(document: dict[str, Any]) -> None:
    """Each key at the top, and each of the entries below that `docs/files.md` describes."""
    explained = set(re.findall(r"`([a-z0-9_]+)`", (ROOT / "docs" / "files.md").read_text(encoding="utf-8")))
    keys = set(document)
    for part in ("populations", "choices", "estimates", "fidelity", "excluded", "request", "experiment"):
        below = document.get(part)
        for entry in below if isinstance(below, list) else [below] if isinstance(below, dict) else []:
            keys |= set(entry)
    assert keys <= explained, sorted(keys - explained)


# Tables


def test_the_theory_table_shows_how_far_and_why() -> None:
    table = tables.theories(results("mixed-gambles-people"))
    assert table is not None
    cells = [[cell.text for cell in row] for row in table.rows]
    assert len(cells) == 2
    assert cells[0][2].endswith("(starting point)")
    assert cells[0][-1] == "–"
    assert cells[1][-1] == "−0.63"
    assert any("trade off" in note for note in table.notes)


def test_unlike_estimates_are_not_compared_across_theories() -> None:
    """The pooled and the unpooled fit of the same theory are other estimands, not other theories."""
    table = tables.theories(results("mixed-gambles-people"))
    assert table is not None
    assert {row[1].text for row in table.rows} == {"the typical person"}


def test_the_three_questions_are_columns_and_say_why_not() -> None:
    table = questions(results("holt-laury"))
    assert table is not None
    first = [cell.text for cell in table.rows[0]]
    assert "agrees" in first[2]
    assert first[3] == "higher than 44% of new human studies (spread from data)"
    assert first[4].startswith("not available because")


def test_what_no_people_stand_beside_is_said_once_with_its_reason() -> None:
    document = results("holt-laury")
    for estimate in document["estimates"]:
        for entry in estimate["human"]:
            entry.update(available=False, why_not="the range was another.")
    assert questions(document) is None
    table = unanswered(document)
    assert table is not None
    compared = {e["population"] for e in document["estimates"] if e["human"]}
    assert [row[0].text for row in table.rows] == list(dict.fromkeys(row[0].text for row in table.rows))
    assert {row[0].text for row in table.rows} == compared
    assert {row[-1].text for row in table.rows} == {"the range was another"}


def test_percentile_is_read_as_per_cent() -> None:
    document = results("mixed-gambles-people")
    entry = next(h for h in document["estimates"][0]["human"] if h["question"] == "person")
    entry.update(available=True, percentile=62.0, variance_ratio=0.8)
    table = questions(document)
    assert table is not None
    assert table.rows[0][4].text == "higher than 62% of people; variance 0.8 times people's"


def test_failed_diagnostics_and_unidentified_estimates_are_listed() -> None:
    document = results("holt-laury")
    diagnostics, unidentified = tables.diagnostics(document), tables.unidentified(document)
    assert diagnostics is not None
    assert unidentified is not None
    assert [row[-1].text for row in diagnostics.rows].count("failed") == 1
    assert len(unidentified.rows) == 3


def test_what_was_left_out_and_what_is_unlike_is_said() -> None:
    document = results("holt-laury")
    document["excluded"] = [{"population": "m", "reason": "label mass below 0.5", "answers": 7, "of": 40}]
    document["estimates"][0]["words"] = ["It leaves the range of the lotteries."]
    document["estimates"][0]["human"][0]["caveats"] = ["Its choices were paid, these hypothetical."]
    validity, three = tables.validity(document), questions(document)
    assert validity is not None
    assert three is not None
    assert validity.notes[-1] == "m: 7 of 40 valid answers were left out (label mass below 0.5)."
    assert three.notes[-1].endswith("Its choices were paid, these hypothetical.")
    assert tables.remarks(document)[0].endswith("It leaves the range of the lotteries.")


# Figures


def test_amounts_keep_nothing_and_half_apart() -> None:
    rows = [
        {"item": "a", "option": option, "share": share}
        for option, share in (("0", 0.3), ("4", 0.1), ("50", 0.4), ("56", 0.1), ("100", 0.1))
    ]
    assert binned(rows) == pytest.approx([0.4, 0, 0, 0, 0, 0.4, 0.1, 0, 0, 0, 0.1])
    assert binned(rows, "human_share") == []


def test_people_are_dark_grey_and_others_never() -> None:
    chosen = styles(
        [{"name": f"m{i}", "population": "model"} for i in range(20)] + [{"name": "p", "population": "human"}]
    )
    assert chosen["p"].colour == PEOPLE
    assert PEOPLE not in {style.colour for name, style in chosen.items() if name != "p"}
    first = list(chosen.values())[:8]
    assert len({(style.colour, style.shape) for style in first}) == 8


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colours_stand_out_from_white() -> None:
    """WCAG 2.2: contrast of at least 4.5 to 1 for text, more than the 3 to 1 that marks need."""
    for style in styles([{"name": str(i), "population": "model"} for i in range(8)]).values():
        assert 1.05 / (_luminance(style.colour) + 0.05) >= 4.5


def test_rows_are_in_natural_order() -> None:
    assert sorted(["row-10", "row-2", "row-1"], key=natural_order) == ["row-1", "row-2", "row-10"]


# The page


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def parsed(text: str) -> _Page:
    page = _Page()
    page.feed(text)
    return page


def test_the_page_fetches_nothing_and_runs_nothing(page: str) -> None:
    tags = parsed(page).tags
    assert not {"script", "iframe", "object", "embed", "img", "base", "form"} & {tag for tag, _ in tags}
    for tag, attributes in tags:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "srcset", "xlink:href", "data", "poster"):
            assert name not in attributes
        if tag == "link":
            assert attributes["href"] == "data:,"
        if tag == "a":
            assert (attributes["href"] or "").startswith(("#", "https://doi.org/10."))
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)
    policy = next(a["content"] for tag, a in tags if tag == "meta" and a.get("http-equiv"))
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_every_experiment_has_every_part(page: str) -> None:
    identifiers = {a["id"] for _, a in parsed(page).tags if "id" in a}
    for anchor in ("holt-laury", "mixed-gambles", "dictator"):
        for part in (
            "choices",
            "parameters",
            "people",
            "validity",
            "limits",
            "diagnostics",
            "prompts",
            "repeat",
        ):
            assert f"{anchor}-{part}" in identifiers
    assert {"holt-laury-theories", "mixed-gambles-theories"} <= identifiers
    links = {a["href"] for tag, a in parsed(page).tags if tag == "a" and (a["href"] or "").startswith("#")}
    assert {str(link)[1:] for link in links} <= identifiers


def test_identifiers_are_unique(page: str) -> None:
    identifiers = [a["id"] for _, a in parsed(page).tags if "id" in a]
    assert len(identifiers) == len(set(identifiers))


def test_every_figure_has_a_caption_and_a_name(page: str) -> None:
    tags = parsed(page).tags
    assert [t for t, _ in tags].count("figure") == [t for t, _ in tags].count("figcaption") > 8
    plots = [a for tag, a in tags if tag == "svg" and a.get("class") == "plot"]
    assert all(plot["role"] == "img" and plot["aria-label"] and plot["viewbox"] for plot in plots)


def test_the_prompts_are_rendered_from_the_manifest(page: str) -> None:
    assert "10% chance of $2.00 and 90% chance of $1.60" in page
    assert page.count("Answer:") >= 1


def test_the_report_never_calls_anything_human_like(page: str) -> None:
    assert not re.search(r"human[- ]like", page, re.IGNORECASE)


def test_exploratory_estimates_are_marked(page: str) -> None:
    assert "exploratory" in page
    assert "planned" in page


def test_how_to_repeat_it_has_the_command_and_the_hash_of_the_plan(page: str) -> None:
    assert "replicator run holt-laury" in page
    assert "analysis.hash" in page
    assert "versions.pymc" in page


def test_the_page_is_small(page: str) -> None:
    assert len(page.encode()) < 3_000_000


HOSTILE = "<script>alert(1)</script>\"'&"


def test_whatever_comes_from_outside_is_escaped(tmp_path: Path) -> None:
    def poison(document: dict[str, Any]) -> None:
        text = json.dumps(document).replace("checkpoints/random-gpt2", json.dumps(HOSTILE)[1:-1])
        document.clear()
        document.update(json.loads(text))
        document["experiment_title"] = f'A "quoted" {HOSTILE}'
        for reference in document["references"].values():
            reference.update(citation=HOSTILE, doi='10.1/"onmouseover="alert(1)', notes=HOSTILE)
        for estimate in document["estimates"]:
            estimate.update(why_not=HOSTILE if not estimate["identified"] else None, symbol=HOSTILE)
        for entry in [*document["choices"], *document["items"]]:
            entry["condition"] = entry["condition"].replace("stakes=20", HOSTILE)

    run = write_run("holt-laury", tmp_path / "run", poison)
    text = build([run], tmp_path / "out" / "report.html").read_text("utf-8")
    tags = parsed(text).tags
    assert "script" not in {tag for tag, _ in tags}
    assert not [name for _, attributes in tags for name in attributes if name.startswith("on")]
    assert "&lt;script&gt;alert(1)" in text


def test_two_runs_of_one_experiment_share_their_figures(tmp_path: Path) -> None:
    runs = [write_run(name, tmp_path / name) for name in ("dictator-people", "dictator-gpt4")]
    text = build(runs, tmp_path / "both.html").read_text("utf-8")
    assert text.count('<section id="dictator"') == 1
    assert "people at the same questions" in text


def test_the_same_runs_give_the_same_page(tmp_path: Path) -> None:
    run = write_run("dictator-gpt4", tmp_path / "run")
    first, second = (build([run], tmp_path / f"{i}.html").read_bytes() for i in (1, 2))
    assert first == second


def test_posteriors_are_not_read(tmp_path: Path) -> None:
    run = write_run("dictator-gpt4", tmp_path / "run")
    assert sorted(path.name for path in run.iterdir()) == ["choices.parquet", "manifest.json", "results.json"]
    assert build([run], tmp_path / "report.html").is_file()


@pytest.mark.parametrize("missing", ["results.json", "manifest.json", "choices.parquet"])
def test_a_missing_file_is_one_clear_line(tmp_path: Path, missing: str) -> None:
    run = write_run("dictator-gpt4", tmp_path / "run")
    (run / missing).unlink()
    with pytest.raises(DataError) as error:
        build([run], tmp_path / "report.html")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "report.html").exists()


def test_damaged_results_are_one_clear_line(tmp_path: Path) -> None:
    run = write_run("dictator-gpt4", tmp_path / "run")
    (run / "results.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match=r"results\.json"):
        build([run], tmp_path / "report.html")
