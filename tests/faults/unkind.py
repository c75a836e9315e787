"""A machine that is unkind to `pupil_course`: a small disk, few rights.

A process that `test_machine.py` starts as root, in a mount namespace of its own and
without root's right to read and write everything. Prints a line of JSON a case.
"""

import contextlib
import io
import json
import os
import pathlib
import resource
import subprocess
import sys

from tests.faults.untouched import content

OPTIONS = ["--protocol", "paper"]
DISK = 8 << 20
# Room for so many bytes: for nothing; for config.json, and not for a part that is done;
# for that, and not for model.keras; not for the SavedModel; not for all figures.
ROOMS = [0, 8 << 10, 16 << 10, 64 << 10, 250 << 10]
LIMITS = [1000, 30_000]  # for config.json; for the SavedModel


def study(out, *options, data=("--data", "sample")):
    """Runs the study; what it said, and its exit status as a shell would see it."""
    from experiments import pupil_course

    said, errors, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(errors):
        try:
            pupil_course.main([*data, *OPTIONS, "--out", str(out), *options])
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
            print(stop.code, file=errors)
    return {"code": code, "said": said.getvalue(), "errors": errors.getvalue()}


def tell(case, out, **more):
    names = [path.name for path in sorted(out.glob("pupil_course/*"))]
    print(json.dumps({"case": case, "names": names, **more}), flush=True)


def ballast(disk, room):
    """Fills a disk up to so many bytes."""
    file = disk / "ballast"
    file.unlink(missing_ok=True)
    free = os.statvfs(disk)
    size = free.f_bavail * free.f_frsize - room
    with open(file, "wb") as filled:
        os.posix_fallocate(filled.fileno(), 0, max(1, size))


def mount(*arguments):
    subprocess.run(["mount", *map(str, arguments)], check=True)


def full_disk(folder):
    disk = folder / "disk"
    disk.mkdir()
    mount("-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", disk)
    first = study(disk)
    (earlier,) = disk.glob("pupil_course/2*")
    before = content(earlier)
    tell("undisturbed", disk, **first, measures=measures(earlier))
    for room in ROOMS:
        ballast(disk, room)
        result = study(disk, "--resume")
        tell(f"full {room}", disk, **result, intact=content(earlier) == before)
    cache(disk)
    (disk / "ballast").unlink()
    result = study(disk, "--resume")
    (final,) = set(disk.glob("pupil_course/2*")) - {earlier}
    tell("room again", disk, **result, measures=measures(final))
    mount("-o", "remount,ro", disk)
    intact = content(earlier) == before
    tell("read-only", disk, **study(disk), intact=intact)


def cache(disk):
    """The sample is to be rendered to a full disk."""
    before = os.environ["DUCHENNE_CACHE"]
    os.environ["DUCHENNE_CACHE"] = str(disk / "cache")
    ballast(disk, 100 << 10)
    result = study(disk)
    left = [path.name for path in (disk / "cache").rglob("*") if path.is_file()]
    os.environ["DUCHENNE_CACHE"] = before
    tell("sample", disk, **result, left=left)


def limit(folder):
    """A limit on the size of files, as some schedulers set."""
    for size in LIMITS:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        result = study(folder / "limited")
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
        tell(f"limit {size}", folder / "limited", **result)


def no_right(folder):
    out, data = folder / "out", folder / "pupil"
    for place in (out, out / "pupil_course"):
        place.mkdir(0o500)
        tell(f"not writable {place.name}", out, **study(out))
        place.chmod(0o700)
    tell("a file", out, **study(data_file(folder)))
    data.mkdir()
    from datasets import sample

    for path in sample.path("pupil").iterdir():
        (data / path.name).write_bytes(path.read_bytes())
    there = ("--data-dir", str(data))
    for place in (data / "REPD.xlsx", data):
        place.chmod(0)
        tell(f"not readable {place.name}", out, **study(out, data=there))
        place.chmod(0o700)


def data_file(folder):
    file = folder / "file"
    file.write_text("mine")
    return file


def measures(folder):
    found = json.loads((folder / "metrics.json").read_text())
    del found["milliseconds_a_series"]
    return found


if __name__ == "__main__":
    place = pathlib.Path(sys.argv[1])
    full_disk(place)
    limit(place)
    no_right(place)
