"""Attributes of persons become columns of a regression, and what cannot be regressed on is said in a line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from replicator.errors import UsageError
from replicator.inference import attributes
from replicator.inference.attributes import Regression

PEOPLE = {
    "ann": {"age": 20.0, "country": "FR", "cohort": 1.0, "alike": "x"},
    "bob": {"age": 40.0, "country": "DE", "cohort": 2.0, "alike": "x"},
    "cid": {"age": 60.0, "country": "FR", "cohort": 2.0, "alike": "x"},
    "dee": {"age": 40.0, "country": "IT", "cohort": 2.0, "alike": "x"},
    "eve": {"age": None, "country": "IT", "cohort": 1.0, "alike": "x"},
}


def rows(people: dict[str, dict[str, Any]] = PEOPLE, answers: int = 2) -> pd.DataFrame:
    """A table of choices in which everybody answers some questions."""
    columns = {f"attribute.{name}": [each[name] for each in people.values()] for name in next(iter(people.values()))}
    frame = pd.DataFrame({"subject": list(people), **columns})
    return pd.concat([frame] * answers, ignore_index=True)


def over(*asked: str, people: dict[str, dict[str, Any]] = PEOPLE) -> Regression:
    kept = attributes.complete(rows(people), asked)
    return attributes.regression(kept, asked, list(dict.fromkeys(kept["subject"])))


def test_a_number_is_standardised_over_the_persons_who_have_it() -> None:
    found = over("age")
    # Over persons, not over answers; eve, whose age is unknown, is not among them.
    sd = np.std([20, 40, 60, 40], ddof=1)
    np.testing.assert_allclose(found.matrix[:, 0], (np.array([20, 40, 60, 40]) - 40) / sd)
    (effect,) = found.effects
    assert (effect.label, effect.unit) == ("age", f"per sd of age ({sd:.3g})")
    assert effect.weights.tolist() == [1.0]
    assert effect.there == "at the mean age (40)"


def test_two_groups_differ_by_one_effect() -> None:
    """The smaller less the larger group, however the columns are coded: fitted values tell it."""
    found = over("C(cohort)")
    (effect,) = found.effects
    assert (effect.label, effect.unit) == ("cohort=1", "1 less 2")
    by_person = found.matrix @ np.array([3.0])
    assert effect.weights @ np.array([3.0]) == pytest.approx(by_person[0] - by_person[1])
    assert effect.start @ np.array([3.0]) == pytest.approx(by_person[1])
    assert (effect.start + effect.step) @ np.array([3.0]) == pytest.approx(by_person[0])


def test_more_groups_deviate_from_their_mean() -> None:
    found = over("country")
    slopes = np.array([0.7, -1.1])
    effects = {effect.label: float(effect.weights @ slopes) for effect in found.effects}
    assert list(effects) == ["country=FR", "country=IT", "country=DE"]
    assert sum(effects.values()) == pytest.approx(0.0)
    values = dict(zip(PEOPLE, found.matrix @ slopes, strict=True))
    assert values["ann"] == pytest.approx(effects["country=FR"])
    assert values["bob"] - values["dee"] == pytest.approx(effects["country=DE"] - effects["country=IT"])
    # Each group has the same prior: the effects' lengths are alike.
    assert np.ptp([np.linalg.norm(effect.weights) for effect in found.effects]) < 1e-12


def test_several_attributes_stand_side_by_side() -> None:
    found = over("age", "country")
    assert found.columns == ("age", "country.1", "country.2")
    assert found.matrix.shape == (4, 3)
    assert [effect.label for effect in found.effects] == ["age", "country=FR", "country=DE", "country=IT"]
    assert all((effect.weights[0] != 0) == (effect.label == "age") for effect in found.effects)
    # A number is a slope, and names groups where that is asked for.
    assert [effect.label for effect in over("cohort").effects] == ["cohort"]


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        (["aeg"], r"--regress: the run has no attribute 'aeg'\. Did you mean 'age'\? It has: age, country"),
        (["C(sex)"], r"no attribute 'sex'"),
        (["age", "C(age)"], "age is named twice"),
    ],
)
def test_an_attribute_that_nobody_has_is_refused(asked: list[str], problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as refused:
        attributes.check(asked, rows().columns)
    assert refused.value.exit_code == 2


def test_a_run_without_attributes_says_how_to_get_some() -> None:
    with pytest.raises(UsageError, match=r"--map attribute\.NAME=COLUMN"):
        attributes.check(["age"], ["subject", "item"])


def test_what_does_not_vary_or_is_not_a_persons_own_cannot_be_regressed_on() -> None:
    nobody = {name: each | {"age": None} for name, each in PEOPLE.items()}
    assert attributes.why_not(rows(nobody), ["age"]) == "nobody's age is known"
    assert attributes.why_not(rows(), ["alike"]) == "alike is x for everybody"
    changing = rows().assign(**{"attribute.age": np.arange(10.0)})
    assert "differs between the answers of one person" in str(attributes.why_not(changing, ["age"]))
    assert "hardly two persons share" in str(attributes.why_not(rows(), ["country"]))
    several = {f"{name}{i}": each for name, each in PEOPLE.items() for i in range(6)}
    assert attributes.why_not(rows(several), ["age", "country"]) is None
    doubled = {name: each | {"months": each["age"] and 12 * each["age"]} for name, each in several.items()}
    assert "say the same of these persons" in str(attributes.why_not(rows(doubled), ["age", "months"]))
