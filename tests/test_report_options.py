"""The report of experiments with three options or more: nobody sees a third of a result."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from option_runs import BOLD, CAREFUL, FIRST, MODELS, lotteries, with_people, write_run
from real_browser import chromium, open_page
from report_runs import NAMES
from report_runs import write_run as write_fixture

from replicator import specification
from replicator.positions import by_position
from replicator.report import tables, words
from replicator.report.build import build
from replicator.report.options import MOST_SHOWN, has_many_options, option_figures, shares_table
from replicator.report.palette import styles
from replicator.report.sources import Section, read, sections

NARROW, WIDE = 390, 1280
OPTIONS = ["sure", "one-in-2", "one-in-4"]
BOLD_TAG, SCRIPT = "<b>bold</b>", "<script>document.title = 'owned'</script>"


def _hostile(results: dict[str, Any]) -> None:
    """People beside everybody, an option and a question whose names are tags."""
    with_people(results)
    text = json.dumps(results).replace('"one-in-4"', json.dumps(BOLD_TAG)).replace('"sure-1"', json.dumps(SCRIPT))
    results.clear()
    results.update(json.loads(text))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three options, six questions at two stakes, three populations, and people's published shares."""
    return write_run(tmp_path_factory.mktemp("three") / "run", lotteries(3, 6, stakes=2), with_people)


@pytest.fixture(scope="module")
def page(run: Path) -> Path:
    return build([run], run.parent / "report.html")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    return build([write_run(folder / "run", lotteries(3, 6), _hostile)], folder / "report.html")


def _section(folder: Path) -> Section:
    return sections([read(folder)])[0]


def _titles(svg: str) -> list[str]:
    return re.findall(r"<title>([^<]*)</title>", svg)


def _results(run: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((run / "results.json").read_text(encoding="utf-8"))
    return document


# What is drawn


def test_every_share_of_every_option_and_population_is_drawn_once(run: Path) -> None:
    section = _section(run)
    figures = option_figures(section, styles(section.results["populations"]))
    assert [figure.title for figure in figures] == ["stakes=1", "stakes=10"]
    for figure in figures:
        assert [panel.title for panel in figure.panels] == OPTIONS
        rows = [row for row in section.results["choices"] if row["condition"] == figure.title]
        assert len(rows) == 3 * 6 * 3
        titles = [title for panel in figure.panels for title in _titles(panel.svg)]
        assert len(titles) == 3 * 6 * (3 + 1)
        for row in rows:
            begin = f"{row['population']}, {row['item']}: {row['option']} "
            assert sum(title.startswith(begin) for title in titles) == 1, begin
            people = f"People: Doe &amp; Roe 1999, {row['item']}: {row['option']} "
            assert sum(title.startswith(people) for title in titles) == 1, people


def test_with_few_questions_every_question_is_a_picture_of_all_options(tmp_path: Path) -> None:
    section = _section(write_run(tmp_path / "run", lotteries(5, 2)))
    (figure,) = option_figures(section, styles(section.results["populations"]))
    assert [panel.title for panel in figure.panels] == ["sure-1", "sure-2"]
    for panel in figure.panels:
        assert len(_titles(panel.svg)) == 5 * len(MODELS)


def test_many_questions_begin_with_their_means_and_can_be_unfolded(tmp_path: Path) -> None:
    section = _section(write_run(tmp_path / "run", lotteries(3, MOST_SHOWN + 1), with_people))
    means, every = option_figures(section, styles(section.results["populations"]))
    assert not means.folded
    assert every.folded
    shares = [
        row["share"] for row in section.results["choices"] if (row["population"], row["option"]) == (BOLD, "sure")
    ]
    mean = 100 * sum(shares) / len(shares)
    told = next(title for title in _titles(means.panels[0].svg) if title.startswith(BOLD) and ": sure " in title)
    assert f": sure {round(mean, 1):g}%" in told
    assert sum(len(_titles(panel.svg)) for panel in every.panels) == 3 * (MOST_SHOWN + 1) * (len(MODELS) + 1)


def test_more_populations_than_can_be_told_apart_go_into_further_pictures(tmp_path: Path) -> None:
    models = {f"participants:crra(r={r})": ("participants:crra", {"r": str(r), "noise": "5"}) for r in range(8)}
    section = _section(write_run(tmp_path / "run", lotteries(3, 4), models=models))
    figures = option_figures(section, styles(section.results["populations"]))
    assert [len(figure.key) for figure in figures] == [6, 2]
    assert {key.name for figure in figures for key in figure.key} == set(models)


def test_a_population_without_an_answer_is_named(tmp_path: Path) -> None:
    def silence(results: dict[str, Any]) -> None:
        for row in results["choices"]:
            if row["population"] == FIRST:
                row.update(share=None, interval=None)

    section = _section(write_run(tmp_path / "run", lotteries(3, 4), silence))
    (figure,) = option_figures(section, styles(section.results["populations"]))
    assert FIRST not in {key.name for key in figure.key}
    assert f"No answer that can be used: {FIRST}." in figure.caption


def test_the_table_behind_the_picture_has_every_share(run: Path) -> None:
    results = _results(run)
    table = shares_table(results)
    assert table is not None
    assert table.columns == ("question", "condition", "population", *OPTIONS)
    assert len(table.rows) == 6 * 2 * (len(MODELS) + 1)
    for row in table.rows:
        shares = [float(re.match(r"[\d.]+", cell.text).group()) for cell in row[3:]]  # type: ignore[union-attr]
        assert sum(shares) == pytest.approx(100, abs=0.2)


def test_two_options_keep_their_picture(tmp_path: Path) -> None:
    runs = [write_fixture(name, tmp_path / name) for name in NAMES]
    assert not any(has_many_options(_section(folder)) for folder in runs)
    assert 'class="panels' not in build(runs, tmp_path / "report.html").read_text("utf-8")


# What is said


def test_the_summary_has_the_shares_of_all_options_and_of_people(run: Path) -> None:
    line = next(line for line in words.summary(_results(run)) if line.startswith(FIRST))
    assert "chose sure 33%, one-in-2 33% and one-in-4 33% of the time over 12 questions" in line
    people = re.search(r"; people sure (\d+)%, one-in-2 (\d+)% and one-in-4 (\d+)%, question by question", line)
    assert people is not None
    assert sum(map(int, people.groups())) == pytest.approx(100, abs=1)


def test_the_distance_from_people_counts_all_options() -> None:
    """Total variation: a third of the choices lies elsewhere, though the first option's share is people's."""
    blank = {"population": "m", "item": "i", "condition": "all", "reference": "r"}
    shares = {"a": (0.3, 0.3), "b": (0.6, 0.2), "c": (0.1, 0.5)}
    rows = [{**blank, "option": o, "share": own, "human_share": people} for o, (own, people) in shares.items()]
    line = words.behaviour({"choices": rows}, {"name": "m", "population": "model"})
    assert "40 percentage points apart" in line


def test_questions_answers_and_checks_are_told_apart(run: Path, page: Path) -> None:
    """12 questions are 6 at each of two stakes; 3 wordings x 6 orders make 18 answers to each."""
    table = tables.validity(_results(run))
    assert table is not None
    assert {row[1].text for row in table.rows} == {"216 on 12 questions"}
    text = page.read_text("utf-8")
    assert "12 questions: 6 under each of stakes=1 and stakes=10" in text
    assert "over 12 questions" in text


# Position


def _ordered(run: Path, chosen: int) -> Any:
    """The table of one population, answered by always taking the option displayed at one place."""
    from replicator import choices

    table = choices.read(run / "choices.parquet")
    lists = choices.read(run / "choices.parquet", ["options"])
    table = table.assign(options=lists["options"])
    table = table[table["model"] == FIRST].copy()
    table["probabilities"] = [
        [float(name == order.split("|")[chosen]) for name in options]
        for options, order in zip(table["options"], table["order"], strict=True)
    ]
    return table


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_responder_to_any_place_is_found_there(run: Path, place: int) -> None:
    found = by_position(_ordered(run, place))
    assert found is not None
    assert list(found.share) == [float(i == place) for i in range(3)]


def test_a_preference_is_no_bias_to_a_place(run: Path) -> None:
    section = _section(run)
    assert section.positions[CAREFUL].share == pytest.approx([1 / 3] * 3, abs=1e-6)
    assert section.positions[FIRST].share == pytest.approx([1, 0, 0])


def test_rotated_orders_of_five_options_tell_the_place(tmp_path: Path) -> None:
    """Beyond four options each stands once at each place: a Latin square is balanced enough."""
    section = _section(write_run(tmp_path / "run", lotteries(5, 1), models={FIRST: MODELS[FIRST]}))
    assert section.positions[FIRST].share == pytest.approx([1, 0, 0, 0, 0])


def test_of_three_options_the_last_is_not_blamed_for_what_the_first_loses() -> None:
    bias = {"position_bias": {"estimate": -0.3, "interval": [-0.31, -0.29]}}
    assert "displayed last" in words.position(bias, 2)
    assert "displayed last" not in words.position(bias, 3)
    assert "avoids whatever is displayed first" in words.position(bias, 3)


# In a real browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


MARKS = """
return Array.from(document.querySelectorAll('section[id="lotteries"] figure.panels')).slice(0, 2).map(figure => ({
  condition: figure.querySelector('h4').textContent,
  panels: Array.from(figure.querySelectorAll('svg.plot')).map(svg => {
    const middle = part => { const r = part.getBoundingClientRect(); return r.left + r.width / 2; };
    const labels = Array.from(svg.querySelectorAll('.role-axis-label text'));
    const ends = ['0%', '100%'].map(end => middle(labels.find(label => label.textContent === end)));
    const marks = Array.from(svg.querySelectorAll('.mark-symbol path, .mark-rule line')).filter(
      mark => mark.querySelector('title'));
    return marks.map(mark => ({
      title: mark.querySelector('title').textContent,
      share: (middle(mark) - ends[0]) / (ends[1] - ends[0]),
      kind: mark.closest('.mark-symbol') ? 'symbol' : 'rule',
      fill: getComputedStyle(mark).fill,
      seen: mark.getBoundingClientRect().height > 0,
    }));
  }),
}));
"""


@pytest.mark.browser
@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_every_mark_stands_at_its_share(browser: Any, run: Path, page: Path, width: int) -> None:
    """Read back from the pixels: every population's share of every option, and people's."""
    open_page(browser, page, width)
    rows = _results(run)["choices"]
    figures = browser.execute_script(MARKS)
    assert len(figures) == 2
    for figure in figures:
        marks = {mark["title"]: mark for panel in figure["panels"] for mark in panel}
        own = [row for row in rows if row["condition"] == figure["condition"]]
        assert len(marks) == len(own) + len(own) // len(MODELS)
        for row in own:
            for who, key, kind in (
                (row["population"], "share", "symbol"),
                ("People: Doe & Roe 1999", "human_share", "rule"),
            ):
                begin = f"{who}, {row['item']}: {row['option']} "
                mark = next(mark for title, mark in marks.items() if title.startswith(begin))
                assert mark["seen"], begin
                assert mark["kind"] == kind
                # Symbols such as the triangle have their middle a little off; a pixel of 200 is .005.
                assert mark["share"] == pytest.approx(row[key], abs=0.02), begin
        fills = {name: {m["fill"] for t, m in marks.items() if t.startswith(f"{name}, ")} for name in MODELS}
        assert [len(some) for some in fills.values()] == [1, 1, 1]
        assert len(set.union(*fills.values())) == 3


@pytest.mark.browser
def test_rows_of_a_question_lie_on_one_line(browser: Any, page: Path) -> None:
    open_page(browser, page, WIDE)
    tops = browser.execute_script(
        """
        const figure = document.querySelector('figure.panels');
        return Array.from(figure.querySelectorAll('svg.plot')).map(svg =>
          Array.from(svg.querySelectorAll('.mark-text.role-mark text')).map(text =>
            [text.textContent, Math.round(text.getBoundingClientRect().top)]));
        """
    )
    assert len(tops) == 3
    assert len(tops[0]) == 6
    assert tops[0] == tops[1] == tops[2]


@pytest.mark.browser
@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_the_pictures_fit_and_can_be_read(browser: Any, hostile: Path, width: int) -> None:
    open_page(browser, hostile, width)
    browser.execute_script("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    wide, window, smallest, outside = browser.execute_script(
        """
        const texts = Array.from(document.querySelectorAll('figure.panels svg text'));
        const sizes = texts.map(text => {
          const matrix = text.getScreenCTM();
          return parseFloat(text.getAttribute('font-size')) * Math.hypot(matrix.a, matrix.b);
        });
        const outside = texts.filter(text => {
          const own = text.getBoundingClientRect(), figure = text.closest('figure').getBoundingClientRect();
          return own.width > 0 && (own.right > figure.right || own.left < figure.left);
        });
        return [document.documentElement.scrollWidth, window.innerWidth, Math.min(...sizes),
                outside.map(text => text.textContent)];
        """
    )
    assert wide <= window
    assert smallest >= 9
    assert outside == []
    assert browser.get_log("browser") == []


@pytest.mark.browser
def test_names_that_are_tags_are_shown_as_text(browser: Any, hostile: Path) -> None:
    text = hostile.read_text("utf-8")
    assert BOLD_TAG not in text
    assert "&lt;b&gt;bold&lt;/b&gt;" in text
    open_page(browser, hostile, WIDE)
    assert browser.title.startswith("A sure amount or a gamble")
    assert browser.execute_script("return document.querySelectorAll('b, script').length") == 0
    headings = browser.execute_script("return Array.from(document.querySelectorAll('h5')).map(h => h.textContent)")
    assert BOLD_TAG in headings
    titles = browser.execute_script("return Array.from(document.querySelectorAll('svg title')).map(t => t.textContent)")
    assert any(title.startswith(f"{CAREFUL}, {SCRIPT}: {BOLD_TAG} ") for title in titles)


def test_the_lotteries_are_a_specification_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "lotteries.json"
    path.write_text(json.dumps(lotteries()), encoding="utf-8")
    assert len(specification.load(path).options) == 3
