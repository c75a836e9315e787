import contextlib
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from sklearn import metrics

from experiments import all as all_command
from experiments import (
    compare,
    compare_commands,
    compare_figures,
    compare_measures,
    compare_read,
    compare_run_figures,
    compare_text,
    run_folder,
    sessions,
)
from experiments.compare_facts import PROTOCOLS, STUDIES
from experiments.compare_groups import groups
from experiments.compare_record import Broken
from experiments.within_rounds import within_rounds

ROOT = pathlib.Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def found(every):
    records, left_out = compare.collect([every])
    assert not left_out
    return groups(records)


def chosen(found, title):
    return next(group for group in found if title in group.title)


@pytest.fixture(scope="module")
def written(every, tmp_path_factory):
    """The folder that the command fills; what it prints is in the folder above."""
    out = tmp_path_factory.mktemp("out") / "new" / "compare"
    told = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(told):
        patch.setenv("COLUMNS", "300")
        assert compare.main([str(every), "--out", str(out)]) == 0
    (out.parent / "screen.txt").write_text(told.getvalue())
    return out


class Page(HTMLParser):
    """Collects a page's elements, and the words outside of style sheets."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words, self.styled = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.styled = tag == "style"

    def handle_endtag(self, tag):
        self.styled = False

    def handle_data(self, data):
        if not self.styled:
            self.words.append(data)

    def tags(self):
        return {tag for tag, _ in self.elements}


def test_runs_of_other_protocols_tasks_and_data_have_tables_of_their_own(found):
    cases = {group.title: list(group.names.values()) for group in found}
    nvie = "NVIE, posed or spontaneous"
    assert cases == {
        f"{nvie} (2 classes), protocol subject": [
            "shallow CNN",
            "SVM on pixels",
        ],
        f"{nvie} (2 classes), protocol subject, VALIDATION inside the training part": [
            "shallow CNN"
        ],
        f"{nvie} (2 classes), protocol subject, QUICK settings": ["shallow CNN"],
        f"{nvie}, of six emotions (12 classes), protocol subject": ["shallow CNN"],
        "Grammatical facial expressions, nine expressions, protocol signer": [
            "LSTM on Kinect frames"
        ],
        "Observers' pupils, genuine or posed smile, protocol paper": [
            "Pupil LSTM",
            "Pupil LSTM, pruned",
        ],
        f"{nvie} (2 classes), protocol subject (SAMPLE data, made by code)": [
            "shallow CNN"
        ],
        "SASE-FE, anger, happiness, protocol holdout (SAMPLE data, made by code)": [
            "LSTM-PB, XGBoost",
            "LSTM-PB, SVM",
            "LSTM-PB, logistic regression",
        ],
    }


@pytest.mark.parametrize(
    "other",
    [
        {"protocol": "image"},
        {"task": "emotion"},
        {"kind": "sample"},
        {"validate": True},
        {"quick": True},
    ],
)
def test_what_differs_in_anything_is_another_group(tmp_path, make, other):
    one = compare_read.read(make.nvie(tmp_path / "one"))
    two = compare_read.read(make.nvie(tmp_path / "two", **other))
    same = compare_read.read(make.nvie(tmp_path / "same", skill=2))
    assert [len(group.records) for group in groups([one, two, same])] in (
        [2, 1],
        [1, 2],
    )


def test_ways_of_validation_are_kept_apart(tmp_path, make):
    ways = [False, "time", "signer"]
    few = {"seeds": 1, "expressions": ["affirmative"], "protocol": "holdout"}
    runs = [make.gfe(tmp_path / str(way), validate=way, **few) for way in ways]
    told = [group.title for group in groups(list(map(compare_read.read, runs)))]
    assert len(told) == 3
    assert sum("VALIDATION" in title for title in told) == 2
    assert any("VALIDATION by signer" in title for title in told)


def test_values_and_intervals_are_those_of_the_run(found):
    for group in found:
        for model, row in zip(group.models, group.rows, strict=False):
            told = model.measures
            for key in ("accuracy", "balanced_accuracy", "f1", "roc_auc"):
                assert row.values[key][0] == told[key]
            for key, interval in (
                ("accuracy", "ci95"),
                ("roc_auc", "roc_auc_ci95"),
                ("balanced_accuracy", "balanced_accuracy_ci95"),
            ):
                if told.get(interval):
                    assert row.values[key][1] == told[interval]
            if group.dataset == "gfe":
                assert all(interval is None for _, interval in row.values.values())
            else:
                assert all(row.values[key][1] for key in ("accuracy", "f1", "roc_auc"))


def test_the_tables_have_constant_answers_and_the_papers(found):
    for group in found:
        rows = {row.name: row for row in group.rows}
        assert {"majority class", "chance"} <= rows.keys()
        papers = [row for row in group.rows if row.kind == "paper"]
        assert papers and all(row.note for row in papers)
        for row in papers:
            told = "; another protocol than here" in row.note
            unknown = "whether it is the protocol here is not known" in row.note
            same = "the protocol here" in row.note and not unknown
            ours = row.name.startswith(("Freitas", "its re-implementation"))
            assert (told, unknown, same).count(True) == 1 and unknown == ours
    pupil = next(group for group in found if group.dataset == "pupil")
    truth = pupil.models[0].table["truth"]
    rows = {row.name: row.values for row in pupil.rows}
    assert rows['always "genuine"']["accuracy"][0] == truth.mean()
    f1 = metrics.f1_score(truth, np.ones(len(truth)))
    assert rows['always "genuine"']["f1"][0] == pytest.approx(f1)
    notes = {row.name: row.note for row in pupil.rows if row.kind == "paper"}
    assert notes["Gong, after pruning, on its own split"].endswith(
        "; the protocol here"
    )
    assert rows["Gong, after pruning, on its own split"]["accuracy"][0] == 0.6571
    sase = next(group for group in found if group.dataset == "sase_fe")
    rows = {row.name: row.values for row in sase.rows}
    # Decided in pairs, and so in no column of accuracies of single videos.
    assert rows["Huynh and Kim 2017: test, on its own data"] == {
        "paired_accuracy": (0.667, None)
    }
    told = "; over six emotions, the runs here over anger, happiness only"
    assert all(row.note.endswith(told) for row in sase.rows if row.kind == "paper")


def test_the_papers_protocols_are_those_that_the_studies_name():
    import importlib

    named = 0
    for name, study in STUDIES.items():
        ours = importlib.import_module(f"experiments.{name}").STUDY.paper_protocol
        named += ours is not None
        assert ours is None or ours in PROTOCOLS[study.paper.authors], name
    assert named


def test_curves_have_the_area_of_the_table(found):
    for group in found:
        for model in group.models:
            rates, band = compare_figures.curve(model, group)
            area = np.trapezoid(rates, compare_figures.RATES)
            assert area == pytest.approx(compare_figures.area(model), abs=0.012)
            assert (band is None) == (group.dataset == "gfe")
            if band is not None:
                outside = (rates < band[0] - 1e-9) | (rates > band[1] + 1e-9)
                assert outside.mean() < 0.2
    pupil = next(group for group in found if group.dataset == "pupil").models[0]
    table = pupil.table.assign(label=pupil.table["truth"], round=pupil.table["part"])
    inside = within_rounds(table, table["score"].to_numpy())["roc_auc"]
    assert compare_figures.area(pupil) == pytest.approx(inside)


def test_paired_tests_are_between_models_of_the_same_test_samples(tmp_path, make):
    first = make.nvie(tmp_path / "a", skill=3)
    second = make.nvie(tmp_path / "b", skill=0)
    people = make.nvie(tmp_path / "c", people=9)
    data = make.nvie(tmp_path / "d")
    config = json.loads((data / "config.json").read_text())
    config["data"]["fingerprint"] = "other"
    (data / "config.json").write_text(json.dumps(config))
    runs = [first, second, people, data]
    (group,) = groups([compare_read.read(path) for path in runs])
    tests = {told["names"]: told for told in group.tests}
    assert len(tests) == 6
    (tested,) = [told for told in tests.values() if told["p"] is not None]
    assert tested["difference"] == pytest.approx(
        group.models[0].measures["accuracy"] - group.models[1].measures["accuracy"]
    )
    assert tested["p"] == tested["p_holm"] == 2 / 2**8
    why = [told["why"] for told in tests.values()]
    assert why.count("tested on different samples") == 2
    assert why.count("measured on different data") == 3
    assert [group.letter(model) for model in group.models] == list("AABC")
    names = [row.name for row in group.rows]
    assert "majority class, part C" in names
    assert "different test parts" in " ".join(group.notes)


def test_several_tests_are_corrected(found):
    sase = next(group for group in found if group.dataset == "sase_fe")
    values = [told["p"] for told in sase.tests]
    assert len(values) == 3
    # Three times the smallest, which is below 1 here.
    assert min(told["p_holm"] for told in sase.tests) == min(1, 3 * min(values))
    assert min(values) < 1 / 3
    least = min(told["differ"] for told in sase.tests if told["differ"])
    note = (
        f"in the answers of {least} subjects only, no p-value below {2 / 2**least:.3f}"
    )
    assert any(note in told for told in sase.notes)


def test_two_signers_are_too_few(tmp_path, make):
    few = {"expressions": ["affirmative", "relative"]}
    runs = [make.gfe(tmp_path / "a", **few), make.gfe(tmp_path / "b", skill=0.5, **few)]
    (group,) = groups([compare_read.read(path) for path in runs])
    (told,) = group.tests
    assert told["why"] == "too few subjects (2)" and told["p"] is None
    mean = [model.measures["f1"] for model in group.models]
    assert told["f1"] == pytest.approx(mean[0] - mean[1])
    assert told["seeds"] == "seeds 0, 1"
    assert "2 seeds" in group.rows[0].tested
    assert any("standard deviation" in line for line in compare_text.spread(group))


def test_seeds_are_repetitions_on_the_same_frames(tmp_path, make):
    few = ["affirmative", "negative"]
    one, both, other = (
        compare_read.read(
            make.gfe(tmp_path / name, seeds, first=first, expressions=few)
        )
        for name, seeds, first in (("a", 1, 0), ("b", 2, 0), ("c", 1, 1))
    )
    (group,) = groups([one, both, other])
    assert len(group.parts) == 1 and not group.letter(group.models[0])
    first, apart, last = group.tests
    assert first["seeds"] == "seed 0" and first["f1"] == first["difference"] == 0
    assert apart["seeds"] == "seed 0 against seed 1"
    f1 = [record.metrics["f1"] for record in (one, other)]
    assert apart["f1"] == pytest.approx(f1[0] - f1[1]) and apart["f1"]
    assert last["seeds"] == "seed 1" and last["f1"] == 0
    assert [row[4] for row in compare_text.tests_of(group)[1:]] == [
        told["seeds"] for told in group.tests
    ]


def test_models_are_told_apart_by_their_settings(tmp_path, make):
    runs = [make.nvie(tmp_path / name, skill=n) for n, name in enumerate("ab")]
    (group,) = groups([compare_read.read(path) for path in runs])
    names = ["shallow CNN (skill 0)", "shallow CNN (skill 1)"]
    assert list(group.names.values()) == names
    (again,) = groups(group.records)
    assert list(again.names.values()) == names
    twins = [make.nvie(tmp_path / name / "same") for name in "cd"]
    (group,) = groups([compare_read.read(path) for path in twins])
    assert list(group.names.values()) == [
        f"shallow CNN (same) [same] #{n}" for n in (1, 2)
    ]


def test_a_copy_of_a_run_is_not_compared_with_it(tmp_path, make):
    run = make.nvie(tmp_path / "a" / "run")
    shutil.copytree(run, tmp_path / "b" / "run")
    records, left_out = compare.collect([tmp_path])
    assert [record.path for record in records] == [run]
    assert "a copy of nvie_cnn/run" in left_out[tmp_path / "b" / "run"]


def test_runs_on_data_that_nobody_knows_are_not_paired(tmp_path, make):
    runs = [make.nvie(tmp_path / name, skill=n) for n, name in enumerate("ab")]
    for run in runs:
        change("config.json", data={"kind": "real", "folder": ""})(run)
    (group,) = groups([compare_read.read(run) for run in runs])
    (told,) = group.tests
    assert told["p"] is None and "is not known" in told["why"] and len(group.parts) == 2


def test_either_file_s_word_makes_it_the_sample(tmp_path, make):
    run = make.nvie(tmp_path / "run")
    change("metrics.json", data="sample")(run)
    assert compare_read.read(run).sample
    change("metrics.json", data="real")(run)
    config = json.loads((run / "config.json").read_text())
    change("config.json", data={**config["data"], "kind": "sample"})(run)
    assert compare_read.read(run).sample


def test_a_run_is_judged_by_its_interval(found):
    told = {}
    for title in ("(2 classes), protocol subject", "pupils"):
        for row in chosen(found, title).rows:
            if row.kind == "model":
                told[row.name] = row.note, row.values
    nvie, values = told["shallow CNN"]
    assert nvie == "above the majority class" and values["accuracy"][1][0] > 0.5
    gfe = chosen(found, "nine expressions")
    each = gfe.records[0].metrics["expressions"].values()
    above = sum(one["f1"] > one["baselines"]["always_f1"] for one in each)
    assert 0 < above < 9 and f"in {above} of 9 expressions" in gfe.rows[0].note
    pupil, values = told["Pupil LSTM, pruned"]
    assert pupil == "NOT shown to beat chance" and values["roc_auc"][1][0] <= 0.5


def test_pupil_intervals_of_differences_draw_videos_too(found):
    group = chosen(found, "pupils")
    tables = [model.table for model in group.models]
    both = compare_measures.paired(*tables, ("subject", "video"))["ci95"]
    assert group.tests[0]["ci95"] == both
    assert both != compare_measures.paired(*tables, ("subject",))["ci95"]


def test_confusion_matrices_have_true_classes_down(found):
    model = chosen(found, "pupils").models[0]
    table = model.table
    one = ((table["truth"] == 1) & (table["answer"] == 0)).sum()
    other = ((table["truth"] == 0) & (table["answer"] == 1)).sum()
    assert one != other
    svg = compare_run_figures.confusion(model, "it", "c")
    told = re.search("true genuine: ([^;]*);", svg).group(1)
    assert f"{one} posed" in told


def test_the_forest_has_intervals_and_marks_names_that_are_cut(found):
    group = chosen(found, "pupils")
    row = group.rows[0]
    low, high = row.values["accuracy"][1]
    axes = Figure().add_axes((0, 0, 1, 1))
    compare_figures._line(axes, 1, row.values["accuracy"], "model", "red")
    assert [low, high] in [list(line.get_xdata()) for line in axes.lines]
    assert compare_figures._lines("a name") == ["a name"]
    lines = compare_figures._lines("many words " * 20)
    assert len(lines) == 2 and lines[1].endswith("...")


def test_bands_hold_19_of_20_draws(found, monkeypatch):
    group = chosen(found, "pupils")
    monkeypatch.setattr(compare_figures, "DRAWS", 200)
    model = group.models[0]
    _, (low, high) = compare_figures.curve(model, group)
    drawn = compare_measures.Resampling(model.table, group.factors)
    weights = drawn.weights[:200][:, drawn.unit]
    curves = compare_figures._mean_curves(model.table, weights, group, 2)
    inside = ((curves >= low) & (curves <= high))[:, 20:180]
    assert np.nanmean(inside) > 0.9


def test_one_epoch_shows_both_its_points(tmp_path, make):
    run = make.nvie(tmp_path / "run")
    table = pd.read_csv(run / "history.csv")[:1]
    table["val_cross_entropy"] = table["cross_entropy"]
    table.to_csv(run / "history.csv", index=False)
    svg = compare_run_figures.learning(compare_read.read(run), "l")
    ticks = re.findall(r'id="l-xtick_\d+".*?<text[^>]*>([^<]*)</text>', svg, re.DOTALL)
    assert "1" in ticks and all(tick.isdigit() for tick in ticks)
    point, ring = (compare_run_figures.points(1, number) for number in (0, 1))
    assert ring["ms"] > point["ms"] and ring["mfc"] == "none" != point["mfc"]


def test_folder_names_that_are_no_utf_8(tmp_path, make):
    odd = os.fsdecode(b"b\xffad\n")
    make.nvie(tmp_path / "runs" / odd, skill=2)
    make.nvie(tmp_path / "runs" / "other", skill=2, seed=1)
    assert compare.main([str(tmp_path / "runs"), "--out", str(tmp_path / "o")]) == 0
    assert "b\ufffdad\ufffd" in (tmp_path / "o" / "compare.html").read_text("utf-8")


def cut(name, share=0.5):
    def damage(folder):
        path = folder / name
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])

    return damage


def lines(name, count):
    def damage(folder):
        text = (folder / name).read_text().splitlines(keepends=True)
        (folder / name).write_text("".join(text[:count]))

    return damage


def change(name, **values):
    def damage(folder):
        content = json.loads((folder / name).read_text())
        content.update(values)
        (folder / name).write_text(json.dumps(content))

    return damage


def column(name, value):
    def damage(folder):
        path = folder / "predictions.csv"
        table = pd.read_csv(path, dtype=str)
        table[name] = table[name].astype(object)
        table.loc[3, name] = value
        table.to_csv(path, index=False)

    return damage


BROKEN = {
    "config.json is missing": lambda f: (f / "config.json").unlink(),
    "metrics.json is missing": lambda f: (f / "metrics.json").unlink(),
    "predictions.csv is missing": lambda f: (f / "predictions.csv").unlink(),
    "config.json is damaged": cut("config.json"),
    "metrics.json is damaged": cut("metrics.json"),
    "expected an object": lambda f: (f / "metrics.json").write_text("[]"),
    "damaged: max": lambda f: (f / "metrics.json").write_text("[" * 99999),
    "50 of 96 test samples": lines("predictions.csv", 51),
    "predictions.csv is damaged": lambda f: (f / "predictions.csv").write_text(""),
    "has no rows": lambda f: (f / "predictions.csv").write_text(
        "path,subject,truth,predicted,probability\n"
    ),
    "has no column subject": lambda f: (f / "predictions.csv").write_text("a\n1\n"),
    "probability is not always a number": column("probability", np.nan),
    "probability is not always": column("probability", "x"),
    "is not always a number from 0": column("probability", "1.5"),
    "lacks subjects": column("subject", np.nan),
    "none of the task's": column("truth", "bored"),
    "not of the same run": change("metrics.json", accuracy=0.111),
    "f1 of 0.": change("metrics.json", f1=0.99),
    "balanced_accuracy of 0.": change("metrics.json", balanced_accuracy=0.01),
    "roc_auc of 0.": change("metrics.json", roc_auc=0.05),
    "of not defined": change("metrics.json", roc_auc=None),
    "f1 is 12.0": change("metrics.json", f1=12.0),
    "ci95 begins above its end": change("metrics.json", ci95=[0.9, 0.1]),
    "ci95 is 'a'": change("metrics.json", ci95=["a", "b"]),
    "protocol is ['a']": change("config.json", settings={"protocol": ["a"]}),
    "protocol is None": change("config.json", settings={"protocol": None}),
    "quick is 'yes'": change("config.json", quick="yes"),
    "accuracy is nan": change("metrics.json", accuracy=float("nan")),
    "f1 is 'good'": change("metrics.json", f1="good"),
    "no baselines": change("metrics.json", baselines=None),
    "majority_class is None": change("metrics.json", baselines={}),
    "is no study": change("config.json", study="nvie_magic"),
    "not what the study writes": change("config.json", settings=None),
    "ci95 is 'wide'": change("metrics.json", ci95="wide"),
    "unfinished": lambda f: (f / "work").mkdir(),
}


@pytest.mark.parametrize("why", BROKEN)
def test_a_broken_folder_is_named_and_stops_no_other(tmp_path, make, why):
    good = make.nvie(tmp_path / "good")
    bad = make.nvie(tmp_path / "bad")
    BROKEN[why](bad)
    records, left_out = compare.collect([tmp_path])
    assert [record.path for record in records] == [good]
    ((folder, told),) = left_out.items()
    assert folder == bad and why in told and str(tmp_path) not in told


def test_with_broken_folders_the_others_are_compared(tmp_path, make, capsys):
    make.nvie(tmp_path / "runs" / "good")
    bad = make.nvie(tmp_path / "runs" / "bad")
    cut("metrics.json")(bad)
    out = tmp_path / "out"
    assert compare.main([str(bad), "--out", str(out)]) == 1
    told = capsys.readouterr().err
    assert f"Left out {bad}: metrics.json is damaged" in told
    assert "error: There is no run to compare" in told and not out.exists()
    assert compare.main([str(tmp_path / "runs"), "--out", str(out)]) == 0
    assert f"Left out {bad}: metrics.json is damaged" in capsys.readouterr().err
    text = (out / "compare.md").read_text()
    assert "- `bad`: metrics.json is damaged" in text and "runs/" not in text
    assert "<code>bad</code>: metrics.json is" in (out / "compare.html").read_text()


def test_what_is_no_run_folder_is_said(tmp_path, make, capsys):
    (tmp_path / "empty").mkdir()
    unfinished = make.nvie(tmp_path / "runs" / ".unfinished-20260101-000000-aaaaaaaa")
    make.nvie(tmp_path / "runs" / "good")
    (tmp_path / "file").write_text("")
    names = ["empty", "absent", "file", "runs"]
    out = ["--out", str(tmp_path / "out")]
    assert compare.main([*(str(tmp_path / name) for name in names), *out]) == 0
    told = capsys.readouterr().err
    assert f"Left out {tmp_path / 'empty'}: neither a run folder" in told
    assert f"Left out {tmp_path / 'absent'}: there is no such folder." in told
    assert f"Left out {tmp_path / 'file'}: there is no such folder." in told
    assert f"Left out {unfinished}: unfinished" in told
    assert compare.main([str(unfinished), *out]) == 1


def test_a_run_that_is_named_twice_is_read_once(tmp_path, make):
    run = make.nvie(tmp_path / "runs" / "one")
    folders, _ = compare_read.find([run, tmp_path / "runs", run])
    assert folders == [run]


def test_without_runs_the_latest_of_each_kind(tmp_path, make, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert compare.main([]) == 1
    assert "error: There is no run to compare" in capsys.readouterr().err
    kinds = [{"quick": True}, {}, {"task": "emotion", "each": 24}, {}, {}]
    for day, more in enumerate(kinds):
        started = f"2026-01-{5 - day:02d}T00:00:00"
        run = tmp_path / "runs" / "nvie_cnn" / f"run{day}"
        make.nvie(run, started=started, seed=day, **more)
    assert compare.main([]) == 0
    told = capsys.readouterr()
    later = "there is a later run of its kind: nvie_cnn/run1."
    for day in (3, 4):
        assert f"Left out {pathlib.Path('runs/nvie_cnn')}/run{day}: {later}" in told.err
    text = (tmp_path / "runs" / "compare" / "compare.md").read_text()
    assert all(f"`nvie_cnn/run{day}`" in text for day in (0, 1, 2))
    # The pages lie among the runs, and are none.
    folders, left_out = compare_read.find([pathlib.Path("runs")])
    assert len(folders) == 5 and not left_out


def test_a_session_is_its_runs(tmp_path, make):
    run = make.nvie(tmp_path / "nvie_cnn" / "run")
    session = tmp_path / "all" / "time"
    session.mkdir(parents=True)
    sessions.write_json(session / "runs.json", {"runs": []})
    assert compare_read.find([session])[1] == {
        session: "a session without a finished run."
    }
    told = {"folder": str(run), "seconds": 1}
    sessions.write_json(session / "nvie_cnn-default.json", told)
    assert compare_read.find([session]) == ([run], {})


def test_a_session_s_page_has_all_runs_and_tells_of_failed_ones(tmp_path, make):
    runs = [make.nvie(tmp_path / n, f"nvie_{n}") for n in ("cnn", "svm")]
    argv = ["--data", "sample", "--out", "/home/me"]
    place = all_command.page(runs, tmp_path / "page", argv, ["gfe_mlp-shuffled"])
    text = place.with_suffix(".md").read_text()
    assert "`nvie_cnn/cnn`" in text and "`nvie_svm/svm`" in text
    assert "- `gfe_mlp-shuffled`: it failed: see its log." in text
    assert "by `python -m experiments.all --data sample`." in text
    assert "gfe_mlp-shuffled" in place.read_text()


def test_trials_are_not_to_be_resumed(tmp_path, make):
    trial = tmp_path / "search" / "nvie_cnn" / "worker" / "trial"
    (make.nvie(trial) / "work").mkdir()
    _, left_out = compare_read.find([tmp_path])
    assert "--resume" not in left_out[trial] and "trial" in left_out[trial]


def test_the_page_needs_nothing_else(written):
    text = (written / "compare.html").read_text()
    page = Page(text)
    assert not page.tags() & set(
        "script iframe object embed img audio video base form".split()
    )
    names = [a["id"] for _, a in page.elements if "id" in a]
    assert len(names) == len(set(names))
    for tag, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on")]
        for key in ("src", "href", "xlink:href", "srcset", "action", "poster"):
            link = attributes.get(key) or "#"
            if link != "data:,":
                assert link.startswith("#"), (tag, link)
                assert link == "#" or link[1:] in names
    assert "http:" not in text and "https:" not in text and "@import" not in text
    for target in re.findall(r"url\(([^)]*)\)", text):
        assert target.startswith("#") and target[1:] in names
    figures = [attributes for tag, attributes in page.elements if tag == "svg"]
    assert len(figures) > 20
    assert all(len(one["aria-label"]) > 20 for one in figures)
    # Stand-in colours are gone, and text is text.
    assert "#fe0" not in text and text.count("<text") > 100


def test_the_page_says_what_the_tables_say(written, found):
    words = "".join(Page((written / "compare.html").read_text()).words)
    assert "SAMPLE data, made by code, not people: NVIE, SASE-FE" in words
    assert "It is no lie detector." in words and "0123456789ab" in words
    for group in found:
        for model, name in group.names.items():  # the legend of the ROC curves
            assert f"{name}{compare_figures.area(model):.3f}" in words
        assert words.count(group.title) >= 4
        assert group.about in words
        for row in group.rows:
            assert row.name in words and row.note in words
    assert "VALIDATION, not the test part" in words
    assert "QUICK settings: NVIE. quick settings: the figures say" in words
    assert "of what" in words and "Under each value: its 95 % interval" in words


def test_no_place_on_anybodys_disk_is_told(written, tmp_path_factory):
    for path in written.iterdir():
        text = path.read_text()
        assert "/home/someone" not in text and "/tmp" not in text
        assert str(tmp_path_factory.getbasetemp()) not in text
        assert "--data-dir" not in text and "--out" not in text
        assert "python -m experiments.nvie_cnn" in text


@pytest.mark.parametrize(
    "given, told",
    [
        ("python -m x --data real --out /a/b --epochs 3", "--data real --epochs 3"),
        ("python -m x --data-dir=/a --ou b --seed 1", "--seed 1"),
        ("python -m x --dask tcp://host:1 --jobs 2", "--jobs 2"),
        ("python -m x --storage postgresql://u:secret@h/d", ""),
        ("python -m x --sto postgresql://u:secret@h/d --seed 1", "--seed 1"),
        ("python -m x --da /a --steps 5", "--steps 5"),
        ("python -m x --from s3://u:p/w@h/d", "--from s3://...@h/d"),
        ("python -m x --weights ../alice/w.h5", "--weights .../w.h5"),
        ("python -m x --weights=alice/w.h5", "--weights=.../w.h5"),
        ("python -m x --data-d '/a b/c' --resume", "--resume"),
        ("python -m x --weights /home/me/w.h5", "--weights .../w.h5"),
        ("python -m x --weights=~/w.h5 --size 3", "--weights=.../w.h5 --size 3"),
        (r"python -m x --weights 'C:\me\w.h5'", "--weights .../w.h5"),
        ("python -m x --steps 5 --optimizer sgd", "--steps 5 --optimizer sgd"),
        ("python -m x 'unclosed", None),
    ],
)
def test_commands_are_told_without_places(given, told):
    import types

    record = types.SimpleNamespace(config={"command": given})
    expected = "not readable" if told is None else f"python -m x {told}".strip()
    assert compare_commands.command(record) == expected


def test_names_are_text_wherever_they_stand(tmp_path, make):
    evil = "<script>alert(1)<img src=x onerror=alert(2)>|`*_[a](b) $x_1$ \"'&amp;"
    run = make.nvie(tmp_path / "runs" / evil)
    make.nvie(tmp_path / "runs" / "other")  # so that the name is told by the folder
    config = json.loads((run / "config.json").read_text())
    config["settings"]["weights"] = config["commit"] = evil
    (run / "config.json").write_text(json.dumps(config))
    (make.nvie(tmp_path / "runs" / f"{evil}2") / "metrics.json").unlink()
    out = tmp_path / "out"
    assert compare.main([str(tmp_path / "runs"), "--out", str(out)]) == 0
    page = Page((out / "compare.html").read_text())
    assert not page.tags() & {"script", "img"}
    assert not [1 for _, attributes in page.elements if "onerror" in attributes]
    assert evil in "".join(page.words)
    well_formed((out / "compare.md").read_text())
    prose = re.sub(r"`[^`\n]*`", "", (out / "compare.md").read_text())
    assert "<script" not in prose and "<img" not in prose


def well_formed(text):
    """Every table has as many cells in each row, and a line before and after it."""
    tables = 0
    for block in text.split("\n\n"):
        lines = block.splitlines()
        if not lines or not lines[0].startswith("|"):
            assert "\n|" not in block
            continue
        tables += 1
        assert re.fullmatch(r"\|---(\|---:)+\|", lines[1])
        cells = [len(re.findall(r"(?<!\\)\|", line)) for line in lines]
        assert len(set(cells)) == 1 and all(line.endswith("|") for line in lines)
    return tables


def test_the_markdown_is_well_formed(written, found):
    text = (written / "compare.md").read_text()
    assert well_formed(text) == len(found) + sum(bool(group.tests) for group in found)
    assert len(re.findall("^# ", text, re.MULTILINE)) == 1
    for group in found:
        assert f"\n## {group.title}\n" in text


def test_it_says_what_made_it(written):
    for name in ("compare.md", "compare.html"):
        text = (written / name).read_text()
        commit = compare_commands.short_commit(run_folder.commit())
        assert f" at commit {commit} by " in text
        assert re.search(r"python -m experiments.compare \.\.\./runs\d+\b", text)


def test_the_screen_is_no_wider_than_100_columns(written, found):
    told = (written.parent / "screen.txt").read_text()
    tables = told.partition("\nPage: ")[0]
    assert max(map(len, tables.splitlines())) <= 100
    assert "majority class" in told and "p = " in told and "SAMPLE" in told
    flat = " ".join(told.split())
    for group in found:
        for row in group.rows:
            if row.kind == "paper":
                assert row.note in flat and row.name in flat
            for value, interval in row.values.values() if row.kind == "model" else ():
                if interval:
                    assert f"{value:.3f}" in told
                    assert f"{interval[0]:.3f}-{interval[1]:.3f}" in told
    assert "QUICK settings" in flat


def test_files_are_whole_or_as_they_were(every, tmp_path, monkeypatch, capsys):
    run = str(every / "sase_lstm_pb")
    (tmp_path / "compare.html").write_text("before")

    def full(source, target):
        raise OSError(28, "No space left on device", str(target))

    def cut_short(path, *arguments):
        whole = path.name.startswith(".compare.md")
        return write(path, *arguments) if whole else full(path, path)

    write = pathlib.Path.write_text

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full)
        assert compare.main([run, "--out", str(tmp_path)]) == 1
    assert "error: " in capsys.readouterr().err
    with monkeypatch.context() as patched:
        patched.setattr(pathlib.Path, "write_text", cut_short)
        with pytest.raises(OSError):
            compare.write(tmp_path, {"compare.md": "a", "compare.html": "b"})
    assert [path.name for path in tmp_path.iterdir()] == ["compare.html"]
    assert (tmp_path / "compare.html").read_text() == "before"
    with pytest.raises(OSError, match="is not a folder"):
        compare.write(tmp_path / "compare.html", {})


def test_a_history_that_cannot_be_read_is_no_reason(tmp_path, make):
    run = make.nvie(tmp_path / "run")
    (run / "history.csv").write_text("epoch,loss\n0,bad\n")
    assert compare_read.read(run).history.empty
    with pytest.raises(Broken):
        compare_read.read(tmp_path)


def test_it_needs_no_backend_and_no_reader_and_repeats_itself(every, tmp_path):
    run, out = str(every / "pupil_lstm"), tmp_path / "here"
    assert compare.main([run, "--out", str(out)]) == 0
    code = (
        "import sys; from experiments import compare; "
        f"status = compare.main([{run!r}, '--out', {str(tmp_path)!r}]); "
        "heavy = {'tensorflow', 'keras', 'torch', 'jax', 'optuna', 'distributed'}; "
        "sys.exit(status or ' '.join(sorted(heavy & set(sys.modules))) or None)"
    )
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    arguments = [sys.executable, "-c", code]
    with subprocess.Popen(arguments, cwd=ROOT, **pipes) as process:
        process.stdout.close()  # `| head`
        assert process.stderr.read() == ""
    assert process.returncode == 0
    for name in ("compare.md", "compare.html"):
        assert (tmp_path / name).read_bytes() == (out / name).read_bytes()


@pytest.mark.large
def test_a_run_that_a_study_has_just_written(tmp_path, capsys):
    from experiments import pupil_course

    options = ["--data", "sample", "--protocol", "observer", "--out", str(tmp_path)]
    run = pupil_course.main(options)
    capsys.readouterr()
    assert compare.main([str(run), "--out", str(tmp_path / "page")]) == 0
    report = (run / "report.md").read_text()
    text = (tmp_path / "page" / "compare.md").read_text()
    row = re.search(r"\| Course of the pupil[^|]*this run[^|]*\|(.*)\n", report).group(
        1
    )
    accuracy, interval, balanced, inside, area, around = (
        cell.strip() for cell in row.split("|")[:6]
    )
    for value, span in ((accuracy, interval), (balanced, inside), (area, around)):
        assert f"| {value} ({span}) |" in text
    shown = "above chance" if "Above chance" in report else "NOT shown to beat chance"
    assert shown in text
