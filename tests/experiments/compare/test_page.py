import json
import os
import re
import shutil
import subprocess
import sys
from unittest import mock

import pandas as pd
import pytest

from experiments import ROOT
from experiments.compare import compare
from experiments.compare.__main__ import main
from experiments.compare.read import FILES, collect
from experiments.compare.tables import MEASURES, make_tables


def tables_of(folder):
    runs, left_out = collect([folder])
    assert not left_out
    return make_tables(runs)


@pytest.fixture(scope="module")
def tables(every):
    return {(t.case.dataset, t.title): t for t in tables_of(every)}


def chosen(tables, dataset):
    return next(table for key, table in tables.items() if dataset in key)


@pytest.fixture(scope="module")
def written(every, tmp_path_factory):
    out = tmp_path_factory.mktemp("page")
    assert compare([every], out, "the command") == out / "compare.html"
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
    for each in (4, 8, 16):
        make(tmp_path / str(each), spec="means", people=2, each=each, task=None)
    assert [table.title for table in tables_of(tmp_path)] == [
        "Expression expression0, protocol subject",
        "Expression expression0, expression1, protocol subject",
        "4 expressions, protocol subject",
    ]


def test_figures_are_those_of_metrics_json(every, tables, written):
    text = (written / "compare.md").read_text()
    rows = pd.read_csv(written / "compare.csv").set_index(["run", "model"])
    assert len(rows) == sum(len(table.models) for table in tables.values()) == 13
    for (run, name), row in rows.iterrows():
        metrics = json.loads((every / run / "metrics.json").read_text())
        measures = metrics["models"][name]
        assert row["n_test"] == measures["n_test"]
        for key in MEASURES.keys() & measures.keys():
            assert row[key] == pytest.approx(measures[key])
            shown, interval = f"{measures[key]:.3f}", MEASURES[key][1]
            if bounds := measures.get(interval):
                shown += " ({:.3f}-{:.3f})".format(*bounds)
                ends = row[[f"{interval}_low", f"{interval}_high"]]
                assert list(ends) == pytest.approx(bounds)
            assert re.search(rf"^\| {name} .*\| {re.escape(shown)} \|", text, re.M)


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
    for name, skill, facts in zip(names, skills, more, strict=True):
        make(tmp_path / name, name, models={name: skill}, **facts)
    (table,) = tables_of(tmp_path)
    (test,) = table.tests
    assert test["name"] == "first minus second"
    values = {row.name: row.values["accuracy"] for row in table.models}
    assert test["difference"] == pytest.approx(values["first"] - values["second"])
    assert test["p"] == test["p_holm"] == 2 / 2**8


def test_several_tests_are_corrected_and_the_least_p_is_said(tables, written):
    tests = pd.DataFrame(chosen(tables, "Faces").tests)
    assert len(tests) == 3 and tests["p"].min() < 1 / 3
    assert tests["p_holm"].min() == 3 * tests["p"].min()
    least = tests["least"].max()
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
    make(tmp_path / "a", models={"CNN": 1}), make(tmp_path / "b", models={"CNN": 2})
    (table,) = tables_of(tmp_path)
    assert [row.name for row in table.models] == ["CNN (a)", "CNN (b)"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("text", ["", "{}", None])
def test_a_damaged_folder_stops_no_other(tmp_path, make, capsys, name, text):
    make(tmp_path / "good", models={"good CNN": 1})
    file = make(tmp_path / "bad") / name
    whole = file.read_text()
    file.write_text(whole[: len(whole) // 2] if text is None else text)
    shutil.copytree(tmp_path / "good", tmp_path / "zcopy")
    make(tmp_path / ".unfinished-20260101-000000-aaaaaaaa")
    compare([tmp_path], tmp_path / "out", "command", [("mlp", "it failed.")])
    error = capsys.readouterr().err
    for text in ("bad: damaged", "zcopy: a copy of cnn/good.", "aaaaaaaa: unfinished"):
        assert text in error
    text = (tmp_path / "out" / "compare.md").read_text()
    assert "- `bad`: damaged" in text and "- `mlp`: it failed." in text
    assert text.count("| good CNN |") == 1


def test_without_runs_the_last_of_each_kind(tmp_path, make, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([]) == 1
    assert "error: Expected run folders" in capsys.readouterr().err
    for day, facts in enumerate([{"quick": True}, {}, {"protocol": "image"}, {}, {}]):
        started = f"2026-01-{5 - day:02d}T00:00:00"
        make(tmp_path / "runs" / "cnn" / f"run{day}", started=started, **facts)
    assert main([]) == 0
    screen = capsys.readouterr().out.partition("Page: ")[0]
    assert max(map(len, screen.splitlines())) <= 100 and "(another protocol)" in screen
    text = (tmp_path / "runs" / "compare" / "compare.md").read_text()
    assert [f"`cnn/run{day}`" in text for day in range(5)] == [True] * 3 + [False] * 2


def test_markdown_and_html_have_the_same_tables(written, tables):
    text = (written / "compare.md").read_text()
    html = (written / "compare.html").read_text()
    several = sum(bool(table.tests) for table in tables.values())
    assert html.count("<table>") == text.count("\n|---") == len(tables) + several
    assert html.count('src="data:image/png;base64,') == 5 and "<script" not in html
    for block in text.split("\n\n"):
        assert len({line.count("|") for line in block.strip().splitlines()}) <= 1
    assert text.count("Measured on the SAMPLE") == 2 and "by `the command`" in text


def test_files_are_whole_or_as_they_were(every, tmp_path, monkeypatch, capsys):
    (tmp_path / "compare.md").write_text("before")
    full = OSError(28, "No space left on device")
    monkeypatch.setattr(os, "replace", mock.Mock(side_effect=full))
    assert main([str(every / "heads"), "--out", str(tmp_path)]) == 1
    assert "error: [Errno 28] No space" in capsys.readouterr().err
    assert (tmp_path / "compare.md").read_text() == "before"
    assert not (tmp_path / "compare.html").exists()


def test_it_imports_no_backend_and_ends_quietly_with_its_pipe(every, tmp_path):
    code = (
        "import sys; from experiments.compare.__main__ import main; "
        f"status = main([{str(every / 'pupil')!r}, '--out', {str(tmp_path)!r}]); "
        "heavy = {'tensorflow', 'keras', 'torch', 'jax', 'zoo', 'sklearn'}; "
        "sys.exit(status or ' '.join(sorted(heavy & set(sys.modules))) or None)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, text=True, stdout=-1, stderr=-1
    )
    with process:
        process.stdout.close()  # `| head`
        assert process.stderr.read() == ""
    assert process.returncode == 0 and (tmp_path / "compare.html").is_file()
