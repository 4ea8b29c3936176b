"""The stages of one run in their order, each from the file that the stage before it wrote.

    collect_choices -> choices.parquet -> refresh: posteriors/, results.json -> write_report: report.html

`replicator run` and a study's runs go through here alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from replicator import runs
from replicator.engines import PARTICIPANTS, check_model, open_engine, population_name
from replicator.errors import ReplicatorError, UsageError
from replicator.experiment import Experiment, Value
from replicator.personas import Personas, crossed
from replicator.runs import Run
from replicator.thresholds import VALID_SHARE

if TYPE_CHECKING:
    import pyarrow as pa

    from replicator.design import Trial
    from replicator.engines.engine import Engine
    from replicator.engines.sampled import Drawn, Sampling
    from replicator.store import AnswerStore


class Watcher(Protocol):
    """Who is told how far things are."""

    def stage(self, name: str) -> None:
        """A stage begins, e.g. "Collecting holt-laury"."""

    def __call__(self, done: int, total: int, what: str) -> None:
        """Within the stage: `done` of `total` questions, fits or the like, of `what` (a population)."""


@dataclass(frozen=True)
class ModelRequest:
    """Who is to answer: a model string with its arguments."""

    model: str
    arguments: Mapping[str, str]

    @property
    def name(self) -> str:
        """The population's name in tables."""
        return population_name(self.model, self.arguments)


@dataclass(frozen=True)
class Request:
    """What a run is asked to do."""

    experiment: Experiment
    models: tuple[ModelRequest, ...]
    levels: Mapping[str, Sequence[Value]] = field(default_factory=dict)
    """Factor -> levels; a factor that is not named has its defaults."""
    seed: int = 0
    limit: int | None = None
    device: str | None = None
    batch_size: int | None = None
    elicitation: str = "probability"
    """Or "sample", "verbalised" or "reasoning": every question is then asked `repeats` times, in writing."""
    repeats: int = 1
    temperature: float = 1.0
    fresh: bool = False
    """Ask everything again, whatever the store holds."""
    layouts: tuple[str, ...] = ()
    """Those that run, of those that the experiment offers; the first of these where none is named."""
    answers: tuple[str, ...] = ()
    """Answer formats, likewise."""
    personas: Personas | None = None
    """Who language models are asked to be; participants read no text, and are asked as without personas."""

    def trials(self, *, reads_text: bool = True) -> tuple[Trial, ...]:
        """Every trial of the run, put to each of its personas where whoever answers reads text.

        Raises UsageError for what the experiment does not offer.
        """
        from replicator import design

        asked = design.trials(
            self.experiment,
            levels=self.levels,
            limit=self.limit,
            seed=self.seed,
            layouts=self.layouts,
            answers=self.answers,
        )
        if self.elicitation != "probability":
            asked = design.repeated(asked, self.repeats, self.elicitation)
        return crossed(asked, self.personas) if self.personas is not None and reads_text else asked

    @property
    def sampling(self) -> Sampling | None:
        """How answers are drawn; None where they are exact probabilities."""
        if self.elicitation == "probability":
            return None
        from replicator.engines.sampled import Sampling

        return Sampling(self.seed, self.temperature, cast("Drawn", self.elicitation))


@dataclass(frozen=True)
class Failure:
    """A population that could not be asked."""

    experiment: str
    population: str
    error: Exception


def collect_choices(request: Request, folder: Path, watcher: Watcher, *, failures: list[Failure] | None = None) -> Run:
    """Ask every model and write `choices.parquet`.

    Names and arguments of all models are checked before the first is asked; models are opened one after the
    other, so that only one is held in memory. With a list of `failures` a model's error is appended there and
    the others go on; without one, or where no model could be asked, it is raised. Answers given until then are
    stored either way, and a folder made for nothing is removed.
    """
    from replicator import choices, design
    from replicator.store import AnswerStore

    whose = "" if request.personas is None else f", put to each of {request.personas}"
    asked = f"{design.size(request.trials(reads_text=False))}{whose}"
    models = checked(request, failures)
    run = runs.create_or_resume(folder, _manifest(request), fresh=request.fresh)
    watcher.stage(f"Collecting {request.experiment.name}: {asked}")
    tables: list[pa.Table] = []
    populations: list[dict[str, Any]] = []
    try:
        with AnswerStore() as store:
            for model in models:
                try:
                    table, population = _ask(request, run, model, store, watcher)
                except Exception as error:
                    if failures is None:
                        raise
                    failures.append(Failure(request.experiment.name, model.name, error))
                else:
                    tables.append(table)
                    populations.append(population)
        if failures and not tables:
            raise failures[-1].error
        table = choices.join(tables)
        choices.write(run.choices, table)
    except Exception:
        _remove_if_empty(run)
        raise
    return runs.finish(run, populations, choices.counts(table))


def taken_up(request: Request, folder: Path) -> Mapping[str, Any]:
    """The manifest of the run that `collect_choices` would take up there; empty where it would be a new one.

    Raises DataError for a place where it would be refused. Nothing is written.
    """
    return runs.taken_up(folder, _manifest(request))


def estimate(
    run: Run, watcher: Watcher, *, named: Sequence[str] = (), noises: Sequence[str] = (), regress: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Estimate every planned parameter of every population; returns the estimates.

    Theories that are `named`, under each of `noises`, are fitted beside the plan, and typical persons' parameters
    regressed on the attributes `regress`; so are those that were beside it before. Raises UsageError where they do not
    go together.
    """
    from replicator import choices
    from replicator.inference.estimate import estimate_run
    from replicator.inference.jobs import fitted_before, regressed_before, unplanned

    experiment = run.experiment()
    more = unplanned(experiment, named, noises)
    more += tuple(fit for fit in fitted_before(run, experiment) if fit not in more)
    choices.read_table(run.choices, ["model"])  # what cannot be read is said before anything begins
    watcher.stage(f"Estimating {run.manifest['experiment']['name']}")
    estimates: list[dict[str, Any]] = estimate_run(
        run,
        seed=int(run.manifest["seed"]),
        more=more,
        regress=tuple(regress) or regressed_before(run),
        progress=watcher,
    )
    runs.record(run, run.estimates, run.choices)
    return estimates


def estimate_together(
    several: Sequence[Run], watcher: Watcher, *, named: Sequence[str], noises: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Estimates of theories that are `named`, under each of `noises`, from the choices of several runs with one set of
    parameters. Raises UsageError where a theory does not go with the answers, DataError where runs do not go together.
    """
    from replicator.inference import joint
    from replicator.inference.jobs import as_asked, named_fits

    experiments = [run.experiment() for run in several]
    twice = next((e.name for e in experiments if [x.name for x in experiments].count(e.name) > 1), None)
    if twice is not None:
        raise UsageError(f"two of the runs are of {twice}.", remedy="Name runs of different experiments.")
    entries: list[dict[str, Any]] = []
    for fit in named_fits(experiments[0], named, noises):
        for experiment in experiments[1:]:
            as_asked(experiment, fit.theory, fit.noise)
        watcher.stage(f"Estimating {fit.theory} from {' and '.join(e.name for e in experiments)}")
        entries += joint.estimate(several, fit, seed=int(several[0].manifest["seed"]))
    return entries


def compare(run: Run, watcher: Watcher) -> dict[str, Any]:
    """Set a run's choices and estimates beside people; returns results.json.

    Estimates first where they are stale.
    """
    from replicator import compare as comparison

    if runs.stale(run, run.estimates, run.choices):
        estimate(run, watcher)
    watcher.stage(f"Comparing {run.manifest['experiment']['name']} with people")
    results = dict(comparison.compare(run))
    runs.record(run, run.results, run.choices, run.estimates)
    return results


def refresh(run: Run, watcher: Watcher) -> dict[str, Any]:
    """results.json, made again from the first stage whose sources have changed."""
    sound = not runs.stale(run, run.estimates, run.choices)
    if not sound or runs.stale(run, run.results, run.choices, run.estimates):
        return compare(run, watcher)
    try:
        results: dict[str, Any] = json.loads(run.results.read_text(encoding="utf-8"))
        results["experiment"], results["populations"], results["estimates"], results["choices"]
    except (ValueError, KeyError, TypeError):
        return compare(run, watcher)  # damaged, and its sources are sound
    return results


def write_report(several: Sequence[Run], out: Path, watcher: Watcher) -> Path:
    """The report of one run or of several side by side, from their results.json (see `refresh`)."""
    from replicator.report.build import build

    watcher.stage("Drawing the report")
    return build(list(several), out)


def failed_gates(results: Mapping[str, Any]) -> list[str]:
    """What a careful reader would stop at, one sentence each: unsound fits, too few valid answers."""
    gates = [
        f"{e['population']}: the fit of {e['parameter']} by {e['theory']} did not pass its diagnostics."
        for e in results["estimates"]
        if e.get("diagnostics") and e["diagnostics"].get("passed") is False
    ]
    gates += [
        f"{p['name']}: only {p['valid_share']:.0%} of the answers are valid."
        for p in results["populations"]
        if p.get("valid_share") is not None and p["valid_share"] < VALID_SHARE
    ]
    return list(dict.fromkeys(gates))


def checked(request: Request, failures: list[Failure] | None = None) -> list[ModelRequest]:
    """The models that can be asked, as far as names and arguments tell; nothing is loaded.

    Raises UsageError for personas that nobody would read, and for answers that have no probabilities. Errors of
    single models go as in `collect_choices`.
    """
    from replicator import design

    _require_readers(request)
    design.require_answers(request.experiment, request.elicitation)
    sound: list[ModelRequest] = []
    for model in request.models:
        try:
            check_model(
                model.model,
                model.arguments,
                experiment=request.experiment,
                device=request.device,
                elicitation=request.elicitation,
            )
        except ReplicatorError as error:
            if failures is None:
                raise
            failures.append(Failure(request.experiment.name, model.name, error))
        else:
            sound.append(model)
    if failures and not sound:
        raise failures[-1].error
    return sound


def opened(request: Request, model: ModelRequest, *, source: str | None = None) -> Engine:
    """The engine of one of the request's models, asked as the request says. Takes and raises what `open_engine`
    does."""
    return open_engine(
        model.model,
        model.arguments,
        experiment=request.experiment,
        device=request.device,
        batch_size=request.batch_size,
        seed=request.seed,
        sampling=request.sampling,
        source=source,
    )


def _require_readers(request: Request) -> None:
    if request.personas is not None and all(model.model.startswith(PARTICIPANTS) for model in request.models):
        raise UsageError(
            "nobody here reads personas: simulated participants answer from numbers alone.",
            where="--personas",
            remedy="Name a language model with --model, or leave the personas out.",
        )


def _manifest(request: Request) -> dict[str, Any]:
    asked = runs.request(
        request.experiment,
        populations=[model.name for model in request.models],
        levels=request.levels,
        seed=request.seed,
        limit=request.limit,
        elicitation=request.elicitation,
        repeats=request.repeats,
        temperature=request.temperature,
        layouts=request.layouts,
        answers=request.answers,
        personas=request.personas,
    )
    return runs.new_manifest(request.experiment, asked, personas=request.personas)


def _ask(
    request: Request, run: Run, model: ModelRequest, store: AnswerStore, watcher: Watcher
) -> tuple[pa.Table, dict[str, Any]]:
    from replicator.collect import collect

    engine = opened(request, model)
    if "asked_by" in engine.facts:
        watcher.stage(f"{model.name}: {engine.facts['asked_by']}")
    runs.meet(run, runs.population(engine))
    since = runs.answers_since(run.manifest)
    trials = request.trials(reads_text=engine.reads_text)
    table = collect(request.experiment, [engine], trials, store, since=since, progress=watcher)
    return table, runs.population(engine)


def _remove_if_empty(run: Run) -> None:
    """A mistyped model must not leave a folder that refuses the corrected command.

    A folder stays that knows more: who has answered, or since when answers count.
    """
    names = [entry.name for entry in run.folder.iterdir()]
    if names == ["manifest.json"] and not run.manifest["populations"] and not run.manifest["fresh"]:
        with suppress(OSError):
            (run.folder / "manifest.json").unlink()
            run.folder.rmdir()
