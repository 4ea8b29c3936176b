"""The report in a real browser without a network: figures drawn, nothing asked for, nothing too wide."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from real_browser import chromium, open_page
from report_runs import NAMES, write_run

from replicator.report.build import build

pytestmark = pytest.mark.browser

NARROW, WIDE = 390, 1400


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


LONG = "/home/someone/checkpoints/" + "an-unbroken-and-needlessly-long-name" * 4
HOSTILE = "<script>document.title = 'owned'</script><img src=x onerror=\"document.title='owned'\">"


def _awkward(document: dict[str, Any]) -> None:
    """Names that do not fit and names that would run."""
    text = json.dumps(document)
    for name, other in (("checkpoints/random-gpt2", LONG), ("participants:expected-value", HOSTILE)):
        text = text.replace(name, json.dumps(other)[1:-1])
    document.clear()
    document.update(json.loads(text))


@pytest.fixture(scope="module", params=[None, _awkward], ids=["plain", "awkward"])
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    runs = [write_run(name, folder / name, request.param) for name in NAMES]
    return build(runs, folder / "report.html")


@pytest.fixture(params=[NARROW, WIDE], ids=["narrow", "wide"])
def opened(request: pytest.FixtureRequest, browser: Any, report: Path) -> Any:
    """The report in a viewport of exactly this width, its logs empty before it is opened."""
    open_page(browser, report, request.param)
    return browser


def test_the_console_is_silent(opened: Any) -> None:
    assert opened.get_log("browser") == []


def test_no_text_of_the_results_is_run(opened: Any) -> None:
    assert opened.title == "Three experiments, set beside people – replicator"
    assert opened.execute_script("return document.scripts.length") == 0


def test_nothing_is_asked_of_the_network(opened: Any, report: Path) -> None:
    messages = [json.loads(entry["message"])["message"] for entry in opened.get_log("performance")]
    asked = {
        message["params"]["request"]["url"] for message in messages if message["method"] == "Network.requestWillBeSent"
    }
    assert report.as_uri() in asked
    assert not {url for url in asked if not url.startswith(("file:", "data:"))}


def test_every_figure_is_drawn(opened: Any) -> None:
    figures = opened.execute_script(
        """
        return Array.from(document.querySelectorAll('figure')).map(figure => {
          const svg = figure.querySelector('svg.plot');
          const box = svg.getBoundingClientRect();
          const marks = Array.from(svg.querySelectorAll(
            '.mark-symbol path, .mark-rect path, .mark-rule line, .mark-line path'
          )).filter(mark => !mark.closest('.role-axis'));
          const seen = marks.filter(mark => {
            const r = mark.getBoundingClientRect();
            return r.width + r.height > 0 && r.right > box.left && r.left < box.right;
          });
          const label = svg.getAttribute('aria-label');
          return {label, width: box.width, height: box.height, marks: seen.length};
        });
        """
    )
    assert len(figures) > 8
    for figure in figures:
        assert figure["width"] > 250, figure
        assert figure["height"] > 50, figure
        assert figure["marks"] > 0, figure


def test_text_in_figures_can_be_read(opened: Any) -> None:
    """No letter of a figure is drawn smaller than nine pixels."""
    smallest = opened.execute_script(
        """
        return Math.min(...Array.from(document.querySelectorAll('svg.plot text')).map(text => {
          const matrix = text.getScreenCTM();
          return parseFloat(text.getAttribute('font-size')) * Math.hypot(matrix.a, matrix.b);
        }));
        """
    )
    assert smallest >= 9


def test_the_page_never_scrolls_sideways(opened: Any) -> None:
    """Also with everything unfolded: wide tables scroll inside their own box."""
    opened.execute_script("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    page, window = opened.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert page <= window
    outside = opened.execute_script(
        """
        return Array.from(document.querySelectorAll('main *')).filter(part =>
          !part.closest('.scroll') && !part.closest('svg') && !part.closest('.unseen') &&
          part.getBoundingClientRect().right > window.innerWidth + 1
        ).map(part => part.outerHTML.slice(0, 80));
        """
    )
    assert outside == []


def test_numbers_of_a_figure_stay_inside_it(opened: Any) -> None:
    outside = opened.execute_script(
        """
        return Array.from(document.querySelectorAll('svg.plot text')).filter(text => {
          const own = text.getBoundingClientRect();
          const figure = text.closest('figure').getBoundingClientRect();
          return own.width > 0 && (own.right > figure.right || own.left < figure.left);
        }).map(text => text.textContent);
        """
    )
    assert outside == []
