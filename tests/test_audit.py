"""What a design tells is known before anybody is asked, and what it cannot tell is said."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import called
from scipy import special

from replicator import resources, specification, theories
from replicator.experiment import Experiment
from replicator.inference.audit import Answers, audit, cannot_tell, planned
from replicator.inference.jobs import as_asked
from replicator.theories import priors

PERSON = Answers("choices", 1, 1)


def changed(name: str, folder: Path, **parts: Any) -> Experiment:
    document = json.loads(resources.experiment_files()[name].read_text(encoding="utf-8")) | parts
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return specification.load(path)


def test_of_one_person_it_is_the_information_of_a_logit(tmp_path: Path) -> None:
    """One parameter is free where the others are known: then 1/var = 1/prior var + sum of p (1 - p) slope^2."""
    experiment = specification.find("mixed-gambles")
    (found,) = audit(experiment, as_asked(experiment, "loss-aversion", "contextual"), PERSON)
    prior = theories.get("loss-aversion").parameters[0].prior
    gains = np.array([float(item.variables["gain"]) for item in experiment.items])
    losses = np.array([float(item.variables["loss"]) for item in experiment.items])
    sensitivity = np.exp(priors.prior("common", "sensitivity_contextual").mean)
    alpha, beta = (priors.document("common")["parameters"]["lapse"][end] for end in ("alpha", "beta"))
    centre = np.array([prior.mean, np.log(sensitivity), special.digamma(alpha) - special.digamma(beta)])

    def chosen(theta: np.ndarray) -> np.ndarray:
        aversion, lapse = np.exp(theta[0]), special.expit(theta[2])
        value = (0.5 * gains - 0.5 * aversion * losses) / (gains + aversion * losses)
        return np.asarray((1 - lapse) * special.expit(np.exp(theta[1]) * value) + lapse / 2)

    p = chosen(centre)
    slopes = np.stack([(chosen(centre + s) - chosen(centre - s)) / 2e-5 for s in 1e-5 * np.eye(3)], axis=1)
    spread = [prior.sd, priors.prior("common", "sensitivity_contextual").sd,
              np.sqrt(special.polygamma(1, alpha) + special.polygamma(1, beta))]  # fmt: skip
    information = slopes.T @ (slopes / (p * (1 - p))[:, None]) + np.diag(1 / np.array(spread) ** 2)
    expected = np.sqrt(np.linalg.inv(information)[0, 0])
    assert found.sd["loss_aversion"] == pytest.approx(expected, rel=1e-4)
    assert found.centre.ratio["loss_aversion"] == pytest.approx(expected / prior.sd, rel=1e-4)


def test_more_persons_and_more_wordings_tell_more() -> None:
    experiment = specification.find("holt-laury")
    fit = as_asked(experiment, "crra", "contextual")
    for kind in ("choices", "probabilities"):
        ratios = [audit(experiment, fit, Answers(kind, n, 1))[0].centre.ratio["risk_aversion"] for n in (2, 10, 100)]
        assert ratios == sorted(ratios, reverse=True)


def test_a_hundred_times_the_currency_tells_the_same(tmp_path: Path) -> None:
    experiment = specification.find("holt-laury")
    once, twenty = audit(experiment, as_asked(experiment, "crra", "contextual"), planned(experiment))
    assert once.centre.ratio == pytest.approx(twenty.centre.ratio)


def test_guilt_is_not_told_by_offers_that_are_never_more_than_fair() -> None:
    experiment = specification.find("ultimatum-responder")
    (found,) = audit(experiment, as_asked(experiment, "fehr-schmidt", "logit"), planned(experiment))
    said = cannot_tell(found, "guilt")
    assert said is not None
    assert said.startswith("This design cannot tell guilt beta: with exact probabilities in")
    assert said in found.words
    assert cannot_tell(found, "envy") is None


def test_even_chances_do_not_tell_how_probabilities_are_weighted() -> None:
    experiment = specification.find("mixed-gambles")
    (found,) = audit(experiment, as_asked(experiment, "cpt", "contextual"), Answers("choices", 100, 1))
    assert found.centre.ratio["probability_weighting"] > 0.95
    assert found.centre.ratio["loss_aversion"] < 0.3
    best = next(iter(found.items["curvature"]))
    assert best == "gain-40-loss-5"  # where the stakes differ by most
    assert sum(found.items["loss_aversion"].values()) <= 1.0 + 1e-9


def test_who_never_turns_in_the_design_is_named() -> None:
    experiment = specification.find("ultimatum-responder")
    (found,) = audit(experiment, as_asked(experiment, "fehr-schmidt", "logit"), planned(experiment))
    assert any(line.startswith("Somebody whose envy alpha is -2.2") for line in found.words)


def test_the_command_prints_it_and_gives_it_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert called("audit", "mixed-gambles", "--theory", "cpt", "--noise", "contextual", "--subjects", "50") == 0
    printed = capsys.readouterr().out
    assert "50 persons who choose once in every question" in printed
    assert "This design cannot tell probability weighting" in printed
    assert called("audit", "holt-laury", "--wordings", "3", "--json") == 0
    found = json.loads(capsys.readouterr().out)["audits"]
    assert [one["condition"] for one in found] == ["stakes=1", "stakes=20"]
    assert found[0]["answers"] == {
        "kind": "probabilities", "units": 3, "times": 4,
        "words": "exact probabilities in 3 wordings, 4 presentations of each question",
    }  # fmt: skip
    assert [point["shift"] for point in found[0]["points"]] == [0.0, -2.0, -1.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("dictator",), "Name an experiment with choices"),
        (("holt-laury", "--theory", "expected-value"), "Name a theory that has some"),
        (("holt-laury", "--subjects", "5", "--wordings", "5"), "exclude each other"),
        (("mixed-gambles", "--theory", "crra"), "crra"),
    ],
)
def test_what_cannot_be_audited_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    assert called("audit", *arguments) != 0
    told = capsys.readouterr().err
    assert words in told
    assert "Traceback" not in told


def test_a_plan_that_its_design_cannot_answer_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only sure things against sure things: nothing turns on risk aversion."""
    sure = {
        name: {"outcomes": [{"probability": "1", "amount": amount}]}
        for name, amount in (("safe", "2.00 * stakes * p"), ("risky", "3.85 * stakes * p"))
    }
    document = json.loads(resources.experiment_files()["holt-laury"].read_text(encoding="utf-8"))
    document = document | {"options": sure, "checks": [], "items": document["items"][:4]}
    path = tmp_path / "sure.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    assert called("validate", str(path)) == 0
    told = capsys.readouterr()
    assert "This design cannot tell risk aversion r at stakes=1" in told.out + told.err
    assert called("validate", str(resources.experiment_files()["holt-laury"])) == 0
    told = capsys.readouterr()
    assert "cannot tell" not in told.out + told.err


def test_an_audit_compiles_nothing() -> None:
    code = (
        "import sys; from replicator.inference import audit; sys.exit('pymc' in sys.modules or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
