import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from experiments.compare import compare
from experiments.compare.__main__ import main
from experiments.compare.read import collect
from experiments.compare.tables import MEASURES, make_tables

ROOT = pathlib.Path(__file__).parents[3]


def tables_of(*folders):
    runs, left_out = collect(folders)
    assert not left_out
    return make_tables(runs)


@pytest.fixture(scope="module")
def tables(every):
    return {(t.case.dataset, t.title): t for t in tables_of(every)}


def chosen(tables, text):
    return next(table for key, table in tables.items() if text in " ".join(key))


@pytest.fixture(scope="module")
def written(every, tmp_path_factory):
    out = tmp_path_factory.mktemp("page")
    (out / "screen.txt").write_text(compare([every], out, "the command"))
    return out


def test_what_differs_in_anything_is_in_another_table(tables):
    """Real data first; in each case the SAMPLE and QUICK settings are in the title."""
    lines = [
        f"{dataset}: {title}: {'; '.join(row.name for row in table.models)}"
        for (dataset, title), table in tables.items()
    ]
    assert lines == [
        "Pupils: 4 rounds, protocol subject: Pupil LSTM; Pupil LSTM, pruned",
        "Signs: 9 expressions, protocol subject: LSTM; perceptron",
        "Smiles: Task felt, protocol image: shallow CNN",
        "Smiles: Task felt, protocol subject: shallow CNN; SVM",
        "Smiles: Task felt, protocol subject, QUICK settings: shallow CNN",
        "Smiles: Task felt, protocol subject, VALIDATION: shallow CNN",
        "Faces: 6 emotions, protocol subject, SAMPLE data: XGBoost; SVM; logistic",
        "Smiles: Task felt, protocol subject, SAMPLE data: shallow CNN",
    ]


def test_fewer_groups_are_another_table_that_names_them(tmp_path, make):
    few = {"spec": "means", "people": 2, "task": None}
    runs = [make(tmp_path / str(each), each=each, **few) for each in (4, 8, 16)]
    assert [table.title for table in tables_of(*runs)] == [
        "Expression expression0, protocol subject",
        "Expression expression0, expression1, protocol subject",
        "4 expressions, protocol subject",
    ]


def test_figures_are_those_of_metrics_json(every, tables, written):
    text = (written / "compare.md").read_text()
    rows = pd.read_csv(written / "compare.csv", float_precision="round_trip")
    rows = rows.set_index(["run", "model"])
    assert len(rows) == sum(len(table.models) for table in tables.values()) == 13
    for (run, name), row in rows.iterrows():
        measures = json.loads((every / run / "metrics.json").read_text())["models"][
            name
        ]
        for key, (_, interval) in MEASURES.items():
            if (value := measures.get(key)) is None:
                continue
            assert row[key] == value
            low, high = measures.get(interval) or (None, None)
            shown = f"{value:.3f} ({low:.3f}-{high:.3f})" if low else f"{value:.3f}"
            assert re.search(rf"^\| {name} .*\| {re.escape(shown)} \|", text, re.M)
            assert low is None or row[f"{interval}_low"] == low
        assert row["n_test"] == measures["n_test"]


def test_constant_answers_papers_and_the_verdict_stand_beside_the_models(tables):
    for (dataset, title), table in tables.items():
        rows = {row.name: row for row in table.rows}
        base = table.runs[0].metrics["baselines"]
        values = rows["majority class"].values
        assert values["accuracy"] == base["majority_class"] and values["roc_auc"] == 0.5
        assert rows['always "genuine"'].values["f1"] == base["always_f1"]
        (paper,) = (row for row in table.rows if row.kind == "paper")
        here = "this" if dataset == "Signs" or "image" in title else "another"
        assert paper.name.endswith(f" ({here} protocol)") and paper.note
        assert table.main == ("f1" if dataset == "Signs" else "accuracy")
        for row in table.models:  # the verdict is of the main model
            is_main = row.run.metrics["model"] == row.name
            assert (row.run.metrics["verdict"]["sentence"] in row.note) == is_main
    assert "3 seeds (standard" in chosen(tables, "Signs").models[0].note
    assert chosen(tables, "Pupils").models[1].note == "10 observers, 160 series."
    assert chosen(tables, "Faces").rows[-2].values["paired_accuracy"] == 0.5


def test_tests_are_between_models_of_the_same_samples_of_the_same_data(tmp_path, make):
    names = ["first", "second", "nine", "data"]
    skills, more = [3, 0, 1, 1], [{}, {}, {"people": 9}, {"content": "other"}]
    runs = [
        make(tmp_path / name, name, models={name: skill}, **facts)
        for name, skill, facts in zip(names, skills, more, strict=True)
    ]
    (table,) = tables_of(*runs)
    (test,) = table.tests
    assert test["name"] == "first minus second"
    values = {row.name: row.values for row in table.models}
    difference = values["first"]["accuracy"] - values["second"]["accuracy"]
    assert test["difference"] == pytest.approx(difference)
    assert test["p"] == test["p_holm"] == 2 / 2**8


def test_several_tests_are_corrected_and_the_least_p_is_said(tables, written):
    tests = chosen(tables, "Faces").tests
    values = [test["p"] for test in tests]
    assert len(values) == 3 and min(values) < 1 / 3
    assert min(test["p_holm"] for test in tests) == min(1, 3 * min(values))
    least = max(test["least"] for test in tests)
    assert f"no p-value below {least:.3f} is" in (written / "compare.md").read_text()


def test_means_are_compared_over_the_seeds_in_common(tables, written):
    table = chosen(tables, "Signs")
    (test,) = table.tests
    first, second = (row.values["f1_by_seed"] for row in table.models)
    expected = sum(first[seed] - second[seed] for seed in ("1", "2")) / 2
    assert test["difference"] == pytest.approx(expected) and "p" not in test
    row = r"\| LSTM minus perceptron, seeds 1, 2 \| .* \|  \| not tested \|  \|"
    assert re.search(row, (written / "compare.md").read_text())


def test_runs_of_one_study_are_told_apart_by_their_folders(tmp_path, make):
    runs = [make(tmp_path / name, models={"CNN": n}) for n, name in enumerate("ab")]
    (table,) = tables_of(*runs)
    assert [row.name for row in table.models] == ["CNN (a)", "CNN (b)"]


def cut(name, share=0.5):
    def damage(folder):
        text = (folder / name).read_text()
        (folder / name).write_text(text[: int(share * len(text))])

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        *(cut(name) for name in ("config.json", "metrics.json", "predictions.csv")),
        *(cut(name, 0) for name in ("config.json", "metrics.json", "predictions.csv")),
        lambda folder: (folder / "config.json").unlink(),
        lambda folder: (folder / "metrics.json").write_text('{"accuracy": 0.5}'),
    ],
)
def test_a_damaged_folder_is_named_and_stops_no_other(tmp_path, make, capsys, damage):
    make(tmp_path / "good", models={"good CNN": 1})
    damage(make(tmp_path / "bad"))
    shutil.copytree(tmp_path / "good", tmp_path / "zcopy")
    make(tmp_path / ".unfinished-20260101-000000-aaaaaaaa")
    failed = [("mlp", "it failed: see its log.")]
    compare([tmp_path], tmp_path / "out", "command", failed)
    error = capsys.readouterr().err
    for text in ("bad: damaged", "zcopy: a copy of cnn/good.", "aaaaaaaa: unfinished"):
        assert f"{text}" in error
    text = (tmp_path / "out" / "compare.md").read_text()
    assert "- `bad`: damaged" in text and "- `mlp`: it failed: see its log." in text
    assert text.count("| good CNN |") == 1


def test_without_runs_the_last_of_each_kind(tmp_path, make, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([]) == 1
    assert "error: Expected run folders" in capsys.readouterr().err
    for day, facts in enumerate([{"quick": True}, {}, {"protocol": "image"}, {}, {}]):
        started = f"2026-01-{5 - day:02d}T00:00:00"
        make(tmp_path / "runs" / "cnn" / f"run{day}", started=started, **facts)
    assert main([]) == 0
    text = (tmp_path / "runs" / "compare" / "compare.md").read_text()
    assert [f"`cnn/run{day}`" in text for day in range(5)] == [True] * 3 + [False] * 2


def test_markdown_screen_and_html_have_the_same_tables(
    every, written, tables, tmp_path, capsys
):
    text = (written / "compare.md").read_text()
    assert (written / "screen.txt").read_text().strip() in text
    assert main([str(every), "--out", str(tmp_path)]) == 0
    screen = capsys.readouterr().out.partition("Page: ")[0]
    assert max(map(len, screen.splitlines())) <= 100 and "(another protocol)" in screen
    html = (written / "compare.html").read_text()
    several = sum(bool(table.tests) for table in tables.values())
    assert html.count("<table>") == text.count("\n|---") == len(tables) + several
    assert html.count('src="data:image/png;base64,') == 5 and "<script" not in html
    for block in text.split("\n\n"):
        assert len({line.count("|") for line in block.strip().splitlines()}) <= 1
    assert text.count("Measured on the SAMPLE") == 2 and "by `the command`" in text


def test_files_are_whole_or_as_they_were(every, tmp_path, monkeypatch, capsys):
    (tmp_path / "compare.md").write_text("before")

    def full(source, target):
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(os, "replace", full)
    assert main([str(every / "heads"), "--out", str(tmp_path)]) == 1
    assert "error: " in capsys.readouterr().err
    assert (tmp_path / "compare.md").read_text() == "before"
    assert not (tmp_path / "compare.html").exists()


def test_it_imports_no_backend_and_ends_quietly_with_its_pipe(every, tmp_path):
    code = (
        "import sys; from experiments.compare.__main__ import main; "
        f"status = main([{str(every / 'pupil')!r}, '--out', {str(tmp_path)!r}]); "
        "heavy = {'tensorflow', 'keras', 'torch', 'jax', 'zoo', 'sklearn'}; "
        "sys.exit(status or ' '.join(sorted(heavy & set(sys.modules))) or None)"
    )
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, **pipes) as process:
        process.stdout.close()  # `| head`
        assert process.stderr.read() == ""
    assert process.returncode == 0 and (tmp_path / "compare.html").is_file()
