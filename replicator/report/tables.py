"""The report's tables, as rows of text."""

from __future__ import annotations

from collections.abc import Sequence

from replicator.report import terms
from replicator.report.cells import Cell, Table, condition, model, table, together, who
from replicator.report.formats import UNKNOWN, interval_text, number, percent, set_text, signed
from replicator.report.terms import Document
from replicator.thresholds import COMPREHENSION_SHARE, LABEL_MASS, VALID_SHARE, WORDINGS
from replicator.verdicts import unknown


def estimates(results: Document) -> Table | None:
    """Every estimate with what it is an estimate of."""
    rows = [
        (
            Cell(str(e["population"])),
            Cell(terms.parameter_name(e)),
            Cell(condition(e), "quiet"),
            Cell(number(e.get("mean")), "number"),
            Cell(interval_text(e.get("interval")), "number"),
            Cell(terms.estimand_name(e)),
            Cell(model(e)),
            Cell(str(e.get("sampling_unit") or UNKNOWN)),
            Cell(str(e.get("pooling") or UNKNOWN)),
            Cell(_prior(e), "number"),
            Cell(_contraction(e.get("contraction")), "number"),
            Cell("planned" if e.get("primary") else "exploratory", "" if e.get("primary") else "quiet"),
        )
        for e in results.get("estimates") or []
    ]
    columns = (
        "population",
        "parameter",
        "condition",
        "mean",
        "interval",
        "estimand",
        "theory and noise",
        "sampling unit",
        "pooling",
        "prior mean ± sd",
        "contraction",
        "plan",
    )
    notes = (
        "Contraction is the share of the prior's variance that the answers removed: 0% means that the estimate is its "
        "prior, none that the answers left it wider. Exploratory estimates were not in the analysis plan.",
    )
    return table("All estimates", columns, rows, notes)


def theories(results: Document) -> Table | None:
    """How far the choice of theory and noise moves one parameter of one population."""
    groups: dict[tuple[str, ...], list[Document]] = {}
    keys = ("population", "parameter", "estimand", "condition", "pooling", "elicitation")
    for estimate in results.get("estimates") or []:
        # Sensitivity has another unit under every noise.
        if estimate.get("mean") is not None and estimate["parameter"] != "sensitivity":
            groups.setdefault(tuple(str(estimate.get(key)) for key in keys), []).append(estimate)
    rows: list[tuple[Cell, ...]] = []
    shown: list[Document] = []
    for group in groups.values():
        if len({(e["theory"], e.get("noise")) for e in group}) < 2:
            continue
        base = next((e for e in group if e.get("primary")), group[0])
        shown += group
        for e in group:
            moved = UNKNOWN if e is base else signed(e["mean"] - base["mean"])
            rows.append(
                (
                    Cell(who(e)),
                    Cell(terms.estimand_name(e)),
                    Cell(model(e) + (" (starting point)" if e is base else "")),
                    Cell(number(e["mean"]), "number"),
                    Cell(interval_text(e.get("interval")), "number"),
                    Cell(moved, "number"),
                )
            )
    columns = ("estimate", "estimand", "theory and noise", "mean", "interval", "moved by")
    return table("How far the theory moves it", columns, rows, tuple(why_it_moves(shown)))


def why_it_moves(estimates: Sequence[Document]) -> list[str]:
    """Why estimates of one parameter differ between theories, as far as the reason is known."""
    names = {str(e["theory"]) for e in estimates}
    notes = []
    if {"loss-aversion", "loss-aversion-power"} <= names:
        notes.append(
            "Curvature and loss aversion trade off where gains range further than losses: if large "
            "gains are worth less per dollar, reluctance to accept a gamble is explained by that "
            "flattening, and less loss aversion is needed. The same choices therefore give a smaller λ "
            "under power utility than under linear utility. Neither is the true one; compare λ only "
            "between estimates under one theory on one range of stakes."
        )
    if len({(e["theory"], e.get("noise")) for e in estimates}) > len(names):
        notes.append(
            "Noise models differ in where they expect mistakes: contextual noise scales the difference "
            "of utilities by each question's own range, logit noise does not, so questions with large "
            "stakes weigh more in it."
        )
    return notes


def remarks(results: Document) -> list[str]:
    """What the fits themselves have to say, once each."""
    said = [f"{who(e)} ({model(e)}): {text}" for e in results.get("estimates") or [] for text in e.get("words") or []]
    return list(dict.fromkeys(said))


def nearness(results: Document) -> Table | None:
    """How near the shares are to people's: one number a score, over all questions where both are known."""
    scores = {
        "total_variation": "total variation",
        "simbench": "SimBench",
        "earth_movers": "earth mover's distance",
    }
    rows = [
        (
            Cell(str(row["population"])),
            Cell(scores[row["score"]]),
            Cell(number(row.get("value")), "number"),
            Cell(interval_text(row.get("interval")), "number"),
            Cell(number((row.get("baselines") or {}).get("uniform")), "number"),
            Cell(number(row.get("ceiling")), "number"),
            Cell(number(row.get("items")), "number"),
        )
        for row in results.get("fidelity") or []
        if row["score"] in scores and (row.get("value") is not None)
    ]
    columns = (
        "population",
        "score",
        "value",
        "interval",
        "a uniform chooser",
        "a perfect copy",
        "questions",
    )
    notes = (
        "Total variation is half the summed differences of shares (0 is the same shares, 1 none in "
        "common); SimBench sets 100 to people and 0 to choosing uniformly. A perfect copy misses "
        "people's shares only by the chance with which those were measured. Being near on these "
        "questions is not resembling people in general.",
    )
    return table("Distance from people's shares", columns, rows, notes)


def validity(results: Document) -> Table | None:
    """Whether the answers can be believed at all."""
    rows = [
        (
            Cell(str(p["name"])),
            Cell(_asked(results, p), "number"),
            _meter(p.get("valid_share"), VALID_SHARE, _failures(p.get("status_counts") or {})),
            _meter(p.get("label_mass"), LABEL_MASS),
            _checks(p.get("comprehension")),
            Cell(", ".join(_LIMITS.get(limit, limit) for limit in p.get("limits") or []) or "none"),
        )
        for p in results.get("populations") or []
    ]
    columns = ("population", "answers asked for", "valid", "label mass", "checks right", "limits")
    notes: tuple[str, ...] = (
        "A question is an item of the experiment in one condition. It is put in every wording, with every set "
        "of labels and in every order of the options, or to every person, and each time counts as one answer "
        "asked for. Checks are other questions, with one right answer: they are counted apart, and never used "
        "in estimation.",
        "Label mass is the probability that a model puts on the options it was given, before it is "
        f"rescaled to one. There is no verdict below {percent(VALID_SHARE)} valid answers, "
        f"{percent(LABEL_MASS)} label mass, {percent(COMPREHENSION_SHARE)} of the comprehension checks "
        f"answered rightly, or, for a language model, {WORDINGS} wordings.",
    )
    notes += tuple(
        f"{out['population']}: {number(out['answers'])} of {number(out['of'])} valid answers were left "
        f"out ({out['reason']})."
        for out in results.get("excluded") or []
    )
    return table("Validity", columns, rows, notes)


def diagnostics(results: Document) -> Table | None:
    """Whether the sampler can be believed: one line a fit, and more where its parameters differ."""
    groups: dict[tuple[str, ...], list[Document]] = {}
    for e in results.get("estimates") or []:
        d = e.get("diagnostics")
        if not d or d.get("passed") is None:
            continue
        numbers = (
            number(d.get("r_hat"), 4),
            *(number(d.get(key)) for key in ("ess_bulk", "ess_tail", "divergences", "e_bfmi")),
        )
        passed = "passed" if d["passed"] else "failed"
        groups.setdefault((str(e["population"]), model(e), *numbers, passed), []).append(e)
    rows = [
        (
            Cell(population),
            Cell(theory),
            Cell(together(group)),
            *(Cell(text, "number") for text in numbers),
            Cell(passed, "good" if passed == "passed" else "bad"),
        )
        for (population, theory, *numbers, passed), group in groups.items()
    ]
    columns = (
        "population",
        "theory and noise",
        "estimates",
        "R-hat",
        "bulk ESS",
        "tail ESS",
        "divergences",
        "E-BFMI",
        "verdict",
    )
    notes = (
        "R-hat compares chains (1 is agreement), ESS is the effective number of posterior draws, "
        "divergences are places that the sampler could not follow, and a low E-BFMI means that it "
        "explored slowly.",
    )
    return table("Sampler diagnostics", columns, rows, notes)


def unidentified(results: Document) -> Table | None:
    """What could not be estimated, and why; estimates of a population with the same reason in one line."""
    groups: dict[tuple[str, str, str], list[Document]] = {}
    for e in results.get("estimates") or []:
        reasons = unknown(e)
        if reasons:
            bounds = e.get("consistent_set")
            rate = e.get("rationality_rate")
            known = f"{set_text(bounds)} explains the choices" if bounds else "nothing beyond the prior"
            known += f"; {percent(rate)} of its choices follow the theory" if rate is not None else ""
            groups.setdefault((str(e["population"]), terms.join(reasons), known), []).append(e)
    rows = [
        (
            Cell(population),
            Cell(together(group)),
            Cell("; ".join(dict.fromkeys(model(e) for e in group))),
            Cell(reasons),
            Cell(known),
        )
        for (population, reasons, known), group in groups.items()
    ]
    columns = ("population", "estimates", "theory and noise", "why not", "what is known instead")
    return table("Not identified", columns, rows, ())


_LIMITS = {
    "wording-limited": f"fewer than {WORDINGS} wordings",
    "low-label-mass": "low label mass",
    "low-valid-share": "few valid answers",
    "answers-excluded": "some answers excluded",
    "comprehension-failed": "fails the checks",
    "no-variation": "no variation",
    "random-weights": "random weights",
    "recorded": "recorded elsewhere",
    "forecast": "a forecast of people",
}


def _prior(estimate: Document) -> str:
    if estimate.get("prior_mean") is None or estimate.get("prior_sd") is None:
        return "none"
    return f"{number(estimate['prior_mean'])} ± {number(estimate['prior_sd'])}"


def _contraction(value: float | None) -> str:
    if value is None:
        return UNKNOWN
    return percent(value) if value >= 0.0 else "none"


def _asked(results: Document, population: Document) -> str:
    """ "800 on 20 questions"; people known by published shares alone were not asked here."""
    asked = population.get("questions")
    if asked is None:
        return UNKNOWN
    name = population["name"]
    rows = [*(results.get("choices") or []), *(results.get("means") or [])]
    cells = {(row["condition"], row["item"]) for row in rows if row["population"] == name}
    return f"{number(asked)} on {terms.questions_of(len(cells))}" if cells else number(asked)


def _meter(value: float | None, least: float, remark: str = "") -> Cell:
    if value is None:
        return Cell("does not apply", "quiet")
    return Cell(percent(value) + remark, "good" if value >= least else "bad", value)


def _checks(comprehension: Document | None) -> Cell:
    if not comprehension or not comprehension.get("asked"):
        return Cell("none asked", "quiet")
    share = comprehension.get("correct_share")
    answers = comprehension["asked"]
    return Cell(f"{percent(share)} of {number(answers)} answer{'' if answers == 1 else 's'}", "", share)


def _failures(counts: Document) -> str:
    """What became of the answers that are not valid: " (12 refusal, 3 missing)"."""
    failed = [f"{number(n)} {status}" for status, n in counts.items() if n and status != "valid"]
    return f" ({', '.join(failed)})" if failed else ""
