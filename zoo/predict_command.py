"""`python -m zoo predict`: files in, tables and drawn copies out."""

import contextlib
import os
import sys
import warnings

from rich.markup import escape

from zoo import _annotate, _files, _tables
from zoo.inputs import video_files
from zoo.trained_run import load_run, parts

SAMPLE = (
    "This model was trained on the SAMPLE, made by code: what it says of people means "
    "nothing."
)
LIMITS = (
    "An estimate for research, and no lie detector: do not judge people by it "
    "(python -m zoo card {run})."
)
WHOLE = (
    "In this run's training pictures no faces were found: pictures are taken whole, as "
    "they were in training."
)
DRAWN = ("pictures", "tracks")  # inputs that can be drawn into


def predict(options):
    """Does the work of the command.

    Args:
        options: of the command line: `run`, `inputs`, `out`, `annotate`, `part`,
            `whole`.

    Returns:
        0, or 1 if some inputs could not be read or drawn.

    Raises:
        ValueError, OSError, ImportError: nothing was done; the message is for the user.
    """
    if options.out is not None:
        _tables.check(options.out)
        _tables.check(frames_file(options.out))
    if hasattr(sys.stdout, "reconfigure"):  # names in bytes that are no text
        sys.stdout.reconfigure(errors="backslashreplace")
    given = listed(options.inputs)
    names = [options.part] if options.part is not None else parts(options.run)
    names = [""] if "" in names else names
    runs = {name: load_run(options.run, name) for name in names}
    with plain_warnings():
        return Prediction(options, runs, given).work()


def listed(inputs):
    """The inputs' names, those on standard input in the place of `-`."""
    names = []
    for name in inputs:
        if name == "-":
            # File names are bytes, and not all of them are text.
            lines = os.fsdecode(sys.stdin.buffer.read()).split("\n")
            names += [line.rstrip("\r") for line in lines if line.strip()]
        else:
            names.append(name)
    if not names:
        raise ValueError("expected the names of files on standard input, got none")
    return names


class Prediction:
    """One call of the command.

    Args:
        options: of the command line.
        runs: dict of parts to `TrainedRun`, all of one run folder.
        given: files and folders.
    """

    def __init__(self, options, runs, given):
        run = next(iter(runs.values()))
        check(run, options)
        self.options, self.run = options, run
        self.readers = {
            name: _files.READERS[run.inputs](run, options.whole)
            for name, run in runs.items()
        }
        reader = next(iter(self.readers.values()))
        front = ["input", "part"] if len(runs) > 1 else ["input"]
        self.trained_on = "SAMPLE" if run.data == "sample" else "real"
        self.columns = {"results": [*front, *reader.results, "error", "trained_on"]}
        if reader.frames:
            self.columns["frames"] = [*front, *reader.frames, "trained_on"]
        outputs = [path for path in (options.out, options.annotate) if path]
        outputs += [frames_file(options.out)] if options.out else []
        self.files = _files.find(given, reader.endings, outputs)
        self.places = {}
        if options.annotate is not None:
            points = _files.TrackFiles.points  # there is nothing to draw into
            drawn = [f for f in self.files if video_files.ending(f) not in points]
            self.places = _annotate.places(drawn, options.annotate)
        self.counts = dict.fromkeys(("answers", "empty", "errors", "undrawn"), 0)

    def work(self):
        """Goes through all files; returns the exit code."""
        if self.run.data == "sample":
            tell(SAMPLE)
        if self.run.serving.get("framing", 0) is None and not self.options.whole:
            tell(WHOLE)
        with contextlib.ExitStack() as stack:
            self.open_tables(stack)
            bar = stack.enter_context(progress())
            task = bar.add_task("", total=len(self.files))
            for path in self.files:
                bar.update(task, description=escape(path.name))
                self.one(path)
                bar.advance(task)
        if self.shown is not None:
            show(self.shown)
        return self.finish()

    def open_tables(self, stack):
        """Files, or what goes to standard output: a table for people, or CSV."""
        out, self.tables, self.shown = self.options.out, {}, None
        if out is not None:
            paths = {"results": out, "frames": frames_file(out)}
            for table, columns in self.columns.items():
                writer = _tables.writing(paths[table], columns)
                self.tables[table] = stack.enter_context(writer)
        elif sys.stdout.isatty():
            self.shown = []
        else:
            writer = _tables.writing(None, self.columns["results"])
            self.tables["results"] = stack.enter_context(writer)

    def one(self, path):
        """Reads a file, by every part; what is wrong with it goes into the table."""
        drawn = []
        for name, reader in self.readers.items():
            whole = {"input": str(path), "part": name, "trained_on": self.trained_on}
            try:
                for table, row in reader.read(path):
                    self.keep(table, whole | row)
                    if path in self.places:
                        drawn.append((table, whole | row))
            except ImportError:
                raise
            except Exception as error:  # of OpenCV or dlib, too: this file's own fault
                expected = isinstance(error, ValueError | OSError | ArithmeticError)
                told = str(error) if expected else f"{type(error).__name__}: {error}"
                told = " ".join(told.removeprefix(f"{path}: ").split())
                self.keep("results", {**whole, "error": told})
                drawn = []
        if drawn:
            self.draw(path, drawn)

    def keep(self, table, row):
        row = {name: row[name] for name in self.columns[table] if name in row}
        if table in self.tables:
            self.tables[table](row)
        if table == "results":
            if self.shown is not None:
                self.shown.append(row)
            answers = next(iter(self.readers.values())).answers.names
            answered = "answers" if answers[0] in row else "empty"
            self.counts["errors" if "error" in row else answered] += 1

    def draw(self, path, rows):
        results = [row for table, row in rows if table == "results"]
        try:
            if video_files.ending(path) in video_files.ENDINGS:
                frames = [row for table, row in rows if table == "frames"]
                track = getattr(next(iter(self.readers.values())), "last", None)
                if not frames and track is None:
                    return  # no face
                if not frames:
                    frames = _annotate.frames_of(track, results)
                _annotate.draw_video(path, frames, self.places[path])
            else:
                _annotate.draw_picture(path, results, self.places[path])
        except ImportError:
            raise
        except Exception as error:  # of OpenCV, too; the answers are there all the same
            self.counts["undrawn"] += 1
            tell(f"warning: {path} was not drawn: {' '.join(str(error).split())}")

    def finish(self):
        counts = self.counts
        told = [f"{len(self.files)} files: {counts['answers']} answers"]
        told += [f"{counts['empty']} without"] if counts["empty"] else []
        told += [f"{counts['errors']} errors"] if counts["errors"] else []
        told += [f"{counts['undrawn']} not drawn"] if counts["undrawn"] else []
        places = []
        if self.options.out is not None:
            places.append(str(self.options.out))
            if "frames" in self.columns:
                places.append(str(frames_file(self.options.out)))
        if self.places:
            places.append(str(self.options.annotate))
        where = f" -> {', '.join(places)}" if places else ""
        tell(", ".join(told) + where)
        tell(SAMPLE if self.run.data == "sample" else LIMITS.format(run=self.run.path))
        return int(counts["errors"] + counts["undrawn"] > 0)


def check(run, options):
    """Refuses options that have no effect on a run.

    Raises:
        ValueError: there is one.
    """
    if options.whole and run.inputs != "pictures":
        raise ValueError(f"--whole has no effect: {run.study} takes no pictures")
    if options.annotate is not None and run.inputs not in DRAWN:
        raise ValueError(
            f"--annotate draws into pictures and videos; {run.study} takes {run.inputs}"
        )


def frames_file(out):
    return out.with_name(f"{out.stem}.frames{out.suffix}")


def tell(text):
    print(text, file=sys.stderr)


@contextlib.contextmanager
def plain_warnings():
    """Warnings as a line, without the place in our code that they come from."""

    def told(message, *_, **__):
        tell(f"warning: {message}")

    before, warnings.showwarning = warnings.showwarning, told
    try:
        yield
    finally:
        warnings.showwarning = before


def progress():
    """A bar on standard error, where that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    return Progress(console=console, transient=True, disable=not console.is_terminal)


def show(rows):
    """A table for people: the columns that anything stands in."""
    from rich.console import Console
    from rich.table import Table

    used = [name for row in rows for name in row if row[name] not in (None, "")]
    columns = list(dict.fromkeys(used))
    columns.sort(key=lambda name: (name == "error", name == "note"))
    table = Table(box=None, header_style="bold")
    for name in columns:
        text = name in _tables.TEXT
        table.add_column(
            name, justify="left" if text else "right", overflow="fold", no_wrap=not text
        )
    for row in rows:
        cells = [row.get(name) for name in columns]
        table.add_row(*("" if cell is None else escape(str(cell)) for cell in cells))
    Console().print(table)
