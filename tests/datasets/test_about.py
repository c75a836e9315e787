"""What is said of the datasets agrees with what reads and divides them."""

import subprocess
import sys

import pytest

from datasets import about

ALL = [about.NVIE, about.GFE, about.PUPIL, about.SASE_FE, about.PEDFE, about.OWN]


def test_protocols_say_what_they_leak():
    names = [list(data.protocols) for data in ALL]
    assert names == [
        ["subject", "folds", "image"],
        ["shuffled", "holdout", "signer"],
        ["paper", "observer", "video", "both"],
        ["holdout", "folds", "challenge"],
        *[["folds", "holdout", "image"]] * 2,
    ]
    for data in ALL:
        assert all("It leaks" in text for text in data.protocols.values())


@pytest.mark.parametrize("data", ALL, ids=lambda data: data.folder)
def test_whom_a_model_is_not_for(data):
    text = about.intended_use(data)
    assert data.labels in text and data.question in text and data.unknown in text
    assert "Neither says anything of lies" in text
    assert "Do not use it to judge a person" in text and "2024/1689" in text
    assert "{" not in text


def test_facts_need_no_library():
    code = "import sys; import datasets.about, experiments.papers; "
    code += "print({'pandas', 'numpy', 'keras', 'zoo'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr
