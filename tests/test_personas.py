"""Personas: what a file of people makes a model read, what is refused, and what becomes of a run."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from command_line import called, one_line
from small_experiments import lotteries
from test_collect import Clerk
from watchers import Silent

from replicator import choices, compare, design, personas, pipeline, prompt, specification, study
from replicator.engines import chat, checkpoint
from replicator.engines.engine import Question
from replicator.engines.sampled import SampledEngine, Sampling
from replicator.errors import DataError, SpecError, UsageError
from replicator.rehearsal import rehearse
from replicator.report.provenance import examples
from replicator.report.sources import read, sections
from replicator.runs import Run

CSV = 'subject,age,country,marital_status\np1,34,Brazil,married\np2,71,"Kenya, Nairobi",\n'


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLICATOR_CACHE_DIR", str(tmp_path / "cache"))


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_attributes_become_a_plain_list_under_one_line(tmp_path: Path) -> None:
    """What is not known of somebody is not said, and the file's own spelling of a number is kept."""
    first, second = personas.load(written(tmp_path, "people.csv", CSV)).people
    assert first.text == (
        "You are an individual with these characteristics:\nage: 34\ncountry: Brazil\nmarital status: married"
    )
    assert second.text.split("\n")[1:] == ["age: 71", "country: Kenya, Nairobi"]
    assert [first.subject, second.subject] == ["p1", "p2"]
    assert first.attributes == {"age": 34.0, "country": "Brazil", "marital_status": "married"}
    assert second.attributes["marital_status"] is None


def test_a_group_differs_from_a_person_in_nothing_but_the_number(tmp_path: Path) -> None:
    """The line above it is SimBench's."""
    path = written(tmp_path, "people.csv", CSV)
    person, group = (personas.load(path, style).people[0].text.split("\n") for style in personas.STYLES)
    assert group[0] == "You are a group of individuals with these shared characteristics:"
    assert group[1:] == person[1:]
    told = written(tmp_path, "people.txt", "You are from Kenya.")
    assert personas.load(told, "group").people[0].text == f"{group[0]}\nYou are from Kenya."
    assert personas.load(told, "person").people[0].text == "You are from Kenya."


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.csv", "id,persona,age\na,Ada counts.,36\nb,Bo sings.,9\n"),
        ("p.csv", "\ufeffID, Persona ,age\r\n\r\na,Ada counts.,36\r\nb,Bo sings.,9"),
        (
            "p.jsonl",
            '{"id": "a", "persona": "Ada counts.", "age": 36}\n\n{"age": 9, "id": "b", "persona": "Bo sings."}',
        ),
    ],
)
def test_a_persona_told_in_words_is_read_as_it_stands(tmp_path: Path, name: str, content: str) -> None:
    people = personas.load(written(tmp_path, name, content)).people
    assert [(p.subject, p.text, p.attributes) for p in people] == [
        ("a", "Ada counts.", {"age": 36}),
        ("b", "Bo sings.", {"age": 9}),
    ]


def test_a_text_holds_one_persona_a_line_and_they_are_numbered(tmp_path: Path) -> None:
    people = personas.load(written(tmp_path, "p.txt", "You are Ada.\n\n  You are Bo.  \n")).people
    assert [(p.subject, p.text) for p in people] == [("1", "You are Ada."), ("2", "You are Bo.")]


def test_only_what_is_a_number_everywhere_becomes_one(tmp_path: Path) -> None:
    """A post code that begins with 0 is no number, nor is a word that Python could read as one."""
    people = personas.load(written(tmp_path, "p.csv", "age,code,odd,gap\n34,01234,1,2.5\n71,99999,nan,\n")).people
    assert people[0].attributes == {"age": 34.0, "code": "01234", "odd": "1", "gap": 2.5}
    assert people[1].attributes == {"age": 71.0, "code": "99999", "odd": "nan", "gap": None}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("p.csv", "", "p.csv: it holds no personas"),
        ("p.csv", "subject,age\n", "p.csv: it holds no personas"),
        ("p.csv", "subject,age\na,1\na,2\n", 'line 3: the subject "a" stands in line 2 already'),
        ("p.csv", "subject,age\n,1\n", "line 2: subject is empty"),
        ("p.csv", "subject,age\na,1,2\n", "line 2: it has 3 fields where the header names 2"),
        ("p.csv", "subject,age\na,\n", "line 2: nothing is said of this persona"),
        ("p.csv", 'subject,age\na,"1\n', "it is not CSV"),
        ("p.csv", "subject;age\na;1\n", "line 1: its columns are not separated by commas"),
        ("p.csv", "age,age\n1,2\n", 'line 1: it has "age" twice'),
        ("p.csv", "id,Subject,age\na,b,2\n", 'line 1: it has both "subject" and "id"'),
        ("p.csv", "id,asked_as\na,group\n", 'line 1: no attribute may be called "asked_as"'),
        ("p.csv", ",age\na,2\n", "line 1: a column's name is empty"),
        ("p.csv", b"age\n\xff\n", "line 2: it is not UTF-8 text"),
        ("p.csv", "age\n1\n2\x00\n", "line 3: there is a character that is no text (U+0000)"),
        ("p.txt", "Ada\n\x1b[2J\n", "line 2: there is a character that is no text (U+001B)"),
        ("p.txt", "Ada\n" + "x" * 20_001, "line 2: this persona has 20,001 characters"),
        ("p.jsonl", '{"age": 1}\n{"age": \n', "line 2: it is not JSON"),
        ("p.jsonl", "[1, 2]", "line 1: it is no JSON object"),
        ("p.jsonl", '{"age": [1]}', '"age" is neither text nor a number'),
        ("p.jsonl", '{"age": NaN}', '"age" is neither text nor a number'),
        ("p.jsonl", '{"age": 1' + "0" * 400 + "}", '"age" is neither text nor a number'),
        ("p.jsonl", '{"a": "\\u0000"}', '"a" holds a character that is no text'),
        ("p.jsonl", '{"a": "\\ud800"}', '"a" holds a character that is no text'),
        ("p.jsonl", "{}", "line 1: nothing is said of this persona"),
        ("p.xlsx", "PK", "personas are not read from a file ending in .xlsx"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_one_line(
    tmp_path: Path, name: str, content: str | bytes, said: str
) -> None:
    path = written(tmp_path, name, content)
    with pytest.raises(DataError) as caught:
        personas.load(path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 4


def test_every_persona_is_put_every_question_and_check(tmp_path: Path) -> None:
    experiment = lotteries()
    asked = design.trials(experiment)
    people = personas.load(written(tmp_path, "people.csv", CSV))
    crossed = personas.crossed(asked, people)
    assert len(crossed) == 2 * len(asked)
    assert design.size(crossed).checks == 2 * design.size(asked).checks
    for persona in people.people:
        own = [trial for trial in crossed if trial.subject == persona.subject]
        assert [replace(t, subject=None, persona=None, attributes={}) for t in own] == list(asked)
        assert {prompt.render(experiment, trial).system for trial in own} == {persona.text}
    assert [prompt.render(experiment, t).user for t in crossed[: len(asked)]] == [
        prompt.render(experiment, t).user for t in asked
    ]


def test_a_persona_is_never_a_template(tmp_path: Path) -> None:
    experiment = lotteries()
    people = personas.load(written(tmp_path, "p.txt", "{{ options }} {% if %} {0} %s"))
    put = prompt.render(experiment, personas.crossed(design.trials(experiment), people)[0])
    assert put.system == "{{ options }} {% if %} {0} %s"


def test_a_persona_cannot_end_its_turn(tmp_path: Path, llama_checkpoint: Path) -> None:
    """A special token written out would be read as one."""
    tokenizer = checkpoint.open_tokenizer(str(llama_checkpoint), None)
    question = prompt.Prompt("You are Ada.", "A or B?", "Answer:", ("A", "B"))
    assert "You are Ada." in chat.context_text(tokenizer, question, "chat")
    for token in tokenizer.all_special_tokens:
        with pytest.raises(DataError, match="special token"):
            chat.context_text(tokenizer, replace(question, system=f"You are Ada.{token}"), "chat")
        with pytest.raises(DataError, match="special token"):
            chat.context_text(tokenizer, replace(question, system=None, user=f"{token} A or B?"), "plain")


def test_two_personas_in_the_same_words_answer_each_for_themselves_when_answers_are_drawn(tmp_path: Path) -> None:
    experiment = lotteries()
    people = personas.load(written(tmp_path, "p.txt", "You are Ada.\nYou are Ada."))
    first, second = personas.crossed(design.repeated(design.trials(experiment, limit=1)[:1], 1), people)
    engine = SampledEngine(Clerk(), Sampling())
    questions = [Question(trial, prompt.render(experiment, trial)) for trial in (first, second)]
    assert engine.seed(questions[0]) != engine.seed(questions[1])


# Runs


@pytest.fixture
def people(tmp_path: Path) -> Path:
    rows = ['a,34,"<script>alert(1)</script>"', "b,71,Japan", "c,22,Kenya"]
    return written(tmp_path, "people.csv", "\n".join(["subject,age,country", *rows]))


def request(people: Path, *models: str, style: personas.AskedAs = "person") -> pipeline.Request:
    return pipeline.Request(
        specification.find("mixed-gambles"),
        tuple(pipeline.ModelRequest(model, {}) for model in models),
        limit=2,
        personas=personas.load(people, style),
    )


@pytest.fixture
def run(tmp_path: Path, people: Path, gpt2_checkpoint: Path) -> Run:
    asked = request(people, str(gpt2_checkpoint), "participants:human")
    return pipeline.collect_choices(asked, tmp_path / "run", Silent())


def test_rows_say_who_was_asked(run: Run, gpt2_checkpoint: Path) -> None:
    table = pq.read_table(run.choices).to_pandas()
    model = table[table["model"] == str(gpt2_checkpoint)]
    bare = table[table["model"] == "participants:human"]
    assert set(model["subject"]) == {"a", "b", "c"}
    assert model.groupby("subject").size().nunique() == 1
    assert dict(zip(model["subject"], model["attribute.age"], strict=True)) == {"a": 34.0, "b": 71.0, "c": 22.0}
    assert set(model["attribute.asked_as"]) == {"person"}
    # Another system text is another question.
    assert model["request_hash"].nunique() == len(model)
    # Who reads no text is asked once, as nobody in particular.
    assert bare["subject"].isna().all()
    assert len(model[model["condition"] != "comprehension"]) == 3 * len(bare[bare["condition"] != "comprehension"])


def test_the_manifest_says_whose_file_it_was_and_another_is_another_run(
    run: Run, tmp_path: Path, people: Path, gpt2_checkpoint: Path
) -> None:
    told = run.manifest["personas"]
    assert {"file", "sha256", "asked_as", "number", "distinct_texts", "attributes"} <= told.keys()
    assert (told["file"], told["number"], told["attributes"]) == ("people.csv", 3, ["age", "country"])
    models = (str(gpt2_checkpoint), "participants:human")
    other = written(tmp_path, "others.csv", "subject,age\na,34\n")
    with pytest.raises(DataError, match=r"3 persons of people\.csv .*, not 1 persons of others\.csv"):
        pipeline.collect_choices(request(other, *models), run.folder, Silent())
    with pytest.raises(DataError, match=r"not 3 groups of people\.csv"):
        pipeline.collect_choices(request(people, *models, style="group"), run.folder, Silent())
    with pytest.raises(DataError, match="not none"):
        pipeline.collect_choices(replace(request(people, *models), personas=None), run.folder, Silent())
    same = written(tmp_path, "renamed.csv", people.read_bytes())
    assert pipeline.collect_choices(request(same, *models), run.folder, Silent()).choices.exists()


def test_personas_are_asked_in_every_way_that_a_run_asks(people: Path) -> None:
    """Crossed with repeats, layouts and formats; a forecast is one of people like the persona."""
    asked = request(people, "participants:human")
    names = replace(asked, answers=("labels", "names"), elicitation="verbalised", repeats=2)
    bare, each = names.trials(reads_text=False), names.trials()
    assert len(each) == 3 * len(bare)
    assert len({trial.condition for trial in each}) == 2 * len(
        {trial.condition for trial in asked.trials()} - {"comprehension"}
    )
    assert {(trial.subject, trial.repeat) for trial in each} == {(who, draw) for who in "abc" for draw in (0, 1)}
    assert {trial.subject for trial in bare} == {None}
    told = prompt.render(names.experiment, each[0])
    assert told.system == names.personas.people[0].text
    assert "Of 100 people like those described who are asked it" in told.user
    listed = specification.find("holt-laury")
    of_list = replace(asked, experiment=listed, layouts=("list",), elicitation="reasoning").trials()
    assert {prompt.render(listed, trial).system for trial in of_list} == {p.text for p in names.personas.people}


def test_personas_that_nobody_reads_are_refused(tmp_path: Path, people: Path) -> None:
    for ask in (lambda r: pipeline.collect_choices(r, tmp_path / "none", Silent()), rehearse):
        with pytest.raises(UsageError, match="nobody here reads personas"):
            ask(request(people, "participants:human", "participants:uniform"))
    assert not (tmp_path / "none").exists()


def test_a_dry_run_counts_them(people: Path, gpt2_checkpoint: Path) -> None:
    reader, bare = rehearse(request(people, str(gpt2_checkpoint), "participants:uniform"))
    assert reader.questions == 3 * bare.questions
    assert reader.prompt_tokens


def test_show_puts_the_first_persona_before_the_question(people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("show", "mixed-gambles", "--personas", people, "--persona-style", "group", "--json") == 0
    shown = json.loads(capsys.readouterr().out)["experiment"]
    assert shown["personas"]["number"] == 3
    assert {p["system"] for p in shown["prompts"].values()} == {shown["personas"]["example"]}
    assert called("show", "mixed-gambles", "--personas", people) == 0
    printed = capsys.readouterr().out
    assert "3 persons of people.csv (age, country): 4,320 questions" in printed
    ways = [way.split("\n")[1] for way in printed.split("\n--- ")[1:]]
    assert ways == ["[system] You are an individual with these characteristics:"] * len(ways)
    assert "100 people like those described" in printed


def test_thousands_of_personas_are_counted_without_their_questions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = written(tmp_path, "many.txt", "\n".join(f"You are number {n}." for n in range(10_000)))
    begun = time.perf_counter()
    assert called("show", "mixed-gambles", "--personas", many) == 0
    assert time.perf_counter() - begun < 20
    assert "10,000 persons of many.txt: 14,400,000 questions" in capsys.readouterr().out


def test_a_report_shows_every_runs_prompts_as_they_were_put(run: Run, tmp_path: Path, gpt2_checkpoint: Path) -> None:
    bare = replace(request(tmp_path / "people.csv", str(gpt2_checkpoint)), personas=None)
    other = pipeline.collect_choices(bare, tmp_path / "bare", Silent())
    for each in (run, other):
        frame = choices.read(each.choices)
        lists = choices.read(each.choices, ["options", "probabilities"])
        whole = frame.assign(options=lists["options"], probabilities=lists["probabilities"])
        each.results.write_text(json.dumps(compare.assemble(each.experiment(), whole, [])))
    (section,) = sections([read(run.folder), read(other.folder)])
    shown = examples(run.experiment(), section)
    wordings = list(run.experiment().wordings)
    assert [example.wording for example in shown] == [
        *(f"{wording}, the first of people.csv" for wording in wordings), *wordings
    ]  # fmt: skip
    assert {example.system for example in shown[: len(wordings)]} == {run.manifest["personas"]["example"]}
    assert {example.system for example in shown[len(wordings) :]} == {""}


def test_mistakes_on_the_command_line(tmp_path: Path, people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called("show", "dictator", "--persona-style", "group") == 2
    assert "--persona-style needs --personas" in one_line(capsys)
    assert called("run", "dictator", "--personas", tmp_path / "none.csv") == 4
    assert "there is no such file" in one_line(capsys)
    assert called("run", "dictator", "--personas", people, "--out", tmp_path / "out") == 2
    assert "nobody here reads personas" in one_line(capsys)


def test_a_study_brings_its_personas_along(tmp_path: Path, people: Path) -> None:
    def load(**settings: str) -> study.Study:
        document = {"name": "s", "experiments": ["dictator"], "models": ["participants:human"], "settings": settings}
        return study.load(written(tmp_path, "s.json", json.dumps(document)))

    found = load(**{"personas": "people.csv", "persona-style": "group"}).personas
    assert found is not None
    assert (len(found.people), found.asked_as) == (3, "group")
    outside = written(tmp_path.parent, "outside.csv", CSV)
    (tmp_path / "link.csv").symlink_to(outside)
    for path in ("../outside.csv", "link.csv", str(outside)):
        with pytest.raises(SpecError, match=r"/settings/personas.*does not lie in the study's folder"):
            load(personas=path)
    with pytest.raises(SpecError, match="a style is named"):
        load(**{"persona-style": "group"})
