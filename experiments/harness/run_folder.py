"""A study's run folder: complete under its name, or hidden and unfinished.

A run works in `.unfinished-<time>-<hash of the settings>` and is renamed to
`<time>-<hash>` when everything is written. What only the work needs (checkpoints,
cached features) lies in `work/` inside and is gone then.
"""

import hashlib
import importlib.metadata
import json
import pathlib
import platform
import shutil
import subprocess
import time

import filelock
import numpy as np

from experiments.harness.checkpoint import Checkpoint, replace_file

PACKAGES = "tensorflow keras numpy pandas scikit-learn xgboost imaug".split()
PACKAGES += "python-calamine openpyxl dlib-bin opencv-contrib-python-headless".split()
UNFINISHED = ".unfinished-"
# Settings that change what a model is shown, and their usual values.
USUAL = {"frame": "apex", "control": "none"}


class RunFolder:
    """The folder of one run, locked until its process ends.

    Attributes:
        path: where the run writes.
        work: the folder of what only the work needs.
        resumed: whether the run goes on with an earlier, unfinished one.
        checkpoint: what `--resume` finds.
    """

    def __init__(self, path: pathlib.Path, resumed: bool):
        self.path, self.resumed = path, resumed
        self.work = path / "work"
        self.work.mkdir(parents=True, exist_ok=True)
        self.checkpoint = Checkpoint(self.work / "checkpoints")
        self.started = time.strftime("%Y-%m-%dT%H:%M:%S")
        self.lock = filelock.FileLock(self.work / "lock", blocking=False)
        self.lock.acquire()
        for partial in path.rglob(".*.partial"):  # what a kill left half-written
            shutil.rmtree(partial) if partial.is_dir() else partial.unlink()

    @classmethod
    def open(cls, out: pathlib.Path, study: str, key: str, resume: bool) -> "RunFolder":
        """Open a new folder, or the last unfinished one of the same settings.

        Args:
            out: folder of all runs.
            study: the study's name.
            key: hash of everything that decides the result.
            resume: whether to go on with an unfinished run.

        Raises:
            OSError: the folder cannot be written, or all unfinished runs of these
                settings are at work in other processes.
        """
        parent = pathlib.Path(out).expanduser() / study
        parent.mkdir(parents=True, exist_ok=True)
        for work in parent.glob("[!.]*/work"):  # of runs that were killed at their end
            shutil.rmtree(work, ignore_errors=True)
        unfinished = sorted(parent.glob(f"{UNFINISHED}*-{key}*"), reverse=True)
        if resume:
            for path in unfinished:
                try:
                    folder = cls(path, resumed=True)
                except filelock.Timeout:
                    continue
                print(f"Resuming {path}")
                return folder
            if unfinished:
                raise OSError(
                    "--resume: expected an unfinished run that nobody works on. "
                    f"Another process is at work in {unfinished[0]}. Wait for its end, "
                    "or start without --resume."
                )
            print(f"--resume: no unfinished run of these settings in {parent}")
        elif unfinished:
            print(f"Left as it is: unfinished {unfinished[0]} (go on: --resume)")
        name = f"{UNFINISHED}{time.strftime('%Y%m%d-%H%M%S')}-{key}"
        for path in _names(parent / name):
            try:
                path.mkdir()
                return cls(path, resumed=False)
            except (FileExistsError, filelock.Timeout):
                continue

    def interrupt(self) -> str:
        """Keep an unfinished folder where there is something to resume.

        Returns:
            What was kept, for the user; "" where the folder was removed.
        """
        keys = [key for key in self.checkpoint.keys() if key != "data"]
        kept = bool(keys) or any(self.work.glob("*.npy"))
        if not kept:
            shutil.rmtree(self.path, ignore_errors=True)
        self.lock.release()
        return "" if not kept else f"Unfinished ({len(keys)} checkpoints): {self.path}."

    def finish(self) -> pathlib.Path:
        """Give the folder its final name and remove the working files."""
        name = self.path.name.removeprefix(UNFINISHED)
        final = next(p for p in _names(self.path.with_name(name)) if not p.exists())
        self.path.rename(final)
        shutil.rmtree(final / "work", ignore_errors=True)
        self.lock.release()
        return final

    def write_json(self, name: str, content: dict) -> None:
        """Write a file that is whole or absent.

        Raises:
            ValueError: a number in it is not finite.
        """
        write_json(self.path / name, content)


def _names(path):
    """The path, then path-2, path-3 ..."""
    yield path
    for number in range(2, 1000):
        yield path.with_name(f"{path.name}-{number}")


def write_json(path: pathlib.Path, content: dict) -> None:
    text = json.dumps(content, indent=2, default=str, allow_nan=False) + "\n"
    replace_file(path, lambda partial: partial.write_text(text))


def write_serving(path, study, kind, inputs, classes, parts, **more) -> None:
    """Write `serving.json`: what `zoo.load_run` has to know beside the models.

    Args:
        path: of the run folder.
        study: the study's name.
        kind: "real" or "sample".
        inputs: what the models take: "pictures", "points", "diameters", "tracks".
        classes: names of the columns of their answers.
        parts: dict of names to the files and settings of each model; the one that is
            meant where none is named has the name "".
        more: what else this kind of input needs.
    """
    content = {"format": 1, "study": study, "data": kind, "inputs": inputs}
    content |= {"classes": list(classes), "parts": parts, **more}
    write_json(path / "serving.json", content)


def variant(settings: dict) -> str:
    """Return in words what a model is shown otherwise than usual; "" for nothing."""
    changed = [key for key in USUAL if settings.get(key, USUAL[key]) != USUAL[key]]
    return ", ".join(f"{key} {settings[key]}" for key in changed)


def short_hash(content) -> str:
    """Eight hexadecimal digits of whatever JSON can hold."""
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def hash_data(*data) -> str:
    """Sixteen hexadecimal digits of arrays and frames, to recognise data by."""
    digest = hashlib.sha256()
    for one in data:
        content = one if isinstance(one, np.ndarray) else one.to_csv(index=False)
        if isinstance(content, str):
            content = content.encode("utf-8", "surrogateescape")
        digest.update(content)
    return digest.hexdigest()[:16]


def versions() -> dict:
    """Versions of Python, the platform and the packages that decide results."""
    result = {"python": platform.python_version(), "platform": platform.platform()}
    for name in PACKAGES:
        try:
            result[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            result[name] = None
    return result


def commit() -> str | None:
    """The checkout's commit, `+` where it was changed since; `None` without git."""
    root = pathlib.Path(__file__).resolve().parents[2]

    def git(*words):
        command = ["git", "--no-optional-locks", "-C", str(root), *words]
        return subprocess.run(
            command, capture_output=True, text=True, check=True
        ).stdout

    try:
        if pathlib.Path(git("rev-parse", "--show-toplevel").strip()).resolve() != root:
            return None  # unpacked inside somebody else's repository
        changed = "+" if git("status", "--porcelain", "-uno").strip() else ""
        return git("rev-parse", "HEAD").strip() + changed
    except (OSError, subprocess.CalledProcessError):
        return None
