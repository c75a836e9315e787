"""A full disk, a read-only one, no permission: a message, and nothing else is touched.

Everything is done by one process, see `unkind.py`.
"""

import ctypes
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from tests.faults import unkind

ROOT = pathlib.Path(__file__).resolve().parents[2]
# From linux/prctl.h and linux/capability.h.
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2
UNSHARE = ["unshare", "--mount"]


def without_rights():
    """What root may do and others not: to read and write whatever there is."""
    libc = ctypes.CDLL(None, use_errno=True)
    for right in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        if libc.prctl(PR_CAPBSET_DROP, right, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")


def can_mount():
    if not hasattr(os, "geteuid") or os.geteuid() or not shutil.which("unshare"):
        return False
    command = [*UNSHARE, "mount", "-t", "tmpfs", "tmpfs", "/tmp"]
    return subprocess.run(command, capture_output=True).returncode == 0


pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """What came of each case, by name."""
    if not can_mount():
        pytest.skip("needs root and a mount namespace")
    from datasets import sample

    sample.path("pupil")  # rendered before the disk is full
    folder = tmp_path_factory.mktemp("unkind")
    done = subprocess.run(
        [*UNSHARE, sys.executable, "-m", "tests.faults.unkind", str(folder)],
        cwd=ROOT,
        env={"DUCHENNE_CACHE": os.path.expanduser("~/.cache/duchenne"), **os.environ},
        preexec_fn=without_rights,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {case["case"]: case for case in found}


def error(case):
    """The last line of what was said: the error."""
    assert case["code"] == 1 and "Traceback" not in case["errors"], case["errors"]
    last = case["errors"].strip().splitlines()[-1]
    assert last.startswith("error: ")
    return last


@pytest.mark.parametrize("room", unkind.ROOMS)
def test_a_full_disk(cases, room):
    case = cases[f"full {room}"]
    assert "No space left on device" in error(case)
    assert "/disk/pupil_course/.unfinished-" in error(case)
    assert "choose another place with --out" in error(case)
    assert case["intact"]
    (earlier,) = [name for name in case["names"] if name[0] != "."]
    assert earlier == cases["undisturbed"]["names"][0]
    kept = len(case["names"]) == 2  # nothing is kept where nothing is done
    assert kept == (room > 8 << 10)
    assert ("Unfinished, 1 part done: " in case["errors"]) == kept
    assert ("--resume" in case["errors"]) == kept


def test_with_room_again_it_goes_on_to_the_same(cases):
    case = cases["room again"]
    assert case["code"] == 0 and "Going on with" in case["said"]
    assert case["measures"] == cases["undisturbed"]["measures"]
    assert len(case["names"]) == 2 and not any(n[0] == "." for n in case["names"])


def test_the_sample_on_a_full_disk(cases):
    case = cases["sample"]
    assert "cannot write the sample" in error(case)
    assert "No space left" in error(case) and "DUCHENNE_CACHE" in error(case)
    assert case["left"] == []


@pytest.mark.parametrize("size", unkind.LIMITS)
def test_a_limit_on_the_size_of_files(cases, size):
    said = error(cases[f"limit {size}"])
    assert "A file grew beyond the limit set" in said and "/limited/" in said


@pytest.mark.parametrize(
    "case, reason",
    [
        ("read-only", "--out: .*/disk/pupil_course.*Read-only file system"),
        ("not writable out", "--out: .*/out/pupil_course.*Permission denied"),
        ("not writable pupil_course", "--out: .*/out/pupil_course.*Permission denied"),
        ("a file", "--out: .*/file.* is not a folder"),
        ("not readable REPD.xlsx", r".*Permission denied.*/pupil/REPD\.xlsx"),
        ("not readable pupil", ".*Permission denied.*/pupil"),
    ],
)
def test_what_may_not_be_read_or_written(cases, case, reason):
    assert re.match(f"error: {reason}", error(cases[case])), error(cases[case])
    assert cases[case].get("intact", True)
    assert not any(name.startswith(".unfinished") for name in cases[case]["names"])
