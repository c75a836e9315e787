"""By which code, packages and cores the trials of a search were measured."""

import functools

from experiments import parts, run_folder, search_queue

PACKAGES = "tensorflow", "keras", "numpy"


@functools.cache
def here():
    """The checkout's commit, and what else decides on a value's last digits."""
    versions = run_folder.versions()
    return {
        "commit": run_folder.commit() or "not known",
        **{name: versions[name] for name in PACKAGES},
        "cores": parts.cores(),
    }


def mixed(trials, going_on=False):
    """Says whether the values of a search come from different code or machines.

    They can still be compared where only a text was changed; that is for people to
    know.

    Args:
        trials: all trials of the Optuna study.
        going_on: whether trials of this process are to come.

    Returns:
        A line for each that differs; none where all are the same.
    """
    ended = search_queue.finished(trials)
    by_code = {}
    for slot, trial in ended.items():
        if code := trial.user_attrs.get("code"):
            by_code.setdefault(told(code), []).append(str(slot + 1))
    if going_on:
        by_code.setdefault(told(here()), [])
    if len(by_code) < 2:
        return []
    lines = ["The trials were not measured by the same code, packages and cores:"]
    for code, slots in by_code.items():
        of = f"trials {', '.join(slots)}" if slots else "from now on"
        lines.append(f"{of}: {code}")
    return lines


def told(code):
    return ", ".join(f"{name} {value}" for name, value in code.items())
