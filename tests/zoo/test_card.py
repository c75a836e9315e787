"""Model cards: what they say follows from the files of the run, and only from them."""

import ast
import json
import math
import pathlib
import shutil

import numpy as np
import pandas as pd
import pytest

import zoo
from experiments import evaluation, gfe_report, pupil_measures, report, sase_measures
from experiments.common import Run
from experiments.run_folder import PREFIX, RunFolder
from zoo import _card_files
from zoo._study_data import DATA
from zoo.card import card, compose, intended_use

CONFIG = {
    "command": "python -m experiments.X",
    "seed": 0,
    "versions": {"python": "3.11.7", "platform": "Linux-9", "keras": "3.15.1"},
    "commit": "0123abc",
    "started": "2030-01-02T03:04:05",
    "resumed": False,
}
COUNTS = {
    "nvie": {
        **{"fingerprint": "f00d", "n_train": 1600, "n_validation": 30, "n_test": 120},
        "n_subjects": 22,
    },
    "gfe": {"content": "beef", "n_frames": 4321, "n_positive": 77, "n_recordings": 4},
    "pupil": {
        **{"content": "cafe", "n_series": 321, "n_genuine": 123, "n_observers": 13},
        "n_videos": 17,
    },
    "sase_fe": {
        **{"content": "face", "n_videos": 98, "n_genuine": 45, "n_subjects": 26},
        "n_frames": 7654,
    },
}
STUDY = {
    "nvie": "nvie_cnn",
    "gfe": "gfe_mlp",
    "pupil": "pupil_lstm",
    "sase_fe": "sase_lstm_pb",
}
PROTOCOL = {"nvie": "subject", "gfe": "holdout", "pupil": "video", "sase_fe": "folds"}
KINDS = list(STUDY)


def drawn(data, people=8, strength=0.0, seed=0):
    """A row a test sample, and a probability that knows the label as far as asked."""
    rng = np.random.default_rng(seed)
    n = 15 * people
    table = pd.DataFrame({"subject": [f"Alice {k % people}" for k in range(n)]})
    table["label"] = rng.integers(2, size=n)
    table["round"] = "one"
    table["seed"] = 0
    table["emotion"] = np.where(np.arange(n) % 30 < 15, "anger", "sadness")
    table["expression"] = np.where(np.arange(n) % 30 < 15, "negative", "topics")
    if data == "sase_fe":  # of a person and emotion one video of each label
        turn = np.arange(n) // people
        table["emotion"] = [["anger", "fear", *"abcdef"][k] for k in turn // 2]
        table["label"] = turn % 2
    table["video"] = [f"V{k % 9}" for k in range(n)]
    table["observer"], table["signer"] = table["subject"], table["subject"]
    noise = rng.random(n)
    table["probability"] = (1 - strength) * noise + strength * table["label"]
    return table


def both(table):
    return np.stack([1 - table["probability"], table["probability"]], axis=1)


def measured(data, table):
    """The content of metrics.json, and the sentence of the study's own report."""
    base = evaluation.baselines(table["label"], 2)
    told = {"data": "real", "protocol": PROTOCOL[data], "baselines": base}
    if data == "nvie":
        result = evaluation.evaluate(table["label"], both(table), table["subject"])
        told |= {"paper": 0.716, "n_train": 1600, "n_test": len(table)}
        return {**result, **told}, evaluation.verdict(result, base)
    if data == "gfe":
        measures = gfe_report.measure(table)
        mean, spread = gfe_report.summarise(measures)
        run = Run(None, {"protocol": "holdout", "validate": False}, *[None] * 4)
        run.kind = "real"
        counts = {"n_test": len(table), "n_test_subjects": table["signer"].nunique()}
        found = gfe_report.metrics(run, mean, spread, measures, counts)
        return found, gfe_report.sentence(mean)
    if data == "pupil":
        result = pupil_measures.measure(table, "probability")
        name = "Pupil LSTM, this run"
        told |= {"paper": {"Gong, before pruning": 0.3429}, "models": {name: result}}
        told |= {"parameters": {name: 2_340_999}}
        return {**result, **told}, pupil_measures.verdict({name: result}, "")
    result = sase_measures.measure(table, "probability")
    told |= {"heads": {"xgboost": result}, "emotions": {"anger": result}}
    told |= {"paper": {"Huynh and Kim 2017 (HCILab)": [71, 66.7], "NIT": [76, 66.7]}}
    return {**result, **told}, sase_measures.verdict(result, "XGBoost")


def folder_of(data, place, table, config=None, metrics=None, settings=None):
    """Writes the files that a card is made of."""
    place.mkdir(parents=True)
    known = {"kind": "real", "folder": f"/home/bob/secret/{data}-7", **COUNTS[data]}
    said = {"protocol": PROTOCOL[data], "seed": 0, **(settings or {})}
    full = {"study": STUDY[data], "settings": said, "data": known, **CONFIG}
    full |= config or {}
    found = {**measured(data, table)[0], **(metrics or {})}
    (place / "config.json").write_text(json.dumps(full))
    (place / "metrics.json").write_text(json.dumps(found))
    table.to_csv(place / "predictions.csv", index=False)
    return place


def flat(text):
    return " ".join(text.split())


@pytest.mark.parametrize("strength", [0.0, 0.1, 0.2, 0.3, 0.6])
@pytest.mark.parametrize("people", [3, 8])
@pytest.mark.parametrize("data", ["nvie", "pupil", "sase_fe"])
def test_the_verdict_is_that_of_the_report(data, people, strength, tmp_path):
    table = drawn(data, people, strength)
    metrics, sentence = measured(data, table)
    first = card(folder_of(data, tmp_path / "run", table)).splitlines()[:4]
    above = "**Above chance.**" in " ".join(first)
    assert above == sentence.startswith("Above")
    assert above != ("**NOT shown to beat chance.**" in " ".join(first))


def test_both_verdicts_occur():
    """Or the comparison above would prove nothing."""
    for data in ["nvie", "pupil", "sase_fe"]:
        said = {measured(data, drawn(data, 8, s))[1][:5] == "Above" for s in (0, 0.6)}
        assert said == {False, True}


def test_a_near_miss_is_none(tmp_path):
    """The interval's lower end has to be above the constant answer, not at it."""
    for low, above in [(0.6, False), (0.601, True)]:
        metrics = {
            "ci95": [low, 0.9],
            "baselines": {"majority_class": 0.6, "chance": 0},
        }
        place = tmp_path / str(low)
        text = card(folder_of("nvie", place, drawn("nvie"), metrics=metrics))
        assert ("**Above chance.**" in text) == above
    for key in ["roc_auc_ci95", "balanced_accuracy_ci95"]:
        place = folder_of("sase_fe", tmp_path / key, drawn("sase_fe", strength=0.6))
        metrics = json.loads((place / "metrics.json").read_text())
        assert "**Above chance.**" in card(place)
        metrics["heads"]["xgboost"][key][0] = 0.5
        (place / "metrics.json").write_text(json.dumps(metrics))
        assert "**NOT shown" in card(place)


def test_grammatical_expressions_are_never_shown_for_other_people(tmp_path):
    good = card(folder_of("gfe", tmp_path / "good", drawn("gfe", 2, 0.6)))
    head = good.partition("## ")[0]
    assert "on the people in the data, NOT shown for other people.**" in head
    assert "With 2 people no interval" in head and "in 2 of 2 expressions" in head
    poor = card(folder_of("gfe", tmp_path / "poor", drawn("gfe", 2, 0.0)))
    assert "**NOT shown to beat chance.**" in poor.partition("## ")[0]


def test_of_several_models_those_above_chance_are_named(tmp_path):
    place = folder_of("pupil", tmp_path / "run", drawn("pupil", strength=0.6))
    metrics = json.loads((place / "metrics.json").read_text())
    weak = measured("pupil", drawn("pupil"))[0]["models"].popitem()[1]
    metrics["models"]["Pruned"] = weak
    metrics["parameters"]["Pruned"] = 77_777
    (place / "metrics.json").write_text(json.dumps(metrics))
    text = card(place)
    assert "**Above chance.** Of 2 models only Pupil LSTM, this run." in text
    assert "Pruned: 77,777" in text and "Pupil LSTM, this run: 2,340,999" in text
    # Averages over both eyes stand in the table, but decide nothing.
    metrics["models"] |= {"Pruned, eyes averaged": weak}
    (place / "metrics.json").write_text(json.dumps(metrics))
    assert "Of 2 models" in card(place) and "| Pruned, eyes averaged |" in card(place)


TOLD = {
    "nvie": "accuracy balanced_accuracy f1 roc_auc loss ci95.0 ci95.1 paper "
    "baselines.majority_class baselines.chance",
    "gfe": "f1 accuracy roc_auc loss f1_spread baselines.always_f1 "
    "baselines.majority_class paper.Xu,_LSTM expressions.topics.f1 "
    "expressions.topics.baselines.always_f1 expressions.topics.paper.Freitas,_MLP",
    "pupil": "models.#.accuracy models.#.ci95.0 models.#.balanced_accuracy "
    "models.#.balanced_accuracy_ci95.1 models.#.roc_auc models.#.roc_auc_ci95.0 loss "
    "paper.Gong,_before_pruning baselines.majority_class baselines.chance",
    "sase_fe": "heads.xgboost.accuracy heads.xgboost.ci95.1 heads.xgboost.roc_auc "
    "heads.xgboost.paired_accuracy heads.xgboost.paired_ci95.0 loss "
    "heads.xgboost.balanced_accuracy heads.xgboost.roc_auc_ci95.1 "
    "emotions.anger.roc_auc emotions.anger.paired_accuracy baselines.chance",
}
MODEL = "Pupil LSTM, this run"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run folder of each kind of data."""
    place = tmp_path_factory.mktemp("runs")
    return {
        data: folder_of(data, place / data, drawn(data, strength=0.3)) for data in KINDS
    }


@pytest.fixture
def edited(runs, tmp_path):
    """Function from data, a file, a way into it and a value to that run's card."""

    def edit(data, file, way, value):
        place = tmp_path / data
        if not place.exists():
            shutil.copytree(runs[data], place)
        content = json.loads((place / file).read_text())
        *before, last = way
        at = content
        for key in before:
            at = at[key]
        at[last] = value
        (place / file).write_text(json.dumps(content))
        return card(place)

    return edit


@pytest.mark.parametrize("data", KINDS)
def test_every_measure_is_told_as_it_stands_in_the_file(data, runs, edited):
    assert "0.988" not in card(runs[data])
    for told in TOLD[data].split():
        way = told.replace("_MLP", " MLP").replace("_LSTM", " LSTM")
        way = way.replace("_before_pruning", " before pruning").replace("#", MODEL)
        way = [int(key) if key.isdigit() else key for key in way.split(".")]
        at = json.loads((runs[data] / "metrics.json").read_text())
        for key in way:
            at = at[key]
        assert "0.988" in edited(data, "metrics.json", way, 0.98765), told
        assert "0.988" not in edited(data, "metrics.json", way, at), told


def test_what_constant_answers_score(runs, edited):
    """On NVIE of the accuracy alone: the balanced one of chance depends on the task."""
    base = {"majority_class": 0.432, "chance": 0.083}
    text = edited("nvie", "metrics.json", ["baselines"], base)
    assert "\n| majority class | 0.432 |  |  |" in text
    assert "\n| chance | 0.083 |  |  |" in text
    text = edited("pupil", "metrics.json", ["baselines"], base)
    assert "\n| majority class | 0.432 |  | 0.500 |  | 0.500 |" in text
    way = ["expressions", "topics", "baselines", "always_f1"]
    assert "in 2 of 2 expressions" in card(runs["gfe"])
    assert "in 1 of 2 expressions" in edited("gfe", "metrics.json", way, 0.99)


def test_the_papers_figures(runs, edited):
    text = card(runs["sase_fe"])
    assert "| Huynh and Kim 2017, on its own data, validation | 0.710 |" in text
    (test,) = [line for line in text.splitlines() if "own data, test" in line]
    cells = [cell.strip() for cell in test.split("|")]
    assert cells[2] == "" and cells[4] == "0.667"  # in pairs
    assert "0.760" not in text.partition("own data")[2]  # another team's
    way = ["paper", "Huynh and Kim 2017 (HCILab)"]
    assert "| 0.556 |" in edited("sase_fe", "metrics.json", way, [55.6, 66.7])
    assert "24/70 and 46/70" in card(runs["pupil"])
    assert "names no split by person" in card(runs["nvie"])


def test_counts_follow_the_files(runs, edited):
    text = {data: card(folder) for data, folder in runs.items()}
    assert (
        "1,750 pictures of 22 people; 1,600 trained on; tested: 120 p" in text["nvie"]
    )
    assert "4,321 frames (77 with label 1) of 4 recordings; tested: 120" in text["gfe"]
    assert "321 series (123 genuine) of 13 people and 17 videos" in text["pupil"]
    assert "98 videos (45 genuine) of 26 people, 7,654 frames" in text["sase_fe"]
    for data in KINDS:
        assert "of 8 people." in text[data]
        mark = COUNTS[data].get("content") or COUNTS[data]["fingerprint"]
        assert f"`{mark}`" in text[data]
        assert "6,543 " in edited(data, "metrics.json", ["n_test"], 6543)


def test_people_are_counted_where_the_predictions_are(tmp_path):
    place = folder_of("nvie", tmp_path / "run", drawn("nvie", people=6))
    assert "of 6 people" in card(place)
    table = pd.read_csv(place / "predictions.csv")
    table.replace("Alice 5", "Alice 4").to_csv(place / "predictions.csv", index=False)
    assert "of 5 people" in card(place)
    (place / "predictions.csv").unlink()  # it names people, and may be kept back
    assert "of 6 people" in card(place)
    metrics = json.loads((place / "metrics.json").read_text())
    del metrics["n_test_subjects"]  # as runs of older versions
    (place / "metrics.json").write_text(json.dumps(metrics))
    assert "of people not counted" in card(place) and "None" not in card(place)
    table.loc[3, "subject"] = "Test:unknown"
    table.to_csv(place / "predictions.csv", index=False)
    assert "of people not counted" in card(place)


def test_nobody_and_no_place_is_named(tmp_path):
    """Neither who was tested nor whose computer it was."""
    command = (
        "python -m experiments.nvie_cnn --data-dir '/home/bob/my secret/NVIE' "
        "--out=/srv/carol/runs --weights C:\\\\Users\\\\dave\\\\w.keras --seed 3"
    )
    settings = {"weights": "/home/bob/w.keras", "emotions": ["/home/bob/anger"]}
    place = tmp_path / "erin" / "20300102-030405-abcd"
    folder_of("nvie", place, drawn("nvie"), {"command": command}, settings=settings)
    text = card(place)
    for name in ["bob", "secret", "carol", "dave", "Alice", "erin", str(tmp_path)]:
        assert name not in text
    assert "--data-dir NVIE --out=runs --weights w.keras --seed 3`" in text
    assert "weights `w.keras`, emotions `anger`" in text
    assert "In the folder `nvie-7`." in text
    assert "Linux-9" not in text and "python 3.11.7, keras 3.15.1" in text


@pytest.mark.parametrize("data", KINDS)
@pytest.mark.parametrize("file", ["config.json", "metrics.json"])
def test_the_sample_is_called_so(data, file, runs, edited):
    """Where either file says so."""
    real = card(runs[data])
    assert "SAMPLE" not in real and "invented" not in real and "Real data." in real
    assert DATA[data].licence in real
    way = ["data", "kind"] if file == "config.json" else ["data"]
    text = edited(data, file, way, "sample")
    assert text.splitlines()[0].endswith("(SAMPLE data, made by code)")
    assert "nothing about people" in flat(text.partition("## ")[0])
    assert "Real data" not in text and "8 invented people" in text
    assert "trained on the sample, which is Duchenne's: Apache-2.0" in text


@pytest.mark.parametrize("data", KINDS)
def test_whom_it_is_not_for(data, runs):
    text = card(runs[data])
    assert "no lie detector" in text.partition("## ")[0]
    assert intended_use(data) in text and DATA[data].people in text
    assert DATA[data].labels in intended_use(data)
    use = flat(intended_use(data))
    assert "Nobody in these data lied or told the truth" in use
    assert "Do not use it to judge a person" in use and "2024/1689" in use
    assert "Weights in this folder" in text
    assert ("research only" in text) == (data == "sase_fe")
    assert ("CC BY 4.0" in text) == (data == "gfe")


def test_the_protocols_are_those_of_the_experiments(edited):
    from datasets import gfe, pupil
    from experiments import nvie, sase

    for data, theirs in [
        ("nvie", nvie.PROTOCOLS),
        ("gfe", gfe.PROTOCOLS),
        ("pupil", pupil.PROTOCOLS),
        ("sase_fe", sase.PROTOCOLS),
    ]:
        assert DATA[data].protocols.keys() == theirs.keys()
        for name, words in DATA[data].protocols.items():
            text = edited(data, "config.json", ["settings", "protocol"], name)
            assert f"> {words}" in text and f"`{name}`: {words}" in text
            if data in ("gfe", "pupil"):  # they say what leaks
                assert ("It leaks: " in words) == ("leaks: " in theirs[name])


def test_what_the_settings_change(runs, edited):
    plain = card(runs["gfe"])
    assert "INSIDE" not in plain and "z-score has seen" not in plain
    text = edited("gfe", "config.json", ["settings", "validate"], True)
    assert "INSIDE the training part" in text and "Nothing here for" in text
    text = edited("gfe", "config.json", ["settings", "z_score"], "recording")
    assert "z-score has seen whole recordings" in text
    text = edited("gfe", "config.json", ["settings", "seeds"], 4)
    assert "Repetitions: 4, from seed 0" in text
    pruned = {"hidden": 105, "units": 90.6, "f1_before": 0.654}
    text = edited("gfe", "metrics.json", ["pruned"], pruned)
    assert "91 of 105 hidden units" in text and "0.654 before" in text
    text = edited("gfe", "config.json", ["settings", "head"], "xgboost")
    assert "XGBoost on learned features" in text and "not calibrated" in text
    assert "ImageNet" not in card(runs["nvie"])
    text = edited("nvie", "config.json", ["settings", "weights"], "imagenet")
    assert "ImageNet-1k" in text and "non-commercial research only" in text


def test_decisions_and_probabilities(runs, edited):
    assert "probability of 0.5, which was not tuned" in card(runs["nvie"])
    assert "not calibrated" in card(runs["nvie"])
    way = ["loss"]
    assert "better than the 0.693" in edited("nvie", "metrics.json", way, 0.69)
    assert "no better than the 0.693" in edited("nvie", "metrics.json", way, 0.7)
    text = edited("nvie", "config.json", ["settings", "task"], "emotion")
    assert "most probable class" in text and "better than the 2.485" in text
    assert "no better" not in text and "0.693" not in text
    assert "calibrated (Platt" in edited("nvie", "config.json", ["study"], "nvie_svm")
    text = edited("nvie", "config.json", ["study"], "nvie_cnn")
    assert "calibrated (Platt" not in text
    text = edited("nvie", "config.json", ["settings", "head"], "svm")
    assert "calibrated (Platt" in text and "an SVM on learned features" in text


def test_where_it_comes_from(runs, edited):
    text = card(runs["nvie"])
    assert "Commit: `0123abc`\n" in text and text.rstrip().endswith("commit 0123abc.")
    assert "2030-01-02T03:04:05\n" in text
    text = edited("nvie", "config.json", ["commit"], "feed+")
    assert "Commit: `feed+`, changed since" in text
    assert "Commit: not known" in edited("nvie", "config.json", ["commit"], None)
    assert ":05, resumed" in edited("nvie", "config.json", ["resumed"], True)
    assert "Command: not known" in edited("nvie", "config.json", ["command"], None)
    for data in KINDS:
        study = zoo._studies.STUDIES[STUDY[data]]
        text = card(runs[data])
        assert text.startswith(f"# Model card: {study.name}, {study.model}\n")
        info = zoo.model_info(study.builder)
        assert f"{info.parameters:,} with" in text and f"('{info.name}')" in text
        assert text.count(f"- {study.paper.citation}.") == 1
    text = edited("gfe", "config.json", ["study"], "gfe_sequence")
    assert "Duchenne's own" in text and "(the model is ours, as Xu proposes)" in text
    text = edited("nvie", "config.json", ["study"], "nvie_inception")
    assert text.count("arXiv:1602.07261") == 2  # what it is, and what to cite


def test_how_to_load_it(runs, tmp_path):
    place = shutil.copytree(runs["sase_fe"], tmp_path / "20300102-030405-abcd")
    assert "zoo.load_run(" not in card(place)
    run = "zoo.load_run('runs/sase_lstm_pb/20300102-030405-abcd'"
    for parts, call in [
        ([""], f"{run})\n"),
        (["anger"], f"{run})\n"),
        (["anger", "fear", "sad"], f"{run}, part='anger')  # or 'fear', 'sad'\n"),
        (["", "pruned"], f"{run})  # or part='pruned'\n"),
    ]:
        serving = {"parts": dict.fromkeys(parts)}
        (place / "serving.json").write_text(json.dumps(serving))
        assert call in card(place)


def test_a_study_writes_the_card_that_can_be_made_of_its_run(tmp_path):
    """With the real writer of the report, before and after the folder has its name."""
    table = drawn("nvie")
    folder = RunFolder.open(tmp_path, "nvie_cnn", {}, resume=False)
    source = folder_of("nvie", tmp_path / "source", table)
    for name in ["config.json", "metrics.json", "predictions.csv"]:
        shutil.copy(source / name, folder.path / name)
    from experiments.nvie_cnn import STUDY as study

    run = Run(study, {}, folder, tmp_path, "real", "")
    rows = [["", "accuracy"], ["this run", "0.5"]]
    report.write(run, "title", rows, "Sentence.", {}, [], {"metrics.json": "measures"})
    assert folder.path.name.startswith(PREFIX) and PREFIX == _card_files.UNFINISHED
    with pytest.raises(ValueError, match="not finished.*--resume"):
        card(folder.path)
    final = folder.finish()
    written = (final / "model_card.md").read_text()
    assert written == card(final) == card(str(final)) == compose(final)
    assert PREFIX not in written
    told = (final / "report.md").read_text()
    assert intended_use("nvie") in told and "- `model_card.md`: " in told


def test_what_is_no_run_folder(runs, tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no folder .*nothing"):
        card(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="config.json and metrics.json missing"):
        card(tmp_path)
    place = shutil.copytree(runs["nvie"], tmp_path / "run")
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        card(place / "metrics.json")
    (place / "work").mkdir()
    with pytest.raises(ValueError, match="not finished"):
        card(place)
    (place / "work").rmdir()
    (place / "metrics.json").unlink()
    with pytest.raises(FileNotFoundError, match="folder: metrics.json missing.*runs/"):
        card(place)


@pytest.mark.parametrize("file", ["config.json", "metrics.json", "predictions.csv"])
@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\x00", b'{"study": 1}'])
def test_damaged_files(file, content, runs, tmp_path):
    place = shutil.copytree(runs["nvie"], tmp_path / "run")
    (place / file).write_bytes(content)
    with pytest.raises(ValueError, match=f"{file}.*(damaged|refused|none of nvie_)"):
        card(place)


@pytest.mark.parametrize(
    "file, way, value",
    [
        ("config.json", ["study"], "nvie_other"),
        ("config.json", ["study"], "gfe_mlp"),
        ("config.json", ["study"], []),
        ("config.json", ["study"], {}),
        ("metrics.json", ["accuracy"], 10**400),
        ("config.json", ["settings"], []),
        ("config.json", ["settings", "protocol"], "new"),
        ("config.json", ["data"], None),
        ("metrics.json", ["accuracy"], "0.5"),
        ("metrics.json", ["ci95"], [0.5]),
        ("metrics.json", ["baselines"], {}),
    ],
)
def test_files_of_another_kind(file, way, value, edited):
    with pytest.raises(ValueError, match="config.json|metrics.json"):
        edited("nvie", file, way, value)


def test_files_too_deep_and_parts_that_are_none(runs, tmp_path):
    place = shutil.copytree(runs["nvie"], tmp_path / "run")
    for parts in (5, [1, 2], "ab", None):
        (place / "serving.json").write_text(json.dumps({"parts": parts}))
        with pytest.raises(ValueError, match="serving.json.*expected parts"):
            card(place)
    (place / "serving.json").unlink()
    for depth in (450, 900, 10**5):
        (place / "metrics.json").write_text('{"a":' * depth + "1" + "}" * depth)
        with pytest.raises(ValueError, match="metrics.json"):
            card(place)


def test_files_are_not_read_through_links_that_lead_out(runs, tmp_path):
    names = ["config.json", "metrics.json", "predictions.csv", "serving.json"]
    for name in names:
        place = shutil.copytree(runs["nvie"], tmp_path / name.partition(".")[0])
        (place / "serving.json").write_text('{"parts": {"": {}}}')
        (place / name).rename(tmp_path / name)
        (place / name).symlink_to(tmp_path / name)
        with pytest.raises(ValueError, match=f"inside.*{name}"):
            card(place)


INJECTED = "`\n# Harmless |\r\n<script>![x](http://y)\u2028## z"


def test_what_a_file_says_stays_text(runs, edited, tmp_path):
    headings = [x for x in card(runs["nvie"]).splitlines() if x.startswith("#")]
    for way in ["started"], ["commit"], ["versions", "keras"], ["data", "folder"]:
        text = edited("nvie", "config.json", way, INJECTED)
        assert "z" in text
        assert [x for x in text.splitlines() if x.startswith("#")] == headings
        assert "<script" not in text and "![" not in text
    text = edited("nvie", "config.json", ["settings", INJECTED], INJECTED)
    [row] = [x for x in text.splitlines() if x.startswith("| settings |")]
    assert row.count("|") == 3 and row.count("`") % 2 == 0
    assert [x for x in text.splitlines() if x.startswith("#")] == headings


def test_a_part_s_name_does_not_become_code(runs, tmp_path):
    place = shutil.copytree(runs["sase_fe"], tmp_path / "it's a \"run")
    harmful = 'a"); import os #\n```\n# Heading'
    (place / "serving.json").write_text(json.dumps({"parts": {harmful: {}, "b": {}}}))
    code = card(place).partition("```python\n")[2].partition("\n```")[0]
    calls = [n for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Call)]
    assert len(calls) == 2 and code.count("\n") == 3
    load = next(c for c in calls if c.func.attr == "load_run")
    assert load.args[0].value == f"runs/sase_lstm_pb/{place.name}"
    assert load.keywords[0].value.value == harmful


def test_what_was_not_measured_is_a_dash_or_nothing(edited):
    text = edited("nvie", "metrics.json", ["roc_auc"], None)
    assert "nan" not in text and "None" not in text
    assert "| - |" in edited("gfe", "metrics.json", ["roc_auc"], math.nan)


def test_the_main_section_on_use_is_the_same_in_every_report():
    """One source: no report has a section of its own."""
    folder = pathlib.Path(__file__).parents[2] / "experiments"
    for path in folder.glob("*.py"):
        assert "lie detector" not in path.read_text(), path


def test_too_few_people_for_an_interval(tmp_path):
    for data in ["nvie", "sase_fe"]:
        text = card(folder_of(data, tmp_path / data, drawn(data, 3, 0.6)))
        head = text.partition("## ")[0]
        assert "**NOT shown to beat chance.**" in head and "95 % interval" not in head
        assert "with 3 tested, too few people for an interval." in head
