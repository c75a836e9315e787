"""A study's run folder: complete under its name, or hidden and unfinished.

A run works in `.unfinished-<time>-<hash of the settings>` and is renamed to
`<time>-<hash>` when everything is written. What only the work needs (backups, cached
features) lies in `work/` inside and is gone then.
"""

import errno
import hashlib
import importlib.metadata
import json
import os
import pathlib
import platform
import shutil
import subprocess
import time

from experiments.run_state import NotFinite, data_told

PACKAGES = "tensorflow keras numpy pandas scikit-learn xgboost imaug".split()
PACKAGES += "python-calamine openpyxl dlib-bin opencv-contrib-python-headless".split()
PREFIX = ".unfinished-"
REST = ".rest-"
LOCK = "lock"


class RunFolder:
    """The folder of one run.

    Attributes:
        path: where the run writes.
        work: the folder of what only the work needs.
        resumed: whether the run goes on with an earlier, unfinished one.
    """

    def __init__(self, path, resumed):
        self.path = path
        self.work = path / "work"
        self.work.mkdir(parents=True, exist_ok=True)
        self.resumed = resumed
        self.started = time.time()
        self.lock = locked(path)
        for partial in path.rglob(".*.partial"):  # what a kill left half-written
            remove(partial)

    @classmethod
    def open(cls, out, study, settings, resume):
        """Opens a new folder, or the last unfinished one of the same settings.

        Args:
            out: folder of all runs.
            study: the study's name.
            settings: everything that decides the result.
            resume: whether to go on with an unfinished run.

        Raises:
            OSError: the folder cannot be written, or, with `resume`, another process
                is at work in it.
        """
        parent = pathlib.Path(out).expanduser() / study
        try:
            parent.mkdir(parents=True, exist_ok=True)
            return cls._open(parent, short_hash(settings), resume)
        except (FileExistsError, NotADirectoryError) as error:
            raise OSError(f"--out: {error.filename} is not a folder.") from error
        except BlockingIOError as error:
            raise OSError(
                "--resume: another process is at work on the run of these settings, in "
                f"{error.filename}. Wait for its end, or start without --resume."
            ) from error
        except OSError as error:
            raise OSError(
                f"--out: no run can be written to {parent}: {error}. Make room there, "
                "or choose another folder with --out."
            ) from error

    @classmethod
    def _open(cls, parent, key, resume):
        for rest in parent.glob(f"{REST}*"):  # of runs that were killed at their end
            shutil.rmtree(rest, ignore_errors=True)
        found = sorted(parent.glob(f"{PREFIX}*-{key}*"))
        unfinished = [path for path in found if not running(path)]
        if resume and unfinished:
            folder = cls(unfinished[-1], resumed=True)
            print(f"Going on with {folder.path}")
            return folder
        if resume and found:
            raise BlockingIOError(errno.EWOULDBLOCK, "at work", str(found[-1]))
        if resume:
            print(
                f"--resume: no unfinished run of these settings in {parent}; starting"
            )
        elif unfinished:
            print(f"Left as it is: unfinished {unfinished[-1]} (go on: --resume)")
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{key}"
        return cls(vacant(parent / f"{PREFIX}{name}"), resumed=False)

    def interrupt(self):
        """Leaves an unfinished folder where there is something to go on with.

        Returns:
            What was kept, for the user; empty where it was nothing.
        """
        if self.lock:
            self.lock.close()  # a traceback may hold on to this run
        done, parts = epochs_done(self.work), len(list(self.work.glob("*.done")))
        begun = [*self.work.glob("*.labels.npy"), *self.work.glob("*.state")]
        if not done and not parts and not begun:
            shutil.rmtree(self.path, ignore_errors=True)
            return ""
        kept = plural(parts, "part") if parts else plural(done, "epoch")
        kept = f"{kept} done" if parts or done else "the first part begun"
        return f"Unfinished, {kept}: {self.path}."

    def finish(self):
        """Removes the working files and gives the folder its final name."""
        name = self.path.name.removeprefix(PREFIX)
        final = vacant(self.path.with_name(name), make=False)
        rest = vacant(self.path.with_name(f"{REST}{name}"), make=False)
        # Two renames: whoever kills this leaves all working files, or none.
        self.work.rename(rest)
        self.path.rename(final)
        if self.lock:
            self.lock.close()
        shutil.rmtree(rest, ignore_errors=True)
        return final

    def write_json(self, name, content):
        """Writes a file that is whole or absent.

        Raises:
            NotFinite: a number in it is none.
        """
        try:
            text = json.dumps(content, indent=2, default=str, allow_nan=False)
        except ValueError as error:
            raise NotFinite(
                f"{name} would hold a measure that is not a number: {error}. The "
                "training may have diverged: lower --learning-rate."
            ) from error
        partial = self.work / f"{name}.partial"
        partial.write_text(text + "\n")
        os.replace(partial, self.path / name)

    def write_serving(self, run, inputs, classes, parts, **more):
        """Writes `serving.json`: what `zoo.load_run` has to know beside the models.

        Args:
            run: the `Run`.
            inputs: what the models take: "pictures", "points", "diameters", "tracks".
            classes: names of the columns of their answers.
            parts: dict of names to the files and settings of each model; the one that
                is meant where none is named has the name "".
            more: what else this kind of input needs.
        """
        content = {
            "format": 1,
            "study": run.study.name,
            "data": run.kind,
            "inputs": inputs,
            "classes": list(classes),
            "parts": parts,
            **more,
        }
        self.write_json("serving.json", content)

    def write_config(self, run, data):
        """Writes `config.json`: what it takes to repeat the run.

        Args:
            run: the `Run`.
            data: what is known of the data: fingerprint, counts.

        Raises:
            ValueError: a run is gone on with, and its data are not what they were.
        """
        config = {
            "study": run.study.name,
            "command": run.command,
            "settings": run.settings,
            "seed": run.settings["seed"],
            "data": {"kind": run.kind, "folder": run.data_dir, **data},
            "versions": versions(),
            "commit": commit(),
            "started": time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(self.started)),
            "resumed": self.resumed,
            "quick": is_quick(run),
        }
        before = self.path / "config.json"
        if self.resumed and before.exists():
            known = data_told(before)
            if known != json.loads(json.dumps(config["data"], default=str)):
                raise ValueError(
                    "The data have changed since the run was interrupted: now "
                    f"{config['data']}, then {known}. Start without --resume."
                )
        self.write_json("config.json", config)


def is_quick(run):
    """Whether a run has the settings of a first look, however they came about."""
    quick = run.study.quick
    return bool(quick) and all(run.settings.get(k) == v for k, v in quick.items())


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def plural(count, name):
    return f"{count} {name}" if count == 1 else f"{count} {name}s"


def locked(path):
    """A lock on a run's folder that ends with the process; `None` without `fcntl`."""
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    file = open(path / "work" / LOCK, "w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Its owner may have removed it, and finished, since it was opened.
        if not os.path.samestat(os.fstat(file.fileno()), os.stat(file.name)):
            raise FileNotFoundError
    except (BlockingIOError, FileNotFoundError) as error:
        file.close()
        raise BlockingIOError(errno.EWOULDBLOCK, "at work", str(path)) from error
    except OSError as error:
        file.close()
        if error.errno in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            return None  # a file system without locks
        raise
    return file


def running(path):
    """Whether another process is at work in a run's folder."""
    if not (path / "work" / LOCK).exists():
        return False
    try:
        lock = locked(path)
    except BlockingIOError:
        return True
    except FileNotFoundError:  # ended just now
        return True
    if lock:
        lock.close()
    return False


def vacant(path, make=True):
    """The path, or the first of path-2, path-3 ... that does not exist."""
    for number in range(1, 1000):
        candidate = path if number == 1 else path.with_name(f"{path.name}-{number}")
        if not make and not candidate.exists():
            return candidate
        try:
            if make:
                candidate.mkdir(parents=True)
                return candidate
        except FileExistsError:
            if not candidate.is_dir():
                raise
    raise OSError(f"There are a thousand folders named {path}-N already.")


def epochs_done(work):
    """Number of epochs that a training in this folder has behind it."""
    try:
        metadata = (work / "backup" / "training_metadata.json").read_text()
        return int(json.loads(metadata)["epoch"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def short_hash(content):
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def fingerprint(index, data_dir):
    """A hash of which pictures a study saw, and as what.

    Args:
        index: a frame with a column `path`.
        data_dir: the folder that the paths are taken relative to.

    Returns:
        16 hexadecimal digits: of every picture's place, size and labels.
    """
    digest = hashlib.sha256()
    for row in index.itertuples(index=False):
        place = os.path.relpath(row.path, data_dir).replace(os.sep, "/")
        labels = [str(value) for name, value in row._asdict().items() if name != "path"]
        told = "\0".join([place, str(os.path.getsize(row.path)), *labels])
        digest.update(os.fsencode(told))
    return digest.hexdigest()[:16]


def versions():
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def commit():
    """The checkout's commit, `+` where it was changed since, or `None`."""
    root = pathlib.Path(__file__).resolve().parents[1]

    def git(*arguments):
        command = ["git", "-C", str(root), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        if pathlib.Path(git("rev-parse", "--show-toplevel")).resolve() != root:
            return None  # unpacked inside somebody else's repository
        changed = "+" if git("status", "--porcelain", "--untracked-files=no") else ""
        return git("rev-parse", "HEAD") + changed
    except (OSError, subprocess.CalledProcessError):
        return None
