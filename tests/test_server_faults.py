"""A server that misbehaves is survived, or refused by name; what was answered before is kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_server import Fake, Handler, fake_server
from small_experiments import lotteries

from replicator.collect import collect
from replicator.design import Trial, trials
from replicator.engines import check_model
from replicator.engines.engine import Question
from replicator.engines.server import client
from replicator.engines.server.engine import ServerEngine
from replicator.engines.server.opening import open_server
from replicator.errors import DataError, ReplicatorError, RunError
from replicator.prompt import render
from replicator.store import AnswerStore

EXPERIMENT = lotteries(checks=())
KEY = "sk-not-a-real-key-0123456789"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PAUSE", 0.01)


def _open(fake: Fake, **arguments: str) -> ServerEngine:
    return open_server("served", f"server:{fake.url}#{fake.name}", arguments, batch_size=4)


def _trials(count: int) -> list[Trial]:
    return trials(EXPERIMENT, limit=3)[:count]


def _questions(count: int) -> list[Question]:
    return [Question(trial, render(EXPERIMENT, trial)) for trial in _trials(count)]


# What happens once


def _fails(handler: Handler) -> None:
    handler.refuse(500, "the engine is out of memory")


def _half(handler: Handler) -> None:
    handler.send_text('{"id": "cmpl-1", "choices": [{"index"', "application/json")


def _breaks_off(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"id":')
    handler.close_connection = True


def _page(handler: Handler) -> None:
    handler.send_text("<!doctype html><title>Welcome</title>", "text/html")


def _hangs(handler: Handler) -> None:
    time.sleep(1.0)
    handler.close_connection = True


def _busy(handler: Handler) -> None:
    handler.send({"error": {"message": "Rate limit reached"}}, 429, Retry_After="0.4")


MOMENTARY = [_fails, _half, _breaks_off, _page, _hangs, _busy]


@pytest.mark.parametrize("fault", MOMENTARY)
def test_what_fails_for_a_moment_is_asked_again(fault: Callable[[Handler], None]) -> None:
    with fake_server() as fake:
        engine = _open(fake, timeout="0.5")
        expected = list(engine.answer(_questions(4)))
        fake.faults = [fault] if fault is _hangs else [fault, fault]  # what takes too long is not asked for ever
        assert list(engine.answer(_questions(4))) == expected
        assert not fake.faults


def test_a_rate_limit_is_waited_for_as_long_as_the_server_says() -> None:
    with fake_server() as fake:
        engine = _open(fake)
        fake.faults = [_busy] * (client.ATTEMPTS + 2)  # being asked too often is no failure
        begun = time.monotonic()
        list(engine.answer(_questions(1)))
        assert time.monotonic() - begun > 0.4 * (client.ATTEMPTS + 2)


# What lasts


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (_fails, r"failed \(500: the engine is out of memory\), 5 times in a row"),
        (_half, "cut off or is no JSON object"),
        (_breaks_off, "broke off its answer"),
        (_page, "answers with a web page"),
        (_hangs, "did not answer within 0.2 seconds"),
    ],
)
def test_what_fails_for_good_ends_the_run_in_one_line_and_loses_nothing(
    fault: Callable[[Handler], None], words: str, tmp_path: Path
) -> None:
    asked = _trials(8)
    with fake_server() as fake, AnswerStore(tmp_path / "a.sqlite") as store:
        engine = _open(fake, timeout="0.2")

        def break_after_the_first_batch(done: int, _total: int, _name: str) -> None:
            fake.always = fault if done >= 4 else None

        with pytest.raises(RunError, match=words) as caught:
            collect(EXPERIMENT, [engine], asked, store, progress=break_after_the_first_batch)
        assert "\n" not in str(caught.value)
        assert "the same command resumes" in str(caught.value)
        fake.always = None
        resumed = _open(fake)
        before = len(fake.asked)  # after it was opened
        table = collect(EXPERIMENT, [resumed], asked, store)
        assert table["status"].to_pylist() == ["valid"] * 8
        # Four questions were missing, each with two places: before a label and after the space before it.
        assert sum("logprob_token_ids" in body for body in fake.asked[before:]) == 8


def test_numbers_that_are_none_are_errors_and_asked_again(tmp_path: Path) -> None:
    def spoiled(value: str) -> Callable[[Handler], None]:
        top = f'{{"token_id:65": {value}, "token_id:66": -1.0, "token_id:32": -2.0}}'
        logprobs = f'{{"tokens": ["token_id:65"], "token_logprobs": [{value}], "top_logprobs": [{top}]}}'
        text = f'{{"model": "fake-model", "choices": [{{"text": "A", "logprobs": {logprobs}}}]}}'
        return lambda handler: handler.send_text(text, "application/json")

    with fake_server() as fake, AnswerStore(tmp_path / "a.sqlite") as store:
        engine = _open(fake, concurrency="1")
        for value in ("NaN", "null", "0.5", '"high"'):
            fake.faults = [spoiled(value)]
            table = collect(EXPERIMENT, [engine], _trials(1), store)
            assert table["status"].to_pylist() == ["error"]
            assert "as a log probability" in table["text"].to_pylist()[0]
        assert collect(EXPERIMENT, [engine], _trials(1), store)["status"].to_pylist() == ["valid"]


def test_a_question_that_is_refused_is_an_error_of_its_own(tmp_path: Path) -> None:
    with fake_server() as fake, AnswerStore(tmp_path / "a.sqlite") as store:
        engine = _open(fake, concurrency="1")
        fake.faults = [lambda handler: handler.refuse(400, "the prompt is too long")]
        table = collect(EXPERIMENT, [engine], _trials(2), store)
        assert sorted(table["status"].to_pylist()) == ["error", "valid"]
        assert any("the prompt is too long" in (text or "") for text in table["text"].to_pylist())


# Who answers


def test_a_model_that_changes_its_name_is_refused() -> None:
    with fake_server() as fake:
        engine = _open(fake)
        list(engine.answer(_questions(4)))
        fake.answers_as = "fake-model-2"
        with pytest.raises(RunError, match=r"changed its model while it was being asked.*fake-model-2"):
            list(engine.answer(_questions(4)))


def test_a_changed_fingerprint_is_refused_unless_any_will_do() -> None:
    with fake_server(fingerprint="fp_1") as fake:
        strict, lenient = _open(fake), _open(fake, fingerprint="any")
        assert strict.identity["system_fingerprint"] == "fp_1"
        assert lenient.identity["system_fingerprint"] is None
        fake.fingerprint = "fp_2"
        with pytest.raises(RunError, match=r"system_fingerprint was fp_1 and is fp_2.*fingerprint=any"):
            list(strict.answer(_questions(1)))
        assert next(lenient.answer(_questions(1))).status == "valid"


def test_a_list_of_models_that_changes_is_refused() -> None:
    with fake_server() as fake:
        engine = _open(fake)
        fake.seed = 1  # what stands behind the name, too
        with pytest.raises(RunError, match="now describes fake-model otherwise"):
            list(engine.answer(_questions(1)))


def test_another_model_under_the_same_name_is_noticed_by_what_it_says() -> None:
    with fake_server() as fake:
        engine = _open(fake)
        answers = engine.answer(_questions(4))
        original = fake.log_probabilities
        fake.log_probabilities = lambda ids: original([7, *ids])  # type: ignore[method-assign]
        with pytest.raises(RunError, match="the same text is continued otherwise"):
            list(answers)  # none of the batch is handed over


def test_a_name_that_the_server_does_not_have_is_refused_with_those_it_has() -> None:
    with fake_server() as fake:
        with pytest.raises(DataError, match=r"has no model 'other'.*It serves: fake-model"):
            open_server("served", f"server:{fake.url}#other", {})
        fake.answers_as = "something-else"
        with pytest.raises(DataError, match="'fake-model' was asked for and 'something-else' answered"):
            _open(fake)


def test_a_server_that_takes_any_name_does_not_make_it_the_right_one() -> None:
    def any_name(handler: Handler) -> None:
        handler.send({"model": "other", "choices": [{"text": "A", "finish_reason": "length"}]})

    with fake_server(always=any_name) as fake, pytest.raises(DataError, match="It serves: fake-model"):
        open_server("served", f"server:{fake.url}#other", {})


# Where


def test_a_redirect_is_named_and_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with fake_server() as elsewhere, fake_server() as fake:
        engine = _open(fake)
        fake.always = lambda handler: handler.send({}, 307, Location=f"{elsewhere.url}/completions")
        with pytest.raises(DataError, match="sends requests on to") as caught:
            list(engine.answer(_questions(1)))
        assert elsewhere.url in str(caught.value)
        assert not elsewhere.asked


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1", "http://127.0.0.1:{port}/nowhere"])
def test_a_wrong_address_is_found_before_anything_is_asked(url: str) -> None:
    with fake_server() as fake:
        port = fake.url.rsplit(":", 1)[1].removesuffix("/v1")
        model = f"server:{url.format(port=port)}#fake-model"
        with pytest.raises(ReplicatorError) as caught:
            _found(model)
    assert caught.value.exit_code == 4
    assert "\n" not in str(caught.value)


def _found(model: str) -> None:
    check_model(model, {}, experiment=EXPERIMENT)
    open_server("served", model, {})


# The key


def test_the_key_is_in_the_header_and_nowhere_else(tmp_path: Path) -> None:
    def echoes(handler: Handler) -> None:
        handler.refuse(400, f"bad request with Authorization: {handler.headers['Authorization']}")

    def run(fake: Fake, out: str) -> str:
        environment = os.environ | {"OPENAI_API_KEY": KEY, "REPLICATOR_CACHE_DIR": str(tmp_path / "cache")}
        command = ["collect", "dictator", "--limit", "1", "--model", f"server:{fake.url}#{fake.name}"]
        # Only checks are choices: an amount would take long where every byte is a token.
        done = subprocess.run(
            [sys.executable, "-m", "replicator", *command, "--elicitation", "sample", "--out", str(tmp_path / out)],
            env=environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        return done.stdout + done.stderr

    with fake_server(reply="50") as fake:
        told = run(fake, "good")
        assert fake.headers[-1]["Authorization"] == f"Bearer {KEY}"
        fake.always = echoes
        told += run(fake, "bad")
    manifest = json.loads((tmp_path / "good" / "manifest.json").read_text())
    assert manifest["populations"][0]["facts"]["scoring"] == "ids"
    assert "exact probabilities by token id" in told
    assert KEY not in told
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path


def test_a_refused_key_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    refusal = pytest.raises(DataError, match=r"refuses the key.*Set OPENAI_API_KEY")
    with fake_server(always=lambda handler: handler.refuse(401, "no key")) as fake, refusal:
        _open(fake)
