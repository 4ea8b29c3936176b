"""A server that says "not now" is asked again at the right time, and whoever waits for it can be interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import hears_interrupts
from fake_server import Fake, Handler, fake_server
from small_experiments import lotteries

from replicator.design import trials
from replicator.engines.engine import Question
from replicator.engines.server import client
from replicator.engines.server.bounds import Listing
from replicator.engines.server.engine import ServerEngine
from replicator.engines.server.opening import open_server
from replicator.engines.server.replies import Next
from replicator.engines.server.shared import Shared
from replicator.engines.server.workers import each
from replicator.errors import DataError, RunError
from replicator.prompt import render

EXPERIMENT = lotteries(checks=())


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """All pauses are a five hundredth of what they are."""
    for name in ("PAUSE", "LONGEST_PAUSE", "RATE_PATIENCE"):
        monkeypatch.setattr(client, name, getattr(client, name) / 500)


def _open(fake: Fake, **arguments: str) -> ServerEngine:
    return open_server("served", f"server:{fake.url}#{fake.name}", {"concurrency": "1", **arguments}, batch_size=4)


def _question() -> list[Question]:
    trial = trials(EXPERIMENT, limit=1)[0]
    return [Question(trial, render(EXPERIMENT, trial))]


def _limited(
    message: str = "Rate limit reached", code: str = "rate_limit", **headers: str
) -> Callable[[Handler], None]:
    document = {"error": {"message": message, "type": code, "code": code}}
    return lambda handler: handler.send(document, 429, **headers)


def _fails_with(fault: Callable[[Handler], None], match: str, **arguments: str) -> tuple[str, int]:
    """What is said, and after how many requests."""
    with fake_server() as fake:
        engine = _open(fake, **arguments)
        before = len(fake.asked)
        fake.always = fault
        with pytest.raises(RunError, match=match) as caught:
            list(engine.answer(_question()))
        assert "\n" not in str(caught.value)
        assert "the same command resumes" in str(caught.value)
        return str(caught.value), len(fake.asked) - before


def test_a_rate_limit_without_an_hour_is_not_hammered() -> None:
    _, requests = _fails_with(_limited(), "asked too often: Rate limit reached, for [12] seconds")
    assert 10 < requests < 50  # a quarter of an hour at half a second would be 1800


def test_no_time_to_wait_is_no_leave_to_ask_at_once() -> None:
    _, requests = _fails_with(_limited(Retry_After="0"), "asked too often")
    assert requests < 50


@pytest.mark.parametrize(
    "fault",
    [_limited(Retry_After="3600"), lambda handler: handler.send({"error": "maintenance"}, 503, Retry_After="3600")],
)
def test_an_hour_of_rest_is_said_and_not_waited_for(fault: Callable[[Handler], None]) -> None:
    _, requests = _fails_with(fault, r"(Rate limit reached|maintenance).*wants to be asked again in 3600 seconds")
    assert requests == 1


def test_a_quota_that_is_used_up_is_no_matter_of_waiting() -> None:
    fault = _limited("You exceeded your current quota", "insufficient_quota", Retry_After="0.001")
    _, requests = _fails_with(fault, r"quota is used up: You exceeded your current quota.*Raise the quota")
    assert requests == 1


def test_what_takes_too_long_is_asked_twice_and_told_how_to_get_longer() -> None:
    def hangs(handler: Handler) -> None:
        time.sleep(0.5)
        handler.close_connection = True

    words = r"within 0.1 seconds, 2 times in a row\. .*--model-args timeout=600"
    _, requests = _fails_with(hangs, words, timeout="0.1")
    assert requests == 2


def test_a_failing_probe_after_a_batch_is_asked_again() -> None:
    with fake_server() as fake:
        engine = _open(fake)
        expected = list(engine.answer(_question()))
        places = len(fake.asked)
        list(engine.answer(_question()))
        places = len(fake.asked) - places - 1  # the last request is the probe
        fake.faults = [*[None] * places, lambda handler: handler.refuse(500, "for a moment")]
        assert list(engine.answer(_question())) == expected
        assert not fake.faults


# Several at a time


def test_what_is_under_way_is_shared() -> None:
    asked: list[str] = []

    def slow(text: str) -> str:
        asked.append(text)
        time.sleep(0.05)
        if text == "bad":
            raise ValueError(text)
        return text.upper()

    shared = Shared(slow, 8)
    assert each(shared, ["a"] * 8, at_once=8, stop=lambda: None) == ["A"] * 8
    assert asked == ["a"]
    for _ in range(2):  # what raises is not remembered
        with pytest.raises(ValueError, match="bad"):
            each(shared, ["bad"] * 2, at_once=2, stop=lambda: None)
    assert asked == ["a", "bad", "bad"]


def test_a_text_is_tokenised_once_however_many_questions_share_it() -> None:
    counts = []
    for concurrency in ("1", "8"):
        with fake_server() as fake:
            engine = _open(fake, concurrency=concurrency)
            asked = trials(EXPERIMENT, limit=8)[:8]
            list(engine.answer([Question(trial, render(EXPERIMENT, trial)) for trial in asked]))
            counts.append(len(fake.tokenized))
            assert len(fake.tokenized) == len(set(fake.tokenized))
    assert counts[0] == counts[1]


def test_the_first_failure_stops_the_others_and_is_the_one_that_is_told() -> None:
    stopped = threading.Event()
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 3:
            raise RunError("the fourth failed")
        if stopped.wait(10):
            raise RunError("asked no more")
        return number

    start = time.monotonic()
    with pytest.raises(RunError, match="the fourth failed"):
        each(work, range(100), at_once=4, stop=stopped.set)
    assert time.monotonic() - start < 5
    assert len(begun) <= 8


def test_an_interruption_waits_for_no_request_under_way(tmp_path: Path) -> None:
    with fake_server() as fake:
        open_server("served", f"server:{fake.url}#{fake.name}", {})
        fake.faults = [None] * len(fake.asked)  # it is opened as before, and then nothing is answered
        under_way, over = threading.Event(), threading.Event()

        def hangs(handler: Handler) -> None:
            under_way.set()
            over.wait(60)
            handler.close_connection = True

        fake.always = hangs
        command = ["collect", "holt-laury", "--limit", "1", "--model", f"server:{fake.url}#{fake.name}"]
        process = subprocess.Popen(
            [sys.executable, "-m", "replicator", *command, "--out", str(tmp_path / "out")],
            env=os.environ | {"REPLICATOR_CACHE_DIR": str(tmp_path / "cache")},
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=hears_interrupts,
        )  # fmt: skip
        try:
            assert under_way.wait(60)
            process.send_signal(signal.SIGINT)
            begun = time.monotonic()
            _, told = process.communicate(timeout=30)
            assert time.monotonic() - begun < 10
            assert process.returncode == 130
            assert "Traceback" not in told
        finally:
            over.set()
            process.kill()


def test_a_quota_that_is_used_up_is_said_when_a_server_is_opened() -> None:
    fault = _limited("You exceeded your current quota", "insufficient_quota")
    refusal = r"quota is used up.*Raise the quota"
    for requests in range(4):  # whichever of the first requests it is
        with fake_server(faults=[None] * requests, always=fault) as fake, pytest.raises(DataError, match=refusal):
            _open(fake)


def test_an_empty_list_says_nothing_even_of_a_server_that_lists_every_token() -> None:
    """Some list nothing where the token that they draw ends the text: then all is open, and not certain."""
    nothing = Listing.of(Next(None, ()), complete=True)
    assert nothing.end(lambda text: False, {}) == (0.0, 1.0)
    assert nothing.token("5") == (0.0, 1.0)
