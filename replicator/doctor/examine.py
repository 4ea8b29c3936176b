"""A model is examined: how it is asked, what it answers to a real experiment's questions, and whether that holds.

    tokenizer alone -> the probe's answers -> asked again one at a time -> sampled -> another model's answers

A model that cannot be asked properly is not asked at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from replicator import design, specification
from replicator.doctor import answered, bias, equality, form, probe, samples, understood, wordings
from replicator.doctor.examination import Examination
from replicator.doctor.finding import Finding, Verdict, unlooked, worst
from replicator.doctor.form import Form
from replicator.doctor.probe import Asked
from replicator.engines import PARTICIPANTS, SERVER, check_model, checkpoint_source, open_engine
from replicator.engines.engine import Engine, Writer
from replicator.engines.sampled import SampledEngine, SampledText, Sampling
from replicator.errors import UsageError
from replicator.experiment import Experiment
from replicator.pipeline import ModelRequest, Watcher


@dataclass(frozen=True)
class Evidence:
    """What the pictures and the page show beside the findings."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    text: str | None = None
    """The first question exactly as the model reads it."""
    asked: tuple[Asked, ...] = ()
    masses: tuple[answered.Mass, ...] = ()
    placed: tuple[bias.Placed, ...] = ()
    put: tuple[wordings.Put, ...] = ()
    understood: tuple[understood.Understood, ...] = ()
    sampled: tuple[samples.Sampled, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """What was found of one model."""

    model: str
    groups: Mapping[str, tuple[Finding, ...]]
    """Title -> findings, in the order in which one needs the other."""
    evidence: Evidence

    @property
    def findings(self) -> list[Finding]:
        return [finding for group in self.groups.values() for finding in group]

    @property
    def verdict(self) -> Verdict:
        return worst(finding.verdict for finding in self.findings)


MACHINE, ASKED, ANSWERS, HOLDS = (
    "This machine",
    "How it is asked",
    "What it answers",
    "Whether the numbers hold",
)

_READS_NOTHING = "it reads no text: it answers from the outcomes of every question"
_ELSEWHERE = "the model is asked through a server: what becomes of a prompt there is not looked at"


def examine(wanted: Examination, watcher: Watcher) -> Diagnosis:
    """Raises what `open_engine` raises for a model that cannot be opened or an argument that cannot be meant."""
    experiments = [specification.find(name) for name in wanted.experiments or probe.DEFAULT]
    for experiment in experiments:
        design.require_answers(experiment, "probability")
    experiments = _answerable(experiments, wanted)
    if wanted.against is not None:
        for experiment in experiments:
            check_model(wanted.against.model, wanted.against.arguments, experiment=experiment, device=wanted.device)
    written = _form(wanted.model, experiments)
    if not written.askable:
        why = "not looked at: the model cannot be asked"
        later = (unlooked("answers", why), unlooked("label mass", why), unlooked(samples.AGREEMENT, why))
        return Diagnosis(wanted.model.name, {ASKED: written.findings, ANSWERS: later}, Evidence(text=written.text))
    groups, evidence = _asked(wanted, experiments, written, watcher)
    if wanted.against is not None:
        groups[HOLDS] += (_against(wanted, wanted.against, experiments, evidence, watcher),)
    return Diagnosis(wanted.model.name, groups, evidence)


def _answerable(experiments: list[Experiment], wanted: Examination) -> list[Experiment]:
    """Those that the model can be asked; all of them where the user named them.

    Simulated choosers speak about some experiments only.
    """
    model = wanted.model
    kept: list[Experiment] = []
    problem: UsageError | None = None
    for experiment in experiments:
        try:
            check_model(model.model, model.arguments, experiment=experiment, device=wanted.device)
        except UsageError as error:
            if wanted.experiments or not model.model.startswith(PARTICIPANTS):
                raise
            problem = problem or error
        else:
            kept.append(experiment)
    if not kept and problem is not None:
        raise problem
    return kept


def _form(model: ModelRequest, experiments: Sequence[Experiment]) -> Form:
    if model.model.startswith(PARTICIPANTS):
        return form.unseen(_READS_NOTHING)
    if model.model.startswith(SERVER):
        return form.unseen(_ELSEWHERE)
    from replicator.engines import checkpoint

    source, revision = checkpoint_source(model.model), model.arguments.get("revision")
    checkpoint.open_config(source, revision)
    tokenizer = checkpoint.open_tokenizer(source, revision)
    questions = [question for experiment in experiments for question in probe.questions(experiment)]
    return form.examine(tokenizer, model.arguments.get("prompt_format"), questions)


def _asked(
    wanted: Examination, experiments: Sequence[Experiment], written: Form, watcher: Watcher
) -> tuple[dict[str, tuple[Finding, ...]], Evidence]:
    """Everything that needs the model itself, which is let go at the end."""
    watcher.stage(f"Opening {wanted.model.name}")
    engines = _engines(wanted.model, experiments, wanted)
    facts = engines[0].facts
    asked = [_probe(experiment, engine, watcher) for experiment, engine in zip(experiments, engines, strict=True)]
    evidence = Evidence(
        facts=facts,
        text=written.text,
        asked=tuple(asked),
        masses=tuple(mass for one in asked for mass in answered.masses(one)),
        placed=tuple(place for one in asked for place in bias.placed(one)),
        put=tuple(put for one in asked for put in wordings.put(one)),
        understood=tuple(check for one in asked for check in understood.understood(one)),
        sampled=tuple(
            sample for one, engine in zip(asked, engines, strict=True) for sample in _sampled(one, engine, watcher)
        ),
    )
    if engines[0].reads_text:
        watcher.stage("Asking some of it again, one at a time")
        equal = equality.batches(engines[0], asked, lambda done, total: watcher(done, total, "one at a time"))
    else:
        equal = unlooked(equality.BATCH, _READS_NOTHING)
    groups = {
        ASKED: (_model(facts), *written.findings),
        ANSWERS: tuple(finding for one in asked for finding in _of_answers(one, evidence)),
        HOLDS: (equal, samples.agreement(evidence.sampled), samples.readable(evidence.sampled)),
    }
    return groups, evidence


def _engines(model: ModelRequest, experiments: Sequence[Experiment], wanted: Examination) -> list[Engine]:
    """One an experiment; a model that reads text is loaded once for all."""
    opened: list[Engine] = []
    for experiment in experiments:
        if opened and opened[0].reads_text:
            opened.append(opened[0])
        else:
            opened.append(
                open_engine(
                    model.model,
                    model.arguments,
                    experiment=experiment,
                    device=wanted.device,
                    batch_size=wanted.batch_size,
                )
            )
    return opened


def _probe(experiment: Experiment, engine: Engine, watcher: Watcher) -> Asked:
    watcher.stage(f"Asking {engine.name}: {experiment.name}")
    return probe.ask(experiment, engine, lambda done, total, _: watcher(done, total, experiment.name))


def _sampled(asked: Asked, engine: Engine, watcher: Watcher) -> list[samples.Sampled]:
    """Through the same engine, as `open_engine` would wrap it."""
    watcher.stage(f"Drawing samples: {asked.name}")
    drawn = SampledText(engine, Sampling()) if _writes(engine) else SampledEngine(engine, Sampling())
    return samples.draw(drawn, asked, lambda done, total: watcher(done, total, f"samples, {asked.name}"))


def _writes(engine: Engine) -> TypeGuard[Writer]:
    return hasattr(engine, "write")


def _against(
    wanted: Examination,
    other: ModelRequest,
    experiments: Sequence[Experiment],
    evidence: Evidence,
    watcher: Watcher,
) -> Finding:
    watcher.stage(f"Opening {other.name}")
    engines = _engines(other, experiments, wanted)
    asked = [_probe(experiment, engine, watcher) for experiment, engine in zip(experiments, engines, strict=True)]
    return equality.models(evidence.asked, asked, evidence.facts, engines[0].facts, other.name)


def _model(facts: Mapping[str, Any]) -> Finding:
    parameters = facts.get("parameters")
    parts = [
        str(facts.get("description") or "a model").rstrip("."),
        f"{parameters:,} parameters" if parameters else "",
        f"{facts['dtype']} on {facts.get('device')}" if facts.get("dtype") else "",
    ]
    meaning = "Its answers mean nothing; they show that a run works." if facts.get("random_weights") else ""
    return Finding("model", "sound", "; ".join(filter(None, parts)), meaning, numbers={"parameters": parameters})


def _of_answers(one: Asked, evidence: Evidence) -> list[Finding]:
    return [
        answered.numbers(one),
        answered.label_mass(one, probe.about(one, evidence.masses)),
        understood.comprehension(one, probe.about(one, evidence.understood)),
        bias.position(one, probe.about(one, evidence.placed)),
        bias.labels(one, probe.about(one, evidence.placed)),
        wordings.sensitivity(one, probe.about(one, evidence.put)),
    ]
