"""What opening a server finds out does not depend on a moment, and what a user got wrong is said before."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from fake_server import END, NAME, OPENAI, Fake, Handler, fake_server
from small_experiments import labelled, lotteries

from replicator.collect import collect
from replicator.design import repeated, trials
from replicator.engines import check_model, open_engine
from replicator.engines.engine import Question
from replicator.engines.sampled import Sampling
from replicator.engines.server import client
from replicator.engines.server.engine import ServerEngine
from replicator.engines.server.opening import open_server
from replicator.errors import DataError, ReplicatorError, RunError, UsageError
from replicator.prompt import render
from replicator.store import AnswerStore

ELSEWHERE = {
    "top_k", "min_p", "repeat_penalty", "repetition_penalty", "logprob_token_ids", "return_tokens_as_token_ids",
    "generation_config",
}  # fmt: skip
"""Names that vLLM, llama.cpp or `transformers serve` have beyond OpenAI's."""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PAUSE", 0.001)


def _open(fake: Fake, **arguments: str) -> ServerEngine:
    return open_server("served", f"server:{fake.url}#{fake.name}", arguments)


def _questions(labels: tuple[str, str] | None = None, limit: int = 1) -> list[Question]:
    experiment = labelled([labels], checks=()) if labels else lotteries(checks=())
    return [Question(trial, render(experiment, trial)) for trial in trials(experiment, limit=limit)]


# Opening


@pytest.mark.parametrize(
    ("abilities", "scoring"),
    [({}, "ids"), ({"by_ids": False}, "bias"), ({"by_ids": False, "bias": False}, "top"), ({"chat": True}, "ids")],
)
def test_one_hiccup_at_opening_changes_nothing(abilities: dict[str, Any], scoring: str) -> None:
    with fake_server(**abilities) as fake:
        identity = _open(fake).identity
        assert (identity["scoring"], identity["listed"]) == (scoring, 20)
        for place in range(len(fake.asked)):
            fake.faults = [*[None] * place, lambda handler: handler.refuse(503, "loading")]
            engine = _open(fake)
            assert engine.identity == identity
            assert engine.capability.takes_ids


def test_a_server_that_goes_away_while_it_is_opened_is_no_lesser_server() -> None:
    with fake_server() as fake:
        _open(fake)
        for place in range(1, len(fake.asked)):
            fake.faults = [None] * place
            fake.always = lambda handler: handler.refuse(503, "loading")
            with pytest.raises(DataError, match=r"failed \(503: loading\)"):
                _open(fake)


def test_what_makes_a_server_fail_is_not_asked_for() -> None:
    """llama-cpp-python without --logits_all answers 500 to any request for log probabilities."""

    def without(handler: Handler) -> None:
        body = handler.fake.asked[-1]
        if body.get("logprobs") is None:
            handler._complete(body, chat="messages" in body)
        else:
            handler.refuse(500, "logprobs is not supported for models created with logits_all=False")

    with fake_server(always=without) as fake:
        able = _open(fake, concurrency="1").capability
    assert able.scoring == "none"
    assert "logits_all=False" in able.reason


@pytest.mark.parametrize(("grants", "listed"), [(3, 5), (5, 5), (10, 20), (19, 20), (20, 20), (50, 100), (100, 100)])
def test_a_list_that_is_cut_without_a_word_is_neither_whole_nor_who_answers(grants: int, listed: int) -> None:
    with fake_server(listed=10**6, grants=grants, by_ids=False, bias=False, spread=1.0) as fake:
        able = _open(fake).capability
    assert able.listed == listed  # not how many happened to be listed, with the drawn one or without
    assert not able.complete
    assert not able.whole


def test_a_page_for_people_beside_the_api_is_no_tokenizer() -> None:
    with fake_server(tokenizes=False, page="https://example.org/") as fake:
        assert _open(fake).capability.scoring == "top"


# What is sent


def test_no_request_holds_a_name_that_no_server_has() -> None:
    for abilities in ({}, {"by_ids": False}, {"by_ids": False, "bias": False}, {"completions": False}):
        with fake_server(**abilities) as fake:  # type: ignore[arg-type]
            list(_open(fake).answer(_questions()[:2]))
            for body in fake.asked:
                assert not body.keys() - OPENAI - ELSEWHERE
                assert None not in body.values()


def test_a_server_that_refuses_unknown_names_is_watched_like_any_other() -> None:
    with fake_server(strict=True) as fake:
        engine = _open(fake)
        assert engine.capability.settings == {"top_p": 1.0}
        list(engine.answer(_questions()[:2]))
        original = fake.log_probabilities
        fake.log_probabilities = lambda ids: original([7, *ids])  # type: ignore[method-assign]
        with pytest.raises(RunError, match="the same text is continued otherwise"):
            list(engine.answer(_questions()[:2]))


def test_a_server_that_no_longer_answers_the_probe_is_not_taken_for_the_same() -> None:
    with fake_server() as fake:
        engine = _open(fake, concurrency="1")
        before = len(fake.asked)
        list(engine.answer(_questions()[:1]))
        fake.faults = [*[None] * (len(fake.asked) - before - 1), lambda handler: handler.refuse(400, "no logprobs")]
        with pytest.raises(RunError, match="changed its model"):
            list(engine.answer(_questions()[:1]))


def test_the_tokenizer_is_hashed_once(monkeypatch: pytest.MonkeyPatch, gpt2_checkpoint: Path) -> None:
    from replicator.engines.server import engine as module

    hashed: list[object] = []
    real = module.tokenizer_hash
    monkeypatch.setattr(module, "tokenizer_hash", lambda tokenizer: hashed.append(tokenizer) or real(tokenizer))
    with fake_server(takes_ids=False, completions=False) as fake:
        engine = _open(fake, tokenizer=str(gpt2_checkpoint))
        assert engine.identity["tokenizer"] == engine.identity["tokenizer"] == engine.facts["tokenizer_hash"]
    assert len(hashed) == 1


# Texts that are not known


@pytest.mark.parametrize("parts", ["", "\ufffd"])
@pytest.mark.parametrize("listed", [20, 10**6])
@pytest.mark.parametrize("labels", [("é", "ü"), ("A", "é"), ("x", "xé")])
def test_parts_of_characters_leave_probabilities_open(parts: str, listed: int, labels: tuple[str, str]) -> None:
    letters = "".join(map(chr, [*range(48, 58), *range(65, 91), 95, *range(97, 123)]))
    closed = letters if labels == ("x", "xé") else None
    with fake_server(by_ids=False, bias=False, parts=parts, listed=listed, spread=4.0) as fake:
        engine = _open(fake)
        assert engine.capability.scoring == "top"
        questions = _questions(labels, limit=2)
        for question, answer in zip(questions, engine.answer(questions), strict=True):
            if answer.status != "valid":
                continue
            assert answer.probabilities is not None
            context = f"{question.prompt.user}\n\n{question.prompt.cue}".encode()
            masses = [
                sum(_mass(fake, list(context), text, closed, labels) for text in (f" {label}", label))
                for label in question.prompt.answers
            ]
            bounds = answer.bounds or [(p - 1e-6, p + 1e-6) for p in answer.probabilities]
            for mass, (low, high) in zip(masses, bounds, strict=True):
                assert low - 1e-6 <= mass / sum(masses) <= high + 1e-6


def _mass(fake: Fake, context: list[int], text: str, closed: str | None, labels: tuple[str, str]) -> float:
    """P(text, and then no token that goes on with a word or with another label)."""
    total = fake.probability(context, text, None)
    if closed is None:
        return total
    after = fake.log_probabilities([*context, *text.encode()])
    onward = [
        label[len(text.strip()) :] for label in labels if label != text.strip() and label.startswith(text.strip())
    ]
    gone = {*closed.encode(), *(part.encode()[0] for part in onward)}
    return total * sum(math.exp(after[token]) for token in range(END + 1) if token not in gone)


@pytest.mark.parametrize("parts", ["", "\ufffd"])
def test_a_part_of_a_character_may_begin_a_chat_answer(parts: str) -> None:
    with fake_server(completions=False, tokenizes=False, parts=parts, listed=10**6, spread=4.0) as fake:
        questions = _questions(("A", "é"), limit=2)
        for question, answer in zip(questions, _open(fake).answer(questions), strict=True):
            if answer.status != "valid":
                continue
            after = fake.log_probabilities(list(f"user: {question.prompt.user}\n".encode()))
            begun = {"A": math.exp(after[65]), "é": math.exp(after[0xC3])}
            most = begun["é"] / (begun["A"] + begun["é"])
            assert answer.bounds is not None
            (low, high) = answer.bounds[question.prompt.answers.index("é")]
            assert low <= most <= high + 1e-6


# What a user got wrong


@pytest.mark.parametrize(
    ("environment", "url", "words"),
    [
        ({"OPENAI_API_KEY": "“sk-secret”"}, "http://127.0.0.1:9/v1", "OPENAI_API_KEY holds a character"),
        ({"OPENAI_API_KEY": "sk-secret\nsk-secret"}, "http://127.0.0.1:9/v1", "OPENAI_API_KEY holds a character"),
        ({}, "http://a..b/v1", "not the address of a server"),
        ({}, f"http://{'a' * 64}.example/v1", "not the address of a server"),
        ({}, "http://ü..b/v1", "not the address of a server"),
        ({}, "http://a.example/v1\x01", "not the address of a server"),
        ({}, "http://a.exa\nmple/v1", "not the address of a server"),
        ({}, "http://a.example/v 1", "not the address of a server"),
        ({}, "http://me:sk#secret@a.example/v1", "not the address of a server"),
        ({}, "http://a.example/v1?key=sk-secret", "may hold no key"),
        ({"HTTP_PROXY": "foo:secret"}, "http://a.example/v1", "a proxy that cannot be used.*HTTP_PROXY"),
        ({"ALL_PROXY": "ftp://me:secret@a.example:1"}, "http://a.example/v1", "a proxy that cannot be used"),
        ({"SSL_CERT_FILE": "/no/such/file"}, "https://a.example/v1", "SSL_CERT_FILE"),
    ],
)
def test_what_no_request_can_be_made_with_is_said_in_one_line(
    environment: dict[str, str], url: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "HTTP_PROXY", "ALL_PROXY", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=words) as caught:
        check_model(f"server:{url}#m", {}, experiment=lotteries())
    assert caught.value.exit_code == 2
    assert "secret" not in str(caught.value)


# What a server may send


@pytest.mark.parametrize("value", ["1" + "0" * 400, "-1" + "0" * 400, '"sk-not-a-real-key-0123456789"', "Infinity"])
def test_any_log_probability_is_read_or_refused(value: str, tmp_path: Path) -> None:
    logprobs = f'{{"tokens": ["A"], "token_logprobs": [{value}], "top_logprobs": [{{"A": {value}}}]}}'
    text = f'{{"model": "{NAME}", "choices": [{{"text": "A", "logprobs": {logprobs}}}]}}'
    with fake_server() as fake, AnswerStore(tmp_path / "a.sqlite") as store:
        engine = _open(fake, concurrency="1")
        fake.faults = [lambda handler: handler.send_text(text, "application/json")]
        table = collect(lotteries(checks=()), [engine], trials(lotteries(checks=()), limit=1)[:1], store)
    (words,) = table["text"].to_pylist()
    assert "as a log probability" in words
    assert "sk-not" not in words


def test_an_answer_that_is_nested_without_end_is_none() -> None:
    with fake_server() as fake:
        engine = _open(fake)
        fake.always = lambda handler: handler.send_text("[" * 200_000, "application/json")
        with pytest.raises(RunError, match="cut off or is no JSON object"):
            list(engine.answer(_questions()[:1]))


def test_half_a_character_in_a_reply_can_be_stored(tmp_path: Path) -> None:
    asked = repeated(trials(lotteries(checks=()), limit=1)[:1], 1)
    with fake_server(reply="A \ud83d") as fake, AnswerStore(tmp_path / "a.sqlite") as store:
        engine = open_engine(f"server:{fake.url}#{NAME}", {}, experiment=lotteries(), sampling=Sampling(0, 0.5))
        assert collect(lotteries(checks=()), [engine], asked, store)["text"].to_pylist() == ["A ?"]


def test_hundreds_of_models_are_not_all_named() -> None:
    with fake_server(others=300) as fake, pytest.raises(ReplicatorError, match="and 291 more") as caught:
        open_server("served", f"server:{fake.url}", {})
    assert len(str(caught.value)) < 500
