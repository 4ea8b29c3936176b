"""What is known about people is complete, consistent and cited; a wrong document is told what is wrong."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from recorded import real

from replicator import references, resources
from replicator.errors import SpecError
from replicator.theories import THEORIES

REQUIRED = (
    "hl_safe_byrow", "hl_crra_bin", "hl_safe_meta", "hl_safe_pmf", "hl_low_real", "hl_20x_real", "hl_20x_hyp",
    "hl_bins_low", "hl_bins_20real", "hl_bins_20hyp", "hl_mturk", "crra_andersen08", "crra_hlr07",
    "tom07", "narps_ei", "narps_er", "lambda_brown24", "lambda_walasek24",
    "lambda_tk92", "sh09", "booij10", "frey17_4p",
    "dg_mean", "dg_zero", "dg_half", "dg_all", "dg_moblab", "dg_forsythe",
)  # fmt: skip

Document = dict[str, Any]


@pytest.fixture
def document() -> Document:
    return copy.deepcopy(json.loads(_path("mixed-gambles").read_text(encoding="utf-8")))


def _path(name: str) -> Path:
    return next(path for path in resources.human_files() if path.stem == name)


def _faults(tmp_path: Path, *documents: Document) -> list[tuple[str, str]]:
    """(pointer, the whole line) of every fault."""
    paths = [tmp_path / f"{number}.json" for number in range(len(documents))]
    for path, document in zip(paths, documents, strict=True):
        path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        references.load_documents(paths)
    return [(fault.pointer, str(fault)) for fault in caught.value.faults]


def test_every_reference_of_the_three_experiments_is_there() -> None:
    assert set(REQUIRED) <= set(references.references())


def test_references_name_parameters_that_our_theories_estimate() -> None:
    known = {name for theory in THEORIES.values() for name in theory.parameter_names} | {"p_all"}
    for reference in references.references().values():
        assert reference.parameter is None or reference.parameter in known, reference.id
        assert reference.theory is None or reference.theory in THEORIES, reference.id
        # Numbers of safe choices estimate no parameter, and must never stand beside one.
        assert reference.parameter is not None or reference.estimand in {"other", "choice_shares"}, reference.id


def test_loss_aversion_is_comparable_only_inside_its_range_of_stimuli() -> None:
    tom, same, other = (references.references()[name] for name in ("tom07", "narps_ei", "narps_er"))
    assert tom.stimulus_range == same.stimulus_range == {"gain": [10, 40], "loss": [5, 20]}
    assert other.stimulus_range != tom.stimulus_range
    assert (tom.theory, tom.noise, tom.intercept) == ("loss-aversion", "logit", True)


def test_a_judged_spread_never_passes_for_a_measured_one() -> None:
    known = references.references()
    assert known["hl_crra_bin"].spread_basis == "data"
    assert known["lambda_brown24"].spread_basis == "judgement"
    assert known["lambda_tk92"].spread_basis == "none"
    assert known["tom07"].between_study_basis == "none"
    assert known["tom07"].person_basis == "data"


def test_the_distribution_of_safe_choices_agrees_with_the_shares_by_row() -> None:
    """Row n is safe for whoever makes at least n safe choices: two published summaries of the same people."""
    known = references.references()
    pmf = known["hl_safe_pmf"].distribution
    items = known["hl_safe_byrow"].items
    assert pmf is not None
    assert items is not None
    for row in range(1, 11):
        at_least = math.fsum(share for k, share in pmf["probabilities"].items() if int(k) >= row)
        assert items[f"row-{row}"]["safe"] == pytest.approx(at_least, abs=0.002)


@pytest.mark.parametrize(("name", "mean"), [("low", 5.17), ("20real", 5.96), ("20hyp", 4.95)])
def test_holt_and_laurys_bins_imply_their_means(name: str, mean: float) -> None:
    distribution = references.references()[f"hl_bins_{name}"].distribution
    assert distribution is not None
    safe = [0.75, 2, 3, 4, 5, 6, 7, 8, 9.25]
    shares = list(distribution["probabilities"].values())
    assert math.fsum(k * p for k, p in zip(safe, shares, strict=True)) == pytest.approx(mean, abs=0.03)


def test_every_population_speaks_its_theorys_parameters() -> None:
    for name in ("holt-laury", "mixed-gambles", "dictator"):
        people = references.population(name)
        assert people is not None
        theory = THEORIES[people.theory]
        around = {"sensitivity"} if theory.response == "choice" else {"p_all"}
        assert set(people.parameters) == {p.name for p in theory.parameters} | around
        assert set(people.references) <= set(references.references())
    assert references.population("no-such-experiment") is None


def test_all_faults_of_a_document_are_told_at_once(document: Document, tmp_path: Path) -> None:
    document["references"][0]["status"] = "certain"
    document["references"][1]["citaton"] = document["references"][1].pop("citation")
    document["population"]["lapse"] = 1.5
    faults = _faults(tmp_path, document)
    assert {"/references/0/status", "/references/1/citaton", "/population/lapse"} <= {at for at, _ in faults}
    told = "\n".join(line for _, line in faults)
    assert "0.json#" in told
    assert "citation" in told


def _unbalanced(document: Document) -> None:
    document["references"][0]["items"] = {"g10-l5": {"accept": 0.5, "reject": 0.4}}


def _spread_without_basis(document: Document) -> None:
    document["references"][0]["between_study_sd"] = 0.4


def _empty(document: Document) -> None:
    document["references"][0] |= {"value": None, "distribution": None}


def _unknown_reference(document: Document) -> None:
    document["population"]["references"] = ["tom08"]


def _twice(document: Document) -> None:
    document["references"][1]["id"] = document["references"][0]["id"]


def _no_spread(document: Document) -> None:
    del document["population"]["parameters"]["loss_aversion"]["sigma_log"]


@pytest.mark.parametrize(
    ("spoil", "pointer", "words"),
    [
        (_unbalanced, "/references/0/items/g10-l5", "sum to 0.9"),
        (_spread_without_basis, "/references/0/between_study_basis", '"none" does not fit'),
        (_empty, "/references/0/value", "says nothing"),
        (_unknown_reference, "/population/references/0", 'Did you mean "tom07"'),
        (_twice, "/references/1/id", "stands already"),
        (_no_spread, "/population/parameters/loss_aversion/sigma_log", "missing"),
    ],
)
def test_a_wrong_document_is_told_where_and_what(
    document: Document, tmp_path: Path, spoil: Callable[[Document], None], pointer: str, words: str
) -> None:
    spoil(document)
    faults = _faults(tmp_path, document)
    assert [at for at, _ in faults] == [pointer]
    assert words in faults[0][1]


def test_an_id_may_stand_in_one_document_only(document: Document, tmp_path: Path) -> None:
    other = copy.deepcopy(document)
    other["experiment"] = "other-gambles"
    other["references"] = other["references"][:1]
    faults = _faults(tmp_path, document, other)
    assert [at for at, _ in faults] == ["/references/0/id"]
    assert "0.json#/references/0/id" in faults[0][1]


def test_what_is_no_json_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text('{"schema": 1,', encoding="utf-8")
    with pytest.raises(SpecError, match="JSON"):
        references.load_document(path)
    with pytest.raises(SpecError, match=r"absent\.json"):
        references.load_document(tmp_path / "absent.json")


@pytest.mark.real_data
def test_figures_are_those_of_the_collected_estimates() -> None:
    source = real("human_estimates.json")
    collected = {entry["id"]: entry for entry in json.loads(source.read_text(encoding="utf-8"))}
    for name in REQUIRED:
        reference, entry = references.references()[name], collected[name]
        assert reference.status == entry["verified"], name
        assert reference.n_participants == entry["n_participants"], name
        assert reference.citation["doi"] == entry["citation"]["doi"], name
        if reference.value is not None:
            estimate = entry["estimate"]
            assert reference.value == (estimate["lambda"] if isinstance(estimate, dict) else estimate), name
