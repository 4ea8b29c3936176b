"""`replicator list` and `replicator show`: what there is, and exactly what would be asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from replicator import design, orders, prompt, resources, specification
from replicator.cli.output import JSON, SCHEMA, print_json, print_table, warn
from replicator.cli.personas import PERSONA_STYLE, PERSONAS, chosen
from replicator.errors import UsageError
from replicator.experiment import Experiment, Fit, format_value
from replicator.expression import Expression
from replicator.personas import AskedAs, Personas, crossed
from replicator.response import Response, account_name

if TYPE_CHECKING:
    from replicator.theories import Theory

Row = dict[str, Any]
Cells = tuple[str, ...]


@click.command("list")
@click.argument(
    "what",
    type=click.Choice(["experiments", "theories", "references", "models"]),
    required=False,
    metavar="[experiments|theories|references|models]",
)
@JSON
def list_(what: str | None, as_json: bool) -> None:
    """List what is at hand: experiments, theories, references (human estimates) or models; without a word all four.

    An experiment's questions are those that every model is asked with the default levels; comprehension checks
    come on top.
    """
    found = {name: _LISTS[name][0]() for name in (_LISTS if what is None else [what])}
    if as_json:
        print_json({"schema": SCHEMA, **found})
        return
    for name, rows in found.items():
        if what is None:
            click.echo(f"{name}:")
        cells = [_LISTS[name][1](row) for row in rows]
        print_table([(f"  {first}", *others) for first, *others in cells] if what is None else cells)
        if what is None and name != list(found)[-1]:
            click.echo()


@click.command("show", params=[PERSONAS, PERSONA_STYLE])
@click.argument("experiment")
@JSON
def show(experiment: str, as_json: bool, personas: Path | None = None, persona_style: AskedAs | None = None) -> None:
    """Show the design of EXPERIMENT (a name, or a specification's path) and one exact prompt per wording.

    With --personas the prompts are those of the first one.
    """
    found = specification.find(experiment)
    people = chosen(personas, persona_style)
    warn(specification.cautions(found))
    trials = design.trials(found)
    document = _described(found, trials, people)
    if as_json:
        print_json({"schema": SCHEMA, "experiment": document})
        return
    click.echo(f"{found.name}: {found.title}\n{_citation(found)}\n")
    rows = _design_in_words(found, document, design.size(trials))
    if people is not None:
        rows.append(_personas_in_words(people, design.size(trials)))
    print_table((f"  {name}", words) for name, words in rows)
    for wording, asked in document["prompts"].items():
        click.echo(f"\n--- wording: {wording}")
        _echo_prompt(asked)
    for way, prompts in document["ways"].items():
        wording, asked = next(iter(prompts.items()))
        click.echo(f"\n--- {way}, wording: {wording}")
        _echo_prompt(asked)


def _echo_prompt(asked: Row) -> None:
    if asked["system"]:
        click.echo(f"[system] {asked['system']}\n[user]")
    click.echo(asked["user"])
    if asked.get("thinks"):
        click.echo(
            f"[the model thinks in writing, at most {asked['thinks']:,} tokens; without a place of its own for it,"
        )
        click.echo(f" the answer begins] {asked['begins']}")
    click.echo(f"[the answer begins] {asked['cue']}")
    click.echo(f"[and may go on] {', '.join(_shortened(asked['answers'])) or 'any number'}")


def _experiments() -> list[Row]:
    found = [specification.load(path) for path in resources.experiment_files().values()]
    return [_summary(experiment, design.trials(experiment)) for experiment in found]


def _summary(experiment: Experiment, trials: Sequence[design.Trial]) -> Row:
    size = design.size(trials)
    return {
        "name": experiment.name,
        "title": experiment.title,
        "family": experiment.family,
        "version": experiment.version,
        "response": experiment.response.type,
        "factors": {f.name: {"levels": list(f.levels), "default": list(f.default)} for f in experiment.factors},
        "items": len(experiment.items),
        "wordings": len(experiment.wordings),
        "questions": size.questions,
        "comprehension_checks": size.checks,
        "citation": dict(experiment.citation),
    }


def _theories() -> list[Row]:
    from replicator.theories import THEORIES
    from replicator.theories.humans import speaking_of

    return [
        {
            "name": theory.name,
            "title": theory.title,
            "equation": theory.equation,
            "response": theory.response,
            "answers": list(theory.answers),
            "reads": [*sorted(theory.reads), *theory.variables],
            "noises": list(theory.noises),
            "parameters": [
                {
                    "name": p.name,
                    "symbol": p.symbol,
                    "unit": p.unit,
                    "description": p.description,
                    "scale": p.scale,
                    "neutral": p.neutral,
                    "derived": p not in theory.parameters,
                    "prior": {
                        "mean": p.prior.mean,
                        "sd": p.prior.sd,
                        "scale": p.scale,
                        "person_sd": p.prior.person_sd,
                        "source": p.prior.source,
                    },
                }
                for p in (*theory.parameters, *theory.derived)
            ],
            "derived": [p.name for p in theory.derived],
            "needs": theory.needs,
            "citation": theory.citation,
            "humans": list(speaking_of(theory)),
        }
        for theory in THEORIES.values()
    ]


def _references() -> list[Row]:
    from replicator.references import references

    return [
        {
            "name": reference.id,
            "parameter": reference.parameter,
            "value": reference.value,
            "standard_error": reference.standard_error,
            "estimand": reference.estimand,
            "spread_basis": reference.spread_basis,
            "status": reference.status,
            "citation": dict(reference.citation),
        }
        for reference in references().values()
    ]


def _models() -> list[Row]:
    from replicator import ladder
    from replicator.engines import LADDER, PARTICIPANTS
    from replicator.engines.responders import RESPONDERS
    from replicator.theories import THEORIES

    rows = {
        f"{PARTICIPANTS}human": "simulated people, drawn from published human estimates",
        **{
            f"{PARTICIPANTS}{name}": f"one simulated chooser; --model-args {','.join(_settings(theory))}"
            for name, theory in THEORIES.items()
        },
        **{f"{PARTICIPANTS}{name}": what for name, (_, what) in RESPONDERS.items()},
        **{
            f"{LADDER}{name}": "a tiny model with random weights, made on the spot; it has learnt nothing"
            for name in ladder.RANDOM_WEIGHTS
        },
        "server:URL#NAME": "a model of an OpenAI-compatible server (vLLM, llama.cpp, SGLang, hosted)",
        "PATH": "a folder with a causal language model of transformers",
        "ORG/NAME": "a causal language model of the Hugging Face hub",
    }
    return [{"name": name, "description": what} for name, what in rows.items()]


def _settings(theory: Theory) -> list[str]:
    """What `--model-args` takes: r=...,noise=...,lapse=..."""
    names = [parameter.symbol for parameter in theory.parameters]
    return [f"{name}=..." for name in (*names, *([] if theory.noises == ("none",) else ["noise"]), "lapse")]


def _columns(*names: str) -> Callable[[Row], Cells]:
    return lambda row: tuple(_cell(row[name]) for name in names)


_LISTS: dict[str, tuple[Callable[[], list[Row]], Callable[[Row], Cells]]] = {
    "experiments": (_experiments, lambda row: (row["name"], f"{row['questions']:,} questions", row["title"])),
    "theories": (_theories, _columns("name", "equation")),
    "references": (_references, _columns("name", "parameter", "value", "status", "citation")),
    "models": (_models, _columns("name", "description")),
}
"""What can be listed: its rows, and how one of them is shown."""


def _described(experiment: Experiment, trials: Sequence[design.Trial], personas: Personas | None) -> Row:
    first = None if personas is None else replace(personas, people=personas.people[:1])
    return {
        **_summary(experiment, trials),
        "unit": experiment.unit,
        **({} if experiment.response.type == "choice" else {"answer": _answer(experiment)}),
        "options": [option.name for option in experiment.options],
        "labels": [list(labels) for labels in experiment.presentation.labels],
        "order": experiment.presentation.order,
        "checks": [check.id for check in experiment.checks],
        "analysis": dict(experiment.analysis.document),
        "humans": list(experiment.humans),
        "hash": experiment.hash,
        "personas": None if personas is None else personas.document,
        "design": _crossing(trials),
        "prompts": _prompts(experiment, trials, first),
        "ways": _ways(experiment, trials, first),
    }


def _crossing(trials: Sequence[design.Trial]) -> dict[str, int]:
    """How many of what are crossed, comprehension checks left out."""
    asked = [trial for trial in trials if trial.check is None]
    return {
        "items": len({trial.item for trial in asked}),
        "conditions": len({trial.condition for trial in asked}),
        "wordings": len({trial.wording for trial in asked}),
        "label sets": len({trial.label_set for trial in asked}),
        "orders": len({trial.order for trial in asked}),
        "layouts": len({trial.layout for trial in asked}),
    }


def _prompts(experiment: Experiment, trials: Sequence[design.Trial], personas: Personas | None) -> dict[str, Row]:
    """The first prompt of every wording, as a persona reads it."""
    first: dict[str, design.Trial] = {}
    for trial in trials:
        if trial.check is None:
            first.setdefault(trial.wording, trial)
    if personas is not None:
        first = {trial.wording: trial for trial in crossed(list(first.values()), personas)}
    asked = {wording: prompt.render(experiment, trial) for wording, trial in first.items()}
    return {
        wording: {"system": p.system, "user": p.user, "cue": p.cue, "answers": list(p.answers)}
        for wording, p in asked.items()
    }


def _ways(
    experiment: Experiment, trials: Sequence[design.Trial], personas: Personas | None
) -> dict[str, dict[str, Row]]:
    """Other ways in which the same may be asked, each with its prompts: those of samples are as by default."""
    from replicator.engines.chat import STEPS
    from replicator.engines.reasoned import MAX_TRACE_TOKENS

    shown = experiment.presentation
    ways = {
        f"--layout {layout}": _prompts(experiment, design.trials(experiment, layouts=[layout]), personas)
        for layout in shown.layout[1:]
    }
    ways |= {
        f"--answers {named}": _prompts(experiment, design.trials(experiment, answers=[named]), personas)
        for named in shown.answers[1:]
    }
    if experiment.response.is_open:
        return ways
    with suppress(UsageError):  # too many amounts to be forecast one by one
        stated = _prompts(experiment, design.repeated(trials, 1, "verbalised"), personas)
        for asked in stated.values():
            asked["answers"] = [f"{answer}: NUMBER%" for answer in asked["answers"]]
        ways["--elicitation verbalised"] = stated
    thinks = {"thinks": MAX_TRACE_TOKENS, "begins": STEPS}
    thought = _prompts(experiment, design.repeated(trials, 1, "reasoning"), personas)
    return ways | {"--elicitation reasoning": {wording: p | thinks for wording, p in thought.items()}}


def _design_in_words(experiment: Experiment, document: Row, asked: design.Size) -> list[tuple[str, str]]:
    rows = [
        (f"factor {name}", f"{_listed(factor['levels'])}; by default {_listed(factor['default'])}")
        for name, factor in document["factors"].items()
    ]
    rows.append(("items", str(document["items"])))
    if document["response"] == "choice":
        labels = " or ".join("/".join(labels) for labels in document["labels"])
        order = orders.in_words(len(document["options"])) if document["order"] == "all" else "the order listed"
        rows.append(("options", f"{', '.join(document['options'])}; shown in {order}; labelled {labels}"))
    else:
        rows.append(("answer", document["answer"]))
    rows.append(("wordings", f"{document['wordings']}: {', '.join(document['prompts'])}"))
    rows.append(("checks", ", ".join(document["checks"]) or "none"))
    crossed = " x ".join(f"{n} {_counted(name, n)}" for name, n in document["design"].items())
    rows.append(("design", f"{crossed}; times --repeats where something is written"))
    rows.append(("asked", f"{asked}, with the default levels"))
    rows.append(("planned", "; ".join(_planned(experiment.analysis.fits))))
    rows.append(("people", ", ".join(document["humans"]) or "no reference"))
    return rows


def _personas_in_words(personas: Personas, asked: design.Size) -> tuple[str, str]:
    attributes = personas.document["attributes"]
    told = f" ({', '.join(attributes)})" if attributes else ""
    questions, checks = (each * len(personas.people) for each in (asked.questions, asked.checks))
    words = f"{personas}{told}: {questions:,} questions and {checks:,} comprehension checks"
    return "personas", f"{words} a language model; participants read none"


def _answer(experiment: Experiment) -> str:
    """What is answered in numbers, and how it is presented."""
    response, fixed = experiment.response, experiment.presentation.order == "fixed"
    match response.type:
        case "number":
            ends = [f"{name} {end.text}" for name, end in _ends(response).items() if end is not None]
            told = "; can only be sampled" if response.is_open else ""
            return f"a number in {' '.join([experiment.unit, *ends])}{told}"
        case "threshold":
            return f"the least amount in {experiment.unit} that is accepted; whatever is more is accepted too"
        case "rating":
            shown = "shown in this order" if fixed else "shown in both directions"
            return f"a point of a scale: {', '.join(_points(response))}; {shown}"
        case "allocation":
            names = [account_name(name) for name in response.accounts]
            order = "the order listed" if fixed else orders.in_words(len(names))
            assert response.total is not None
            assert response.step is not None
            divided = f"{response.total.text} in steps of {response.step.text}"
            return f"a division of {divided} among {', '.join(names)}; named in {order}"
        case _:
            return f"an amount in {experiment.unit}"


def _ends(response: Response) -> dict[str, Expression | None]:
    return {"from": response.minimum, "to": response.maximum, "in steps of": response.step}


def _points(response: Response) -> list[str]:
    """ "1 (not at all)"."""
    texts = [format_value(point) for point in response.points]
    return [f"{text} ({response.anchors[text]})" if text in response.anchors else text for text in texts]


def _counted(name: str, n: int) -> str:
    return name.removesuffix("s") if n == 1 else name


def _planned(fits: Sequence[Fit]) -> list[str]:
    said = [f"{fit.parameter} by {fit.theory}{_noise(fit.noise)}" for fit in fits]
    return [f"primary: {said[0]}", *(f"also: {one}" for one in said[1:])] if said else ["no estimate"]


def _noise(name: str) -> str:
    return "" if name == "none" else f" ({name} noise)"


def _citation(experiment: Experiment) -> str:
    citation = experiment.citation
    doi = f" doi:{citation['doi']}" if citation.get("doi") else ""
    return f"{citation['authors']} ({citation['year']}).{doi}"


def _listed(values: list[Any]) -> str:
    return ", ".join(format_value(value) for value in values)


def _shortened(answers: list[str], limit: int = 8) -> list[str]:
    if len(answers) <= limit:
        return answers
    return [*answers[: limit - 2], "...", answers[-1]]


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, Mapping):
        return f"{value.get('authors', '')} {value.get('year', '')}"
    return format_value(value) if isinstance(value, float) else str(value)
