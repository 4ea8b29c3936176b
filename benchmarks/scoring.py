"""How fast options are scored: this package, lm-evaluation-harness and the limit, on one checkpoint in one run.

    python benchmarks/scoring.py [--json]

Two sets of questions: 40 (the ten pairs of holt-laury in one wording, in every order and with both sets of
labels) put to each of 12 personas of 450 tokens; and every question of holt-laury and mixed-gambles by itself.
A set is cut into parts, and a part is given to all three, one after the other, so that a machine that gets
slower or faster does so for all; the ratio of a set is the median over its parts, which one disturbed part does not
move. What is timed begins with text and ends with log probabilities; loading and
warming up are left out. All three compute in float32 with as many threads. JSON keys:

    personas_ratio, library_ratio   seconds of lm-evaluation-harness, at its best batch size, over ours
    limit_ratio                     our seconds over those of one dense forward pass over the distinct tokens, with
                                    personas; `library_limit_ratio` without
    max_abs_difference              largest difference of our probabilities from those of plain forward passes
    peak_ratio                      peak memory of collecting 20,000 answers over that of 2,000
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any

import click
import torch
from lm_eval_harness import VERSION, Harness
from made_checkpoint import make
from questions import library, personas
from transformers import AutoModelForCausalLM, AutoTokenizer

from replicator.collect import batches
from replicator.engines.chat import context_ids, context_text
from replicator.engines.engine import Answer, Question
from replicator.engines.huggingface import HuggingFaceEngine, open_model
from replicator.engines.tokens import spellings

BATCH_SIZES = {"personas": (1, 4, 16), "library": (1, 4, 16, 64)}
"""Of lm-evaluation-harness, tried on TRIED prompts of each set."""
TRIED = {"personas": 16, "library": 64}
PARTS = {"personas": 4, "library": 8}
DENSE_ROWS = (1, 2, 4, 8)
"""Rows of a dense pass; the limit is that of the fastest."""
COMPARED = 40
"""Prompts of each set whose probabilities are compared with plain forward passes."""


@dataclass
class Timing:
    """Seconds of one set."""

    ours: float = 0.0
    theirs: float = 0.0
    limit: float = 0.0
    prompts: int = 0
    tokens: int = 0
    distinct_tokens: int = 0
    batch_size: int = 0
    """lm-evaluation-harness's best."""
    ratios: tuple[float, ...] = ()
    """theirs / ours, part by part."""
    limit_ratios: tuple[float, ...] = ()
    """ours / limit, part by part."""
    max_abs_difference: float = 0.0
    """Ours from plain forward passes."""
    max_abs_difference_harness: float = 0.0
    """Ours from lm-evaluation-harness, asked for both spellings of every label."""


@click.command(help=__doc__.split("\n")[0])
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout and nothing else.")
def main(as_json: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tell("making the checkpoint")
        parameters = make(Path(folder))
        engine = open_model("checkpoint", folder, {}, device="cpu")
        plain = Plain(Path(folder))
        with Harness(Path(folder), tell) as harness:
            timings = {
                "personas": measure("personas", personas(plain.tokenizer), engine, plain, harness),
                "library": measure("library", library(), engine, plain, harness),
            }
    tell("measuring peak memory")
    peaks = {count: peak(count) for count in (2_000, 20_000)}
    people, alone = timings["personas"], timings["library"]
    result = {
        "personas_ratio": median(people.ratios),
        "library_ratio": median(alone.ratios),
        "limit_ratio": median(people.limit_ratios),
        "library_limit_ratio": median(alone.limit_ratios),
        "max_abs_difference": max(timing.max_abs_difference for timing in timings.values()),
        "peak_ratio": peaks[20_000] / peaks[2_000],
        "seconds": {name: asdict(timing) for name, timing in timings.items()},
        "peak_mib": peaks,
        "parameters": parameters,
        "threads": torch.get_num_threads(),
        "lm_eval": VERSION,
    }
    click.echo(json.dumps(result) if as_json else "\n".join(in_words(result)))


def measure(
    name: str, questions: Sequence[Question], engine: HuggingFaceEngine, plain: Plain, harness: Harness
) -> Timing:
    """Time all three on one set, part by part, and compare what they say."""
    # As the loop of `collect` orders them.
    questions = sorted(questions, key=lambda question: (question.prompt.system or "", question.prompt.user))
    texts = [plain.text(question) for question in questions]
    ids = [plain.ids(text) for text in texts]
    length = round(sum(map(len, ids)) / len(ids))
    timing = Timing(prompts=len(questions), tokens=sum(map(len, ids)))
    tell(f"{name}: {len(questions):,} prompts of {length} tokens; finding the best batch sizes")
    tried = list(zip(texts, questions, strict=True))[:: len(texts) // TRIED[name]]
    timing.batch_size = best(harness, BATCH_SIZES[name], tried)
    rows = min(DENSE_ROWS, key=lambda rows: plain.dense(8 * length * max(DENSE_ROWS), length, rows))
    list(engine.answer(questions[-3:]))
    answers: list[Answer] = []
    for part in parts(len(questions), PARTS[name]):
        distinct = distinct_tokens(ids[part])
        begun = time.perf_counter()
        new = ask(engine, questions[part])
        ours = time.perf_counter() - begun
        theirs, _ = harness.ask(texts[part], [labels(question) for question in questions[part]], timing.batch_size)
        limit = plain.dense(distinct, length, rows)
        answers += new
        timing = replace(
            timing,
            ours=timing.ours + ours,
            theirs=timing.theirs + theirs,
            limit=timing.limit + limit,
            distinct_tokens=timing.distinct_tokens + distinct,
            ratios=(*timing.ratios, theirs / ours),
            limit_ratios=(*timing.limit_ratios, ours / limit),
        )
        tell(f"{name}: ours {ours:.1f} s, lm-evaluation-harness {theirs:.1f} s, limit {limit:.1f} s")
    some = range(0, len(questions), max(1, len(questions) // COMPARED))
    tell(f"{name}: comparing {len(some)} answers")
    timing.max_abs_difference = max(difference(plain.answer(questions[i]), answers[i]) for i in some)
    _, scores = harness.ask(
        [texts[i] for i in some], [labels(questions[i], both=True) for i in some], timing.batch_size
    )
    said = [normalised([math.exp(a) + math.exp(b) for a, b in pairs(score)]) for score in scores]
    timing.max_abs_difference_harness = max(
        difference(theirs, answers[i]) for theirs, i in zip(said, some, strict=True)
    )
    return timing


class Plain:
    """The model without anything of ours around it."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self.model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def text(self, question: Question) -> str:
        return context_text(self.tokenizer, question.prompt, "plain")

    def ids(self, text: str) -> list[int]:
        return context_ids(self.tokenizer, text, "plain")

    def answer(self, question: Question) -> list[float]:
        """Probabilities of the options by one forward pass a token, unpadded and without a cache."""
        text = self.text(question)
        ids = self.ids(text)
        masses = []
        for label in question.prompt.answers:
            ways = spellings(self.tokenizer, text, label)
            masses.append(sum(math.prod(self._next(ids, way)) for way in ways))
        return normalised(masses)

    def _next(self, ids: list[int], way: Sequence[int]) -> list[float]:
        """The probability of every token of a spelling."""
        return [float(self._distribution((*ids, *way[:place]))[token]) for place, token in enumerate(way)]

    @lru_cache(maxsize=8)  # noqa: B019 - one model in all
    @torch.inference_mode()
    def _distribution(self, ids: tuple[int, ...]) -> torch.Tensor:
        return torch.softmax(self.model(torch.tensor([ids]), logits_to_keep=1).logits[0, -1].double(), dim=-1)

    @torch.inference_mode()
    def dense(self, tokens: int, length: int, rows: int) -> float:
        """Seconds for `tokens` tokens in full rows of `length`, with logits where a row ends."""
        ids = torch.randint(0, self.model.config.vocab_size, (-(-tokens // length), length))
        begun = time.perf_counter()
        for start in range(0, len(ids), rows):
            self.model(ids[start : start + rows], use_cache=False, logits_to_keep=1)
        # The last row is full too, though the tokens may end within it.
        return (time.perf_counter() - begun) * tokens / ids.numel()


def ask(engine: HuggingFaceEngine, questions: Sequence[Question]) -> list[Answer]:
    """In batches, as `collect` asks."""
    numbered = {str(number): question for number, question in enumerate(questions)}
    return [
        answer for batch in batches(engine, numbered, frozenset()) for answer in engine.answer(list(batch.values()))
    ]


def best(harness: Harness, sizes: Sequence[int], tried: Sequence[tuple[str, Question]]) -> int:
    """The batch size at which lm-evaluation-harness is fastest."""
    texts, options = [text for text, _ in tried], [labels(question) for _, question in tried]
    seconds = {size: harness.ask(texts, options, size)[0] for size in sizes}
    tell("lm-evaluation-harness: " + ", ".join(f"batches of {n} {took:.1f} s" for n, took in seconds.items()))
    return min(seconds, key=seconds.__getitem__)


def labels(question: Question, *, both: bool = False) -> list[str]:
    """What lm-evaluation-harness is asked for: each label after a space; and, where `both`, without one too."""
    return [text for label in question.prompt.answers for text in ([f" {label}", label] if both else [f" {label}"])]


def distinct_tokens(sequences: Sequence[Sequence[int]]) -> int:
    """Tokens in the tree of all prompts."""
    total, before = 0, ()
    for sequence in sorted(map(tuple, sequences)):
        shared = 0
        while shared < min(len(before), len(sequence)) and before[shared] == sequence[shared]:
            shared += 1
        total, before = total + len(sequence) - shared, sequence
    return total


def parts(count: int, number: int) -> Iterator[slice]:
    for part in range(number):
        yield slice(count * part // number, count * (part + 1) // number)


def pairs(values: Sequence[float]) -> Iterator[tuple[float, float]]:
    return zip(values[::2], values[1::2], strict=True)


def normalised(masses: Sequence[float]) -> list[float]:
    return [mass / math.fsum(masses) for mass in masses]


def difference(expected: Sequence[float], answer: Answer) -> float:
    if answer.probabilities is None:
        raise SystemExit(f"a question was not answered: {answer.text}")
    return max(abs(a - b) for a, b in zip(expected, answer.probabilities, strict=True))


def peak(count: int) -> float:
    """Peak memory, in MiB, of a process that collects `count` answers into a table on disk."""
    child = [sys.executable, str(Path(__file__).with_name("peak_memory.py")), str(count)]
    return float(subprocess.run(child, capture_output=True, text=True, check=True).stdout)


def in_words(result: dict[str, Any]) -> list[str]:
    seconds = result["seconds"]
    lines = [
        f"{name}: {part['prompts']:,} prompts; {part['tokens']:,} tokens, {part['distinct_tokens']:,} of them "
        f"distinct; ours {part['ours']:.1f} s, lm-evaluation-harness {part['theirs']:.1f} s in batches of "
        f"{part['batch_size']}, limit {part['limit']:.1f} s"
        for name, part in seconds.items()
    ]
    keys = ("personas_ratio", "library_ratio", "limit_ratio", "library_limit_ratio", "max_abs_difference", "peak_ratio")
    return [*lines, *(f"{key:20s} {result[key]:.3g}" for key in keys)]


def tell(message: str) -> None:
    click.echo(message, err=True)


if __name__ == "__main__":
    main()
