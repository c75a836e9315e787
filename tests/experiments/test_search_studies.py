"""A search of each dataset: blind to the test part, and repeated by its command.

That of GFE is in `test_search`.
"""

import importlib
import json
import shlex
import shutil

import numpy as np
import openpyxl
import pandas as pd
import pytest

from datasets import nvie, pupil, sample, sase_fe, splits
from datasets.sample import nvie as sample_nvie
from experiments.search import __main__ as search
from zoo.inputs import pupil_files

SHORT = {
    "pupil_lstm": ["--protocol", "video", "--epochs", "1", "--batch-size", "20"]
    + ["--diameters", "paper"],
    "nvie_cnn": ["--size", "32", "--epochs", "2", "--batch-size", "16"],
    "sase_lstm_pb": ["--emotions", "happiness", "--units", "8", "--depth", "1"]
    + ["--epochs", "2", "--copies", "1", "--test-copies", "2", "--batch-size", "8"],
}
LONG = 40  # samples of a series of observers


def pupils(folder):
    """Six of the sample's observers; changed: other series of the test videos."""

    def write(changed):
        place = folder / f"changed-{changed}" / "pupil"
        place.mkdir(parents=True)
        index = pupil.index(sample.path("pupil"))
        observers = sorted(index["observer"].unique())[:6]
        index = index[index["observer"].isin(observers)].reset_index(drop=True)
        tested = pupil.protocol(index, "video", 0)[0]["test"]
        tested = set(index["video"].iloc[tested])
        for path in index["path"].unique():
            series = pupil_files.read(path).series
            book = openpyxl.Workbook(write_only=True)
            for video in pupil.VIDEOS:
                sheet = book.create_sheet(video)
                sheet.append([])
                sheet.append([None, "Raw Signal"])
                sheet.append([None, *observers])
                columns = [series[video].get(name, [])[:LONG] for name in observers]
                if changed and video in tested:
                    # Other values, and longer than any of the training part.
                    columns = [np.tile(np.flip(values), 5) for values in columns]
                for row in range(max(map(len, columns))):
                    cells = [c[row] if row < len(c) else None for c in columns]
                    cells = ["NaN" if v is not None and v != v else v for v in cells]
                    sheet.append([None, *cells])
            book.save(place / path.rpartition("/")[2])
        return place

    return write


def pictures(folder):
    """Pictures of people who are tested, replaced by one of another face."""

    def write(changed):
        place = folder / f"changed-{changed}" / "nvie"
        sample_nvie.render(place, subjects=6)
        index = nvie.index(place)
        # Without, its apexes are found by what the pictures look like.
        index.to_csv(place / "manifest.csv", index=False)
        labels = nvie.task_labels(index, "spontaneous")
        parts = splits.holdout(index, labels, seed=0)
        other = index["path"].iloc[parts["train"][0]]
        for path in index["path"].iloc[parts["test"]] if changed else []:
            shutil.copy(other, path)
        return place

    return write


def videos(folder):
    """Videos of people who are tested, of which nothing is left to read."""

    def write(changed):
        place = folder / f"changed-{changed}" / "sase_fe"
        shutil.copytree(sample.path("sase_fe"), place)
        index = sase_fe.index(place)
        index = index[(index["part"] == "train") & (index["emotion"] == "happiness")]
        kinds = index["emotion"] + index["label"].astype(int).astype(str)
        index = index.reset_index(drop=True)
        parts = splits.holdout(index, kinds.reset_index(drop=True), seed=0)
        for path in index["path"].iloc[parts["test"]] if changed else []:
            open(path, "wb").write(b"nothing that anybody could read")
        return place

    return write


DATA = {"pupil_lstm": pupils, "nvie_cnn": pictures, "sase_lstm_pb": videos}


@pytest.mark.services  # for its time alone
@pytest.mark.parametrize("name", SHORT)
def test_blind_to_the_test_part_and_repeated_by_its_command(name, tmp_path):
    """With the test part replaced, a trial is to the last digit what it was."""
    write, losses = DATA[name](tmp_path), []
    for changed in (False, True):
        given = ["--data-dir", str(write(changed)), "--trials", "1", *SHORT[name]]
        folder = search.main([name, *given, "--out", str(tmp_path / str(changed))])
        (row,) = pd.read_csv(folder / "trials.csv").to_dict("records")
        losses.append([row["value"], row["user_attrs_roc_auc"]])
        assert row["state"] == "COMPLETE"
    assert losses[0] == losses[1]

    lines = (folder / "README.md").read_text().splitlines()
    repeat = next(line for line in lines if line.startswith("    python"))
    study = importlib.import_module(f"experiments.{name}")
    run = study.main([*shlex.split(repeat)[3:], "--out", str(tmp_path / "runs")])
    measured = json.loads((run / "metrics.json").read_text())
    assert measured["validation"] is True
    assert [measured["loss"], measured["roc_auc"]] == losses[0]
