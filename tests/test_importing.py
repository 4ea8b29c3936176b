"""Recorded choices become a run like any other; what cannot have happened is refused by file and line."""

# The table of remedies reads best with one a line or two.
# ruff: noqa: E501

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from recorded import real

from replicator import choices, runs, specification
from replicator.errors import DataError, MappingError, SpecError
from replicator.exchange.importing import import_choices, import_run, population_name
from replicator.exchange.mapping import read_options
from replicator.experiment import Experiment

GAMBLES = ["subject=who", "stimulus.gain=gain", "stimulus.loss=loss", "value=took"]
HEADER = "who,gain,loss,took,mood\n"


@pytest.fixture(scope="module")
def gambles() -> Experiment:
    return specification.find("mixed-gambles")


@pytest.fixture(scope="module")
def dictator() -> Experiment:
    return specification.find("dictator")


@pytest.fixture(scope="module")
def lotteries() -> Experiment:
    return specification.find("holt-laury")


def load(
    experiment: Experiment,
    folder: Path,
    text: str,
    map: Sequence[str] = GAMBLES,  # noqa: A002 - the option's name
    **options: Any,
) -> pa.Table:
    file = folder / "choices.csv"
    file.write_text(text, encoding="utf-8")
    return import_choices(file, experiment, read_options(map=map, **options))


def test_a_choice_is_certain_and_its_outcomes_are_those_of_the_specification(
    gambles: Experiment, tmp_path: Path
) -> None:
    text = HEADER + "ann,20,8,1,glad\nann,18,12,0.0,\nbob,18.0,12,,glad\n"
    table = load(gambles, tmp_path, text, values=["1=accept,0=reject"])
    choices.check(table)
    listed, unlisted, missing = table.to_pylist()
    assert listed["item"] == next(
        (item.id for item in gambles.items if item.variables == {"gain": 20, "loss": 8}), "gain-20-loss-8"
    )
    assert unlisted["item"] == missing["item"] == "gain-18-loss-12"
    assert [listed["probabilities"], unlisted["probabilities"]] == [[1.0, 0.0], [0.0, 1.0]]
    assert (missing["probabilities"], missing["status"], missing["subject"]) == (None, "missing", "bob")
    assert [o["amount"] for o in unlisted["outcomes"]] == [18.0, -12.0, 0.0]
    assert [o["status_quo"] for o in unlisted["outcomes"]] == [False, False, True]
    for row in (listed, unlisted):
        assert (row["population"], row["model"], row["condition"]) == ("human", "people:choices", "all")
        assert (row["elicitation"], row["wording"], row["labels"], row["order"]) == (
            "recorded",
            "recorded",
            "",
            "",
        )
        assert (row["label_mass"], row["value"], row["text"], row["status"]) == (None, None, None, "valid")


def test_every_listed_item_keeps_its_id(gambles: Experiment, tmp_path: Path) -> None:
    lines = [f"ann,{item.variables['gain']},{item.variables['loss']}.0,accept,\n" for item in gambles.items]
    table = load(gambles, tmp_path, HEADER + "".join(lines))
    assert table["item"].to_pylist() == [item.id for item in gambles.items]


def test_an_amount_is_a_point_on_its_grid(dictator: Experiment, tmp_path: Path) -> None:
    table = load(dictator, tmp_path, "who,gift\nann,0\nann,100.0\nbob,37\nbob,NA\n", ["subject=who", "value=gift"])
    rows = table.to_pylist()
    assert [row["value"] for row in rows] == [0, 100, 37, None]
    assert [row["probabilities"] and int(np.argmax(row["probabilities"])) for row in rows] == [
        0,
        100,
        37,
        None,
    ]
    assert rows[0]["options"] == [str(amount) for amount in range(101)]
    assert len(rows[0]["outcomes"]) == 202
    assert [row["repeat"] for row in rows] == [0, 1, 0, 1]
    assert {row["item"] for row in rows} == {"split"}


def test_a_factor_is_read_where_it_is_mapped_and_else_its_default(lotteries: Experiment, tmp_path: Path) -> None:
    text = "who,p,x,row\nann,0.1,20,safe\nann,.10,1,risky\n"
    mapped = load(lotteries, tmp_path, text, ["subject=who", "stimulus.p=p", "factor.stakes=x", "value=row"])
    assert mapped["condition"].to_pylist() == ["stakes=20", "stakes=1"]
    assert mapped["item"].to_pylist() == ["row-1", "row-1"]
    assert [row[0]["amount"] for row in mapped["outcomes"].to_pylist()] == [40.0, 2.0]
    default = load(lotteries, tmp_path, text, ["subject=who", "stimulus.p=p", "value=row"])
    assert set(default["condition"].to_pylist()) == {f"stakes={lotteries.factors[0].default[0]}"}


def test_an_item_may_be_named_instead_of_its_variables(lotteries: Experiment, tmp_path: Path) -> None:
    table = load(lotteries, tmp_path, "who,row,c\nann,row-3,safe\n", ["subject=who", "item=row", "value=c"])
    assert table["outcomes"].to_pylist()[0][0]["probability_low"] == pytest.approx(0.3)
    with pytest.raises(DataError, match=r"line 2: item 'row-99'.*stimulus\.p=COLUMN"):
        load(lotteries, tmp_path, "who,row,c\nann,row-99,safe\n", ["subject=who", "item=row", "value=c"])


def test_rows_are_chosen_and_columns_derived_by_expressions(dictator: Experiment, tmp_path: Path) -> None:
    text = "who,role,round,kept\nann,first,1,60\nann,first,2,50\nbob,second,1,\ncid,first,1,100\n"
    table = load(
        dictator,
        tmp_path,
        text,
        ["subject=who"],
        derive=["value = 100 - kept"],
        where="role == 'first' and round == 1",
    )
    assert table["subject"].to_pylist() == ["ann", "cid"]
    assert table["value"].to_pylist() == [40.0, 0.0]


def test_repeat_counts_the_same_question_to_the_same_one(gambles: Experiment, tmp_path: Path) -> None:
    text = HEADER + "ann,20,8,1,\nbob,20,8,1,\nann,20,9,1,\nann,20,8,0,\n"
    table = load(gambles, tmp_path, text, values=["1=accept", "0=reject"])
    assert table["repeat"].to_pylist() == [0, 0, 0, 1]
    draws = load(gambles, tmp_path, text, GAMBLES[1:], values=["1=accept,0=reject"], population="model", model="m")
    assert draws["repeat"].to_pylist() == [0, 1, 0, 2]
    assert draws["subject"].to_pylist() == [None] * 4
    assert set(draws["model"].to_pylist()) == {"m"}
    assert set(draws["population"].to_pylist()) == {"model"}


def test_words_that_mean_nothing_are_invalid_answers_until_there_are_too_many(
    gambles: Experiment, tmp_path: Path
) -> None:
    text = HEADER + "ann,20,8,yes,\nann,20,9,no,\nann,20,10,perhaps,\n"
    table = load(gambles, tmp_path, text, values=["yes=accept,no=reject"])
    assert table["status"].to_pylist() == ["valid", "valid", "invalid"]
    assert table["text"].to_pylist() == [None, None, "perhaps"]
    with pytest.raises(DataError, match=r"line 3: 2 of 3 answers mean no option \('no', 'perhaps'\).*--values"):
        load(gambles, tmp_path, text, values=["yes=accept"])


@pytest.mark.parametrize(
    ("answers", "options", "remedy"),
    [
        (["yes", "no", "no"], {}, "with --values no=OPTION,yes=OPTION and so on, where OPTION is accept or reject."),
        (["yes", "no", "no"], {"values": ["yes=accept"]}, "with --values no=OPTION and so on, where OPTION is accept or reject."),
        (["Accept", "REJECT", "x"], {}, "say with --values Accept=accept,REJECT=reject that they are meant."),
        (["1", "0", "x", "y", "z"], {"values": ["1=accept,0=reject"]},
         "Check that the column took is the choice of accept or reject, and leave out with --where the rows that hold none."),
        (["yes", "no", "no"], {"values": ["1=accept,0=reject"]},
         "--values lists '1' and '0', which the column took does not hold: check the words and the column."),
        (["a,b", "c=d"], {}, 'Say in a --mapping file, under "values", which of them mean accept or reject.'),
    ],
)  # fmt: skip
def test_the_remedy_for_words_without_a_meaning_can_be_followed(
    gambles: Experiment, tmp_path: Path, answers: list[str], options: dict[str, Any], remedy: str
) -> None:
    rows = "".join(f'ann,20,{place + 8},"{word}",\n' for place, word in enumerate(answers))
    with pytest.raises(DataError) as refused:
        load(gambles, tmp_path, HEADER + rows, **options)
    assert str(refused.value).endswith(remedy), refused.value


def test_attributes_and_presentation_are_kept_where_they_are_known(gambles: Experiment, tmp_path: Path) -> None:
    text = "who,age,sex,gain,loss,took,shown\nann,31,f,20,8,accept,reject|accept\nbob,,m,20,8,reject,\n"
    table = load(
        gambles,
        tmp_path,
        text,
        [*GAMBLES, "attribute.age=age", "attribute.sex=sex", "order=shown", "wording=sex"],
    )
    assert table["attribute.age"].to_pylist() == [31.0, None]
    assert table["attribute.sex"].to_pylist() == ["f", "m"]
    assert table["order"].to_pylist() == ["reject|accept", ""]
    with pytest.raises(DataError, match=r"line 2: the order 'f'"):
        load(gambles, tmp_path, text, [*GAMBLES, "order=sex"])


def test_a_compressed_file_reads_the_same(gambles: Experiment, tmp_path: Path) -> None:
    text = HEADER + 'ann,20,8,accept,"glad, and\nmore"\nbob,10,5,reject,\n'
    plain = load(gambles, tmp_path, text, model="people")
    packed = tmp_path / "choices.csv.gz"
    packed.write_bytes(gzip.compress(b"\xef\xbb\xbf" + text.encode()))
    mapping = read_options(map=GAMBLES, model="people")
    assert import_choices(packed, gambles, mapping).equals(plain)
    assert population_name(packed, read_options(map=GAMBLES)) == "people:choices"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("ann,20,-8,accept,", "loss is -8, but in this experiment it is never negative"),
        ("ann,-20,8,accept,", "gain is -20"),
        ("ann,much,8,accept,", "gain is 'much', not a number"),
        ("ann,inf,8,accept,", "gain is 'inf', not a number"),
        ("ann,,8,accept,", "gain is empty"),
        (",20,8,accept,", "the subject is empty"),
        ("ann,20,8", "it has 3 fields where the header has 5"),
        ('ann,20,8,"accept"x,', "it is not CSV"),
    ],
)
def test_what_cannot_be_is_refused_by_line(gambles: Experiment, tmp_path: Path, row: str, words: str) -> None:
    with pytest.raises(DataError) as refused:
        load(gambles, tmp_path, f"{HEADER}eve,20,8,accept,\n{row}\n")
    assert str(refused.value).startswith(f"{tmp_path}/choices.csv, line 3: {words}")
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 4


@pytest.mark.parametrize(
    ("gift", "words"),
    [
        ("-1", "not between 0 and 100"),
        ("983", "not between"),
        ("2.5", "not on the steps of 1"),
        ("all", "'all' is not"),
    ],
)
def test_an_amount_off_its_grid_is_refused_unless_left_out(
    dictator: Experiment, tmp_path: Path, gift: str, words: str
) -> None:
    text = f"who,gift\nann,50\nbob,{gift}\ncid,{gift}\n"
    with pytest.raises(DataError, match=rf"line 3: .*{words}.*2 rows") as refused:
        load(dictator, tmp_path, text, ["subject=who", "value=gift"])
    assert "--where" in str(refused.value)
    kept = load(dictator, tmp_path, text, ["subject=who", "value=gift"], where="who == 'ann'")
    assert kept.num_rows == 1


def test_a_probability_that_is_none_is_refused(lotteries: Experiment, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 2: safe has a probability of"):
        load(lotteries, tmp_path, "who,p,c\nann,1.2,safe\n", ["subject=who", "stimulus.p=p", "value=c"])


def test_a_level_that_is_none_is_refused(lotteries: Experiment, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 2: 'high' is no level of stakes \(it has 1, 20, 50, 90\)"):
        load(
            lotteries, tmp_path, "who,p,x,c\nann,.5,high,safe\n",
            ["subject=who", "stimulus.p=p", "factor.stakes=x", "value=c"],
        )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"map": ["value=tok", *GAMBLES[:3]]},
            r"no column 'tok'.*Did you mean 'took'.*who, gain, loss, took, mood",
        ),
        ({"map": GAMBLES[:2] + GAMBLES[3:]}, r"needs loss of every choice.*stimulus\.loss=COLUMN"),
        ({"map": [*GAMBLES, "stimulus.gian=gain"]}, "no stimulus 'gian'.*gain"),
        ({"map": [*GAMBLES, "factor.gain=gain"]}, r"gain is not a factor.*stimulus\.gain"),
        ({"map": GAMBLES, "values": ["1=acept"]}, "no option 'acept'.*accept"),
        ({"map": GAMBLES, "where": "gian > 3"}, "no column 'gian'.*'gain'"),
        ({"map": GAMBLES, "where": "gain + 3"}, "Write a comparison"),
        ({"map": GAMBLES, "where": "mood > 3"}, "--where"),
        ({"map": GAMBLES, "derive": ["attribute.x = gain.real"]}, r"--derive attribute\.x"),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_refused(
    gambles: Experiment, tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(MappingError, match=words) as refused:
        load(gambles, tmp_path, f"{HEADER}ann,20,8,accept,glad\n", **options)
    assert refused.value.exit_code == 3
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"map": ["subject=who"]}, "no column holds the choices"),
        ({"map": ["value"]}, "not of the form TARGET=COLUMN"),
        ({"map": ["value=a", "value=b"]}, "given twice"),
        ({"map": ["value=a"], "derive": ["value=1"]}, "mapped and derived"),
        ({"map": ["valeu=a"]}, "no target 'valeu'.*Did you mean value"),
        ({"map": ["value=a"], "where": "__import__('os')"}, "--where"),
    ],
)
def test_options_that_make_no_mapping_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(MappingError, match=words):
        read_options(**options)


def test_a_mapping_file_says_the_same_and_an_option_wins(tmp_path: Path) -> None:
    file = tmp_path / "mapping.json"
    document = {
        "map": dict(pair.split("=") for pair in GAMBLES), "values": {"1.0": "accept", "0": "reject"},
        "derive": {"stimulus.loss": 8}, "where": "gain > 0", "population": "model", "model": "m",
    }  # fmt: skip
    del document["map"]["stimulus.loss"]  # type: ignore[attr-defined]
    file.write_text(json.dumps(document))
    options = read_options(
        map=[pair for pair in GAMBLES if "loss" not in pair], values=["1=accept,0=reject"],
        derive=["stimulus.loss=8"], where="gain > 0", population="model", model="m",
    )  # fmt: skip
    assert read_options(file=file).document == options.document
    assert read_options(file=file, model="other", map=["value=chose"]).document == {
        **options.document, "model": "other", "map": {**options.document["map"], "value": "chose"},
    }  # fmt: skip


def test_a_wrong_mapping_file_gets_all_its_faults_at_their_places(tmp_path: Path) -> None:
    file = tmp_path / "mapping.json"
    file.write_text(json.dumps({"map": {"valeu": "took", "subject": 3}, "population": "robots", "wher": "x"}))
    with pytest.raises(SpecError) as refused:
        read_options(file=file)
    told = str(refused.value)
    assert refused.value.exit_code == 3
    assert len(refused.value.faults) == 4
    for place in ("#/map/valeu", "#/map/subject", "#/population", "#/wher"):
        assert f"{file}{place}: " in told
    file.write_text("{")
    with pytest.raises(SpecError, match="not JSON"):
        read_options(file=file)


def test_a_file_that_cannot_be_read_is_told_in_a_line(gambles: Experiment, tmp_path: Path) -> None:
    mapping = read_options(map=GAMBLES)
    for name, content, words in (
        ("latin.csv", "who,gain\nJörg,1\n".encode("latin-1"), "UTF-8"),
        ("cut.csv.gz", gzip.compress(b"who,gain\n" * 99)[:-9], "gzip"),
        ("text.csv.gz", b"who,gain\n", "gzip"),
        ("nothing.csv", b"", "it is empty"),
        ("header.csv", HEADER.encode(), "it has no rows"),
        ("twice.csv", b"who,who\n1,2\n", "'who' twice"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=words) as refused:
            import_choices(tmp_path / name, gambles, mapping)
        assert name in str(refused.value)
        assert "\n" not in str(refused.value)
    with pytest.raises(DataError, match=r"absent\.csv"):
        import_choices(tmp_path / "absent.csv", gambles, mapping)


def test_no_row_left_is_an_error(gambles: Experiment, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none of its 1 rows meets --where"):
        load(gambles, tmp_path, f"{HEADER}ann,20,8,accept,\n", where="gain > 99")


def test_an_import_is_a_run_that_resumes_and_refuses_another(gambles: Experiment, tmp_path: Path) -> None:
    file, out = tmp_path / "choices.csv", tmp_path / "run"
    file.write_text(f"{HEADER}ann,20,8,accept,\nbob,20,8,,\n")
    mapping = read_options(map=GAMBLES)
    run = import_run(file, gambles, mapping, out, command=["replicator", "import"])
    assert run.manifest["counts"] == {"valid": 1, "missing": 1}
    assert run.manifest["populations"][0]["name"] == "people:choices"
    assert run.manifest["imported"]["mapping"] == mapping.document
    assert runs.open_run(out).experiment().hash == gambles.hash
    assert import_run(file, gambles, mapping, out).manifest["created"] == run.manifest["created"]
    before = run.choices.read_bytes()
    file.write_text(f"{HEADER}ann,20,8,reject,\n")
    with pytest.raises(DataError, match="another run"):
        import_run(file, gambles, mapping, out)
    assert run.choices.read_bytes() == before


def test_a_file_that_is_refused_leaves_no_folder(gambles: Experiment, tmp_path: Path) -> None:
    (tmp_path / "choices.csv").write_text(f"{HEADER}ann,20,-8,accept,\n")
    with pytest.raises(DataError):
        import_run(tmp_path / "choices.csv", gambles, read_options(map=GAMBLES), tmp_path / "run")
    assert not (tmp_path / "run").exists()


# Real choices


@pytest.mark.real_data
def test_tom_2007(gambles: Experiment, tmp_path: Path) -> None:
    mapping = read_options(
        map=["subject=participant_id", "stimulus.gain=gain", "stimulus.loss=loss", "value=accept"],
        values=["1=accept,0=reject"],
    )
    run = import_run(real("human/tom2007_mixed_gambles/tom2007_choices.csv"), gambles, mapping, tmp_path / "run")
    assert run.manifest["counts"] == {"valid": 3_942, "missing": 154}
    frame = choices.read(run.choices)
    assert len(frame) == 4_096
    assert frame["subject"].nunique() == 16
    # 256 gambles, each once a person.
    assert frame.groupby("subject")["item"].nunique().eq(256).all()
    assert frame["repeat"].eq(0).all()
    assert len(choices.cells(run.choices)) == 256


@pytest.mark.real_data
def test_moblab_dictators(dictator: Experiment, tmp_path: Path) -> None:
    mapping = read_options(
        map=["subject=UserID", "value=move"],
        where="Role == 'first' and Round == 1 and Total == 100 and move >= 0 and move <= 100",
    )
    run = import_run(real("human/moblab/dictator.csv"), dictator, mapping, tmp_path / "run")
    frame = choices.read(run.choices)
    assert len(frame) == 13_232
    assert frame["subject"].nunique() == 10_335
    assert frame["value"].mean() == pytest.approx(25.86, abs=0.005)
    assert set(frame["condition"]) == {"endowment=100"}
    assert run.choices.stat().st_size < 2_000_000


@pytest.mark.real_data
def test_moblab_gifts_above_the_endowment_are_refused(dictator: Experiment) -> None:
    mapping = read_options(map=["subject=UserID", "value=move", "factor.endowment=Total"], where="Role == 'first'")
    with pytest.raises(DataError, match=r"line \d+: the amount \S+ is not between 0 and") as refused:
        import_choices(real("human/moblab/dictator.csv"), dictator, mapping)
    assert refused.value.exit_code == 4


@pytest.mark.real_data
def test_gpt_4_gives_half_in_thirty_of_thirty(dictator: Experiment) -> None:
    mapping = read_options(
        map=["value=value"], where="file == 'dictator_gpt4_2023_04_05-04_34_28_AM.json'", population="model",
        model="gpt-4-0314",
    )  # fmt: skip
    table = import_choices(real("recorded_models/chatgpt_behavioral/mei2024_trials.csv"), dictator, mapping)
    assert table["value"].to_pylist() == [50.0] * 30
    assert table["repeat"].to_pylist() == list(range(30))
    assert table["subject"].null_count == 30
