"""Exact choice probabilities: what is batched, padded or shared must equal plain forward passes."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from small_experiments import gifts, labelled, lotteries
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BertConfig,
    BloomConfig,
    BloomForCausalLM,
    LlamaConfig,
    LlamaForSequenceClassification,
    MambaConfig,
    MambaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    T5Config,
)

from replicator import ladder
from replicator.design import Trial, trials
from replicator.engines import open_engine, population_name
from replicator.engines.chat import context_ids, context_text
from replicator.engines.engine import Answer, Question
from replicator.engines.hub import weights_in_cache
from replicator.engines.huggingface import HuggingFaceEngine, open_model
from replicator.engines.tokens import spellings
from replicator.errors import DataError, UsageError
from replicator.experiment import Experiment
from replicator.ladder import random_weights
from replicator.ladder.random_weights import CHAT_TEMPLATE
from replicator.prompt import Prompt, render

TOLERANCE = 1e-5
KINDS = ("gpt2", "llama")


@pytest.fixture(params=KINDS)
def checkpoint(request: pytest.FixtureRequest) -> Path:
    path: Path = request.getfixturevalue(f"{request.param}_checkpoint")
    return path


def _open(checkpoint: Path, batch_size: int | None = None, **arguments: str) -> HuggingFaceEngine:
    return open_model("tiny", str(checkpoint), arguments, device="cpu", batch_size=batch_size)


def _questions(experiment: Experiment, limit: int, every: int = 1) -> list[Question]:
    return [Question(t, render(experiment, t)) for t in trials(experiment, limit=limit)[::every]]


class Reference:
    """The slow way: for every spelling of every option, an unpadded pass before each token."""

    def __init__(self, checkpoint: Path) -> None:
        self.tokenizer: Any = AutoTokenizer.from_pretrained(checkpoint)
        self.model: Any = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32).eval()

    def answer(self, question: Question, *, closed: bool) -> tuple[list[float], float]:
        text = self._text(question.prompt)
        plain = self.tokenizer.chat_template is None
        context = self.tokenizer(text, add_special_tokens=plain).input_ids
        spelled = [
            [self._continuation(text, form) for form in (f" {answer}", answer)] for answer in question.prompt.answers
        ]
        ends = set(self._ends(question.trial)) if closed else None
        every = [ids for forms in spelled for ids in forms]
        masses = [sum(self._probability(context, ids, ends, every) for ids in forms) for forms in spelled]
        total = sum(masses)
        return [mass / total for mass in masses], total

    def _text(self, prompt: Prompt) -> str:
        if self.tokenizer.chat_template is None:
            return f"{prompt.user}\n\n{prompt.cue}"
        messages = [{"role": "user", "content": prompt.user}, {"role": "assistant", "content": prompt.cue}]
        text: str = self.tokenizer.apply_chat_template(messages, tokenize=False, continue_final_message=True)
        return text

    def _continuation(self, text: str, spelled: str) -> list[int]:
        before, joint = (self.tokenizer(t, add_special_tokens=False).input_ids for t in (text, text + spelled))
        assert joint[: len(before)] == before
        return list(joint[len(before) :])

    def _probability(
        self, context: list[int], ids: list[int], ends: set[int] | None, every: Sequence[list[int]]
    ) -> float:
        """Of one spelling; an answer does not end with the token that leads on to another, "2" to "2.5"."""
        probability = 1.0
        for place, token in enumerate(ids):
            probability *= float(self._next(context + ids[:place])[token])
        if ends is not None:
            onward = {other[len(ids)] for other in every if other[: len(ids)] == ids and len(other) > len(ids)}
            probability *= float(self._next(context + ids)[sorted(ends - onward)].sum())
        return probability

    def _next(self, ids: list[int]) -> torch.Tensor:
        with torch.inference_mode():
            return torch.softmax(self.model(torch.tensor([ids])).logits[0, -1].double(), dim=-1)

    def _ends(self, trial: Trial) -> list[int]:
        goes_on = r"[0-9]|[.,][0-9]" if trial.response != "choice" else r"[A-Za-z0-9_]"
        return [i for i in range(len(self.tokenizer)) if not re.match(goes_on, self._after_digit(i))]

    def _after_digit(self, token: int) -> str:
        five = self.tokenizer.convert_tokens_to_ids("5")
        before: str = self.tokenizer.decode([five])
        text: str = self.tokenizer.decode([five, token])
        return text[len(before) :]


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_labels_equal_plain_forward_passes_at_any_batch_size(checkpoint: Path, batch_size: int) -> None:
    questions = _questions(lotteries(), limit=3, every=5)
    answers = list(_open(checkpoint, batch_size).answer(questions))
    _assert_equal(Reference(checkpoint), questions, answers, closed=False)
    assert len({answer.probabilities for answer in answers}) > len(answers) // 2  # they do differ


@pytest.mark.parametrize("batch_size", [1, 5])
def test_options_of_several_tokens_equal_plain_forward_passes(checkpoint: Path, batch_size: int) -> None:
    experiment = labelled([("lottery one", "lottery two"), ("1st choice", "another")], checks=())
    questions = _questions(experiment, limit=2, every=3)
    answers = list(_open(checkpoint, batch_size).answer(questions))
    _assert_equal(Reference(checkpoint), questions, answers, closed=False)


def test_an_option_that_begins_another_counts_only_where_it_ends(checkpoint: Path) -> None:
    experiment = labelled([("Option 1", "Option 10")], checks=())
    questions = _questions(experiment, limit=1, every=2)
    answers = list(_open(checkpoint, 4).answer(questions))
    _assert_equal(Reference(checkpoint), questions, answers, closed=True)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_amounts_equal_plain_forward_passes(checkpoint: Path, batch_size: int) -> None:
    experiments = [
        gifts(12),
        gifts(20, wordings={"a": "Give.", "b": "Of {{ endowment }} give."}),
        gifts(100, "50"),
    ]
    questions = [question for experiment in experiments for question in _questions(experiment, limit=1)]
    answers = list(_open(checkpoint, batch_size).answer(questions))
    _assert_equal(Reference(checkpoint), questions, answers, closed=True)


def test_a_whole_endowment_is_a_distribution(checkpoint: Path) -> None:
    (answer,) = _open(checkpoint).answer(_questions(gifts(100), limit=1))
    assert answer.probabilities is not None
    assert len(answer.probabilities) == 101
    assert math.fsum(answer.probabilities) == pytest.approx(1, abs=1e-12)
    assert answer.label_mass is not None
    assert 0 < answer.label_mass <= 1 + 1e-6


def _assert_equal(
    reference: Reference, questions: Sequence[Question], answers: Sequence[Answer], *, closed: bool
) -> None:
    assert len(answers) == len(questions) > 0
    for question, answer in zip(questions, answers, strict=True):
        probabilities, mass = reference.answer(question, closed=closed)
        assert answer.status == "valid"
        assert answer.probabilities == pytest.approx(probabilities, abs=TOLERANCE)
        assert answer.label_mass == pytest.approx(mass, abs=TOLERANCE)


# Architectures for which padding or the cache works differently


def _save(model: Any, tokenizer_of: Path, folder: Path) -> Path:
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tokenizer_of).save_pretrained(folder)
    return folder


def _unusual(kind: str, size: int) -> Any:
    wide = {"vocab_size": size, "hidden_size": 32, "initializer_range": 0.3}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 48}
    with torch.random.fork_rng():
        torch.manual_seed(1)
        match kind:
            case "bloom":  # positions from the mask, none of its own
                return BloomForCausalLM(BloomConfig(**wide, n_layer=2, n_head=4))
            case "mamba":  # recurrent: no key-value cache at all
                return MambaForCausalLM(MambaConfig(**wide, num_hidden_layers=2, state_size=8))
            case _:  # sees only the last tokens
                return MistralForCausalLM(MistralConfig(**wide, **heads, num_hidden_layers=2, sliding_window=16))


@pytest.mark.parametrize("kind", ["bloom", "mamba", "sliding"])
def test_unusual_architectures_equal_plain_forward_passes(kind: str, gpt2_checkpoint: Path, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(gpt2_checkpoint)
    _save(_unusual(kind, len(tokenizer)), gpt2_checkpoint, tmp_path)
    amounts = _questions(gifts(6, wordings={"a": "Give.", "b": "Of {{ endowment }} points give some."}), limit=1)
    labels = _questions(lotteries(), limit=2, every=9)
    engine = _open(tmp_path, 3)
    assert engine.facts["shared_cache"] is (kind == "sliding")
    _assert_equal(Reference(tmp_path), amounts, list(engine.answer(amounts)), closed=True)
    _assert_equal(Reference(tmp_path), labels, list(engine.answer(labels)), closed=False)


# From prompt to tokens


def test_a_chat_prompt_has_one_bos_and_ends_with_the_cue_on_the_assistants_side(
    llama_checkpoint: Path,
) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(llama_checkpoint)
    text = context_text(tokenizer, Prompt("Be brief.", "Which?", "Answer:", ("A", "B")), "chat")
    assert text == "<s><|system|>\nBe brief.</s>\n<|user|>\nWhich?</s>\n<|assistant|>\nAnswer:"
    assert context_ids(tokenizer, text, "chat").count(tokenizer.bos_token_id) == 1
    plain = context_text(tokenizer, Prompt(None, "Which?", "Answer:", ("A", "B")), "plain")
    assert plain == "Which?\n\nAnswer:"
    assert context_ids(tokenizer, plain, "plain").count(tokenizer.bos_token_id) == 1


def test_a_template_without_system_turn_gets_it_in_the_users(llama_checkpoint: Path) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(llama_checkpoint)
    refuse = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    drop = "{% set messages = messages | rejectattr('role', 'equalto', 'system') | list %}"
    for start in (refuse, drop):
        tokenizer.chat_template = start + CHAT_TEMPLATE
        text = context_text(tokenizer, Prompt("Be brief.", "Which?", "Answer:", ()), "chat")
        assert "<|user|>\nBe brief.\n\nWhich?" in text


def test_a_template_that_rewrites_the_answer_still_gets_the_cue(llama_checkpoint: Path) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(llama_checkpoint)
    tokenizer.chat_template = CHAT_THAT_REFUSES_ASSISTANTS
    text = context_text(tokenizer, Prompt(None, "Which?", "Answer:", ()), "chat")
    assert text == "[Which?] bot: Answer:"


CHAT_THAT_REFUSES_ASSISTANTS = (
    "{% for m in messages %}{% if m['role'] == 'assistant' %}{{ raise_exception('no') }}{% endif %}"
    "[{{ m['content'] }}]{% endfor %}{% if add_generation_prompt %} bot: {% endif %}"
)


def test_an_answer_does_not_depend_on_the_day_it_is_asked(llama_checkpoint: Path) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(llama_checkpoint)
    tokenizer.chat_template = "{{ strftime_now('%Y-%m-%d') }} " + tokenizer.chat_template
    text = context_text(tokenizer, Prompt(None, "Which?", "Answer:", ()), "chat")
    assert text.startswith("2025-01-01 ")


def test_a_doubled_bos_is_an_error(llama_checkpoint: Path, tmp_path: Path) -> None:
    shutil.copytree(llama_checkpoint, tmp_path / "doubled")
    tokenizer: Any = AutoTokenizer.from_pretrained(llama_checkpoint)
    tokenizer.chat_template = "{{ bos_token }}" + tokenizer.chat_template
    tokenizer.save_pretrained(tmp_path / "doubled")
    with pytest.raises(DataError, match="BOS twice"):
        open_engine(str(tmp_path / "doubled"), {}, experiment=lotteries(), device="cpu")


def test_both_spellings_count_and_only_the_bare_one_after_a_new_line(checkpoint: Path) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(checkpoint)
    after_cue = spellings(tokenizer, "Which?\n\nAnswer:", "A")
    assert [tokenizer.decode([5, *ids])[len(tokenizer.decode([5])) :] for ids in after_cue] == [" A", "A"]
    (after_line,) = spellings(tokenizer, "Which?\n", "A")
    assert tokenizer.convert_ids_to_tokens(list(after_line)) == ["A"]


def test_a_merge_across_the_boundary_is_split_there(gpt2_checkpoint: Path) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(gpt2_checkpoint)
    joint = tokenizer("Answer: 5", add_special_tokens=False).input_ids
    assert tokenizer("Answer: 50", add_special_tokens=False).input_ids[: len(joint)] != joint
    assert spellings(tokenizer, "Answer: 5", "0")[1] == tuple(tokenizer("0", add_special_tokens=False).input_ids)


# What an answer can be instead of valid


def test_a_prompt_beyond_the_models_positions_is_an_error_not_a_crash(checkpoint: Path) -> None:
    long = lotteries(wordings={"plain": "word " * 3000 + "{{ options }}"}, checks=())
    short = lotteries(checks=())
    questions = [*_questions(long, limit=1, every=4), *_questions(short, limit=1, every=4)]
    answers = list(_open(checkpoint, 4).answer(questions))
    statuses = [answer.status for answer in answers]
    assert statuses == ["error"] * (len(statuses) // 3) + ["valid"] * (len(statuses) - len(statuses) // 3)
    assert answers[0].probabilities is None
    assert "2048 positions" in str(answers[0].text)


def test_not_a_number_is_an_error_not_a_choice(checkpoint: Path) -> None:
    engine = _open(checkpoint)
    with torch.no_grad():
        engine._checkpoint.model.get_output_embeddings().weight[3] = float("nan")
    answers = list(engine.answer(_questions(lotteries(), limit=1)))
    assert {(answer.status, answer.probabilities, answer.label_mass) for answer in answers} == {("error", None, None)}


def test_answers_come_while_the_rest_is_still_waiting(gpt2_checkpoint: Path) -> None:
    engine = _open(gpt2_checkpoint, 1)
    stream: Iterator[Answer] = engine.answer(_questions(lotteries(), limit=10))
    assert next(stream).status == "valid"


# Models that cannot be used


def _folder(path: Path, config: dict[str, Any] | None = None, source: Path | None = None) -> Path:
    if source is not None:
        shutil.copytree(source, path)
    path.mkdir(exist_ok=True)
    if config is not None:
        (path / "config.json").write_text(json.dumps(config))
    return path


def test_what_is_not_a_causal_language_model_is_refused_in_one_line(
    tmp_path: Path, llama_checkpoint: Path, gpt2_checkpoint: Path
) -> None:
    corrupt = _folder(tmp_path / "corrupt", source=gpt2_checkpoint)
    (corrupt / "model.safetensors").write_bytes(b"\x00" * 100)
    cut = _folder(tmp_path / "cut", source=gpt2_checkpoint)
    whole = (cut / "model.safetensors").read_bytes()
    (cut / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    speechless = _folder(tmp_path / "speechless", source=llama_checkpoint)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (speechless / name).unlink()
    bare = _folder(tmp_path / "bare", source=llama_checkpoint)
    (bare / "model.safetensors").unlink()
    headless = tmp_path / "headless"
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    LlamaForSequenceClassification(LlamaConfig(vocab_size=50, **small)).save_pretrained(headless)
    other = _folder(tmp_path / "other", source=llama_checkpoint)
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 4}))
    file = tmp_path / "file.gguf"
    file.write_bytes(b"GGUF")
    bert = {**BertConfig().to_dict(), "architectures": ["BertForMaskedLM"]}
    own_code = {"model_type": "mystery", "auto_map": {"AutoConfig": "evil.py--Config"}}
    expected = {
        tmp_path / "nowhere": "no such folder",
        file: "file, not a checkpoint",
        _folder(tmp_path / "empty"): "no config.json",
        _folder(tmp_path / "bert", bert): "not a causal language model",
        _folder(tmp_path / "t5", {**T5Config().to_dict(), "architectures": None}): "not a causal language model",
        headless: "not a causal language model",
        _folder(tmp_path / "broken", {}): "",
        _folder(tmp_path / "mystery", own_code): "config.json cannot be read",
        corrupt: "weights cannot be read",
        cut: "weights cannot be read",
        bare: "weights cannot be read",
        other: "incomplete",
        speechless: "tokenizer",
    }
    for path, words in expected.items():
        with pytest.raises(DataError) as caught:
            open_engine(str(path), {}, experiment=lotteries(), device="cpu")
        message = str(caught.value)
        assert words in message, (path, message)
        assert str(path) in message
        assert "\n" not in message
        assert caught.value.remedy


def test_an_id_that_cannot_be_fetched_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match="hub"):
        open_engine("nobody/no-such-model", {}, experiment=lotteries(), device="cpu")


@pytest.mark.parametrize("kind", ["model.safetensors", "pytorch_model.bin"])
def test_weights_in_parts_are_downloaded_once_every_part_is(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    folder = tmp_path / "models--some--model"
    files = folder / "snapshots" / "abc"
    files.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("abc")
    (files / f"{kind}.index.json").write_text(json.dumps({"weight_map": {"a": "part-1", "b": "part-2", "c": "part-1"}}))
    (files / "part-1").touch()
    assert not weights_in_cache("some/model", None)
    (files / "part-2").touch()
    assert weights_in_cache("some/model", None)


def test_wrong_arguments_are_a_mistake_of_the_command_line(checkpoint: Path, gpt2_checkpoint: Path) -> None:
    for arguments in (
        {"temperature": "2"},
        {"dtype": "int3"},
        {"prompt_format": "poem"},
        {"revision": "main"},
    ):
        with pytest.raises(UsageError):
            _open(checkpoint, **arguments)
    with pytest.raises(UsageError, match="chat template"):
        _open(gpt2_checkpoint, prompt_format="chat")
    with pytest.raises(UsageError, match="device"):
        open_model("tiny", str(checkpoint), {}, device="abacus")


# What is on record


def test_facts_say_what_the_model_is(gpt2_checkpoint: Path, llama_checkpoint: Path) -> None:
    gpt2, llama = (
        open_engine(str(path), {}, experiment=lotteries(), device="cpu").facts
        for path in (gpt2_checkpoint, llama_checkpoint)
    )
    assert (gpt2["model_family"], gpt2["tuning"], gpt2["prompt_format"]) == ("gpt2", "base", "plain")
    assert (llama["model_family"], llama["tuning"], llama["prompt_format"]) == ("llama", "chat", "chat")
    for facts in (gpt2, llama):
        assert facts["random_weights"] is True
        assert facts["shared_cache"] is True
        assert 50_000 < facts["parameters"] < 1_000_000
        assert facts["dtype"] == "float32"
        assert len(facts["first_token_ids"]) == 8
        json.dumps(dict(facts))


def test_identity_follows_whatever_changes_an_answer(llama_checkpoint: Path, tmp_path: Path) -> None:
    base = dict(_open(llama_checkpoint).identity)
    json.dumps(base)
    moved = _folder(tmp_path / "moved", source=llama_checkpoint)
    assert dict(_open(moved, batch_size=3).identity) == base
    assert dict(_open(llama_checkpoint, prompt_format="plain").identity) != base
    assert dict(_open(llama_checkpoint, dtype="bfloat16").identity) != base

    changed = moved / "model.safetensors"
    content = bytearray(changed.read_bytes())
    content[-2] ^= 1  # one bit of one weight
    changed.write_bytes(bytes(content))
    assert dict(_open(moved).identity) != base

    retold = _folder(tmp_path / "retold", source=llama_checkpoint)
    tokenizer: Any = AutoTokenizer.from_pretrained(retold)
    tokenizer.chat_template += " "
    tokenizer.save_pretrained(retold)
    assert dict(_open(retold).identity) != base


# Which engine a model string names


def test_built_in_models_are_made_once_and_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REPLICATOR_CACHE_DIR", str(tmp_path))
    first = ladder.checkpoint("random-llama")
    made = (first / "model.safetensors").stat().st_mtime_ns
    assert tmp_path in first.parents
    assert (ladder.checkpoint("random-llama") / "model.safetensors").stat().st_mtime_ns == made
    assert [path.name for path in first.parent.iterdir()] == [first.name]  # nothing unfinished is left
    engine = open_engine("ladder:random-llama", {"prompt_format": "plain"}, experiment=lotteries(), device="cpu")
    assert engine.name == "ladder:random-llama(prompt_format=plain)"
    with pytest.raises(UsageError, match="random-gpt2, random-llama"):
        ladder.checkpoint("random-bert")


def test_the_same_checkpoint_is_made_every_time(gpt2_checkpoint: Path, tmp_path: Path) -> None:
    again = random_weights.build("random-gpt2", tmp_path / "again")
    for name in ("model.safetensors", "tokenizer.json", "config.json"):
        assert (again / name).read_bytes() == (gpt2_checkpoint / name).read_bytes()


def test_naming_models_and_rendering_prompts_imports_nothing_heavy() -> None:
    program = (
        "import sys, replicator.prompt, replicator.design, replicator.engines, replicator.ladder;"
        "print(sorted({'torch', 'transformers', 'numpy', 'pandas', 'pymc'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_a_population_is_named_after_its_model_and_arguments() -> None:
    assert population_name("participants:crra", {"r": "-0.4", "noise": "8"}) == "participants:crra(r=-0.4,noise=8)"
    assert population_name("gpt2", {}) == "gpt2"
