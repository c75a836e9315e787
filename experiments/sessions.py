"""A session of `experiments.all`: what is to run, and what came of each run.

`OUT/all/TIME/` holds `runs.json` (what is to run), `NAME.log` of each run and, once it
is finished, `NAME.json`, which names its run folder. So a session goes on after
whatever ended it, kill -9 included: what is finished is what has such a file.
"""

import json
import os
import pathlib
import shlex
import shutil
import time
from dataclasses import asdict, dataclass

from experiments import listing, run_folder

FILE = "runs.json"
PATIENCE = 40  # seconds, more than a study has for its end


@dataclass(frozen=True, eq=False)
class Planned:
    """One run that a session is to have.

    Attributes:
        study: its name.
        protocol: `"default"`, the study's own, or the value of `--protocol`.
        kind: `"real"` or `"sample"`.
        argv: the study's command line.
        jobs: whether the study takes `--jobs`.
    """

    study: str
    protocol: str
    kind: str
    argv: list
    jobs: bool = False

    @property
    def name(self):
        return f"{self.study}-{self.protocol}"

    @property
    def command(self):
        return shlex.join(["python", "-m", f"experiments.{self.study}", *self.argv])


class Session:
    """The folder of a session.

    Attributes:
        folder: its path.
        resumed: whether it goes on with an earlier, unfinished one.
    """

    def __init__(self, folder, resumed):
        self.folder, self.resumed = folder, resumed
        (folder / "work").mkdir(exist_ok=True)
        self.lock = run_folder.locked(folder)

    @classmethod
    def open(cls, out, planned, quick, resume):
        """Opens a new session, or the last unfinished one of the same runs.

        Args:
            out: folder of all runs.
            planned: list of `Planned`.
            quick: whether these are quick settings.
            resume: whether to go on with an unfinished one.

        Raises:
            OSError: the folder cannot be written, or the session is still at work.
        """
        content = {"quick": quick, "runs": [asdict(one) for one in planned]}
        for folder in sorted((out / "all").glob("*/"), reverse=True) if resume else ():
            if _read(folder / FILE) == {**content, "finished": False}:
                free(folder)
                return cls(folder, resumed=True)
        if resume:
            print("--resume: no unfinished session of these runs; starting")
        stamp = time.strftime("%Y%m%d-%H%M%S")
        result = cls(run_folder.vacant(out / "all" / stamp), resumed=False)
        write_json(result.folder / FILE, {**content, "finished": False})
        return result

    def log(self, one):
        return self.folder / f"{one.name}.log"

    def result_file(self, one):
        return self.folder / f"{one.name}.json"

    def result(self, one):
        """What came of a run: `(Finished, seconds)`; `None` where it is not finished.

        A run folder that was deleted since, or damaged, has to be made anew.
        """
        told = _read(self.result_file(one))
        try:
            return listing.finished(told["folder"]), float(told["seconds"])
        except (LookupError, TypeError, ValueError):
            return None

    def finish(self):
        """Marks the session as finished, with nothing left to go on with."""
        content = _read(self.folder / FILE)
        write_json(self.folder / FILE, {**content, "finished": True})
        self.close()
        shutil.rmtree(self.folder / "work", ignore_errors=True)

    def close(self):
        if self.lock:
            self.lock.close()


def free(folder):
    """Waits until nobody is at work in a session: studies take a while to end."""
    for left in range(PATIENCE, 0, -1):
        if not run_folder.running(folder):
            return
        if left == PATIENCE:
            print(f"Waiting for what is at work in {folder}", flush=True)
        time.sleep(1)
    raise OSError(
        f"--resume: another process is at work in {folder}. Wait for its end, or start "
        "without --resume."
    )


def run_folders(folder):
    """The finished runs of a session, by its folder; `None` where it is not one's."""
    if _read(folder / FILE) is None:
        return None
    results = [_read(file) or {} for file in sorted(folder.glob("*.json"))]
    named = [told["folder"] for told in results if isinstance(told.get("folder"), str)]
    return [pathlib.Path(name) for name in named]


def write_json(path, content):
    """Writes a file that is complete or absent."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(content, indent=2) + "\n")
    os.replace(partial, path)


def _read(path):
    """The content of a file of ours; `None` where it is absent or none."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
