"""The options of a study: dataclasses that tyro turns into a command line."""

import contextlib
import dataclasses
import io
import pathlib
import sys
import typing
from dataclasses import dataclass
from typing import Annotated, Literal


@dataclass(frozen=True)
class Range:
    """The numbers that an option takes, checked by `check_ranges`.

    Attributes:
        low: the least of them.
        high: the greatest.
        above: whether `low` itself is left out.
        below: whether `high` itself is left out.
    """

    low: float = 0
    high: float = float("inf")
    above: bool = False
    below: bool = False

    def __contains__(self, value):
        low = value > self.low if self.above else value >= self.low
        high = value < self.high if self.below else value <= self.high
        return low and high and value not in (float("inf"), float("-inf"))

    def __str__(self):
        low = f"above {self.low:g}" if self.above else f"of {self.low:g} or more"
        if self.high == float("inf"):
            return f"a number {low}"
        return f"a number {low} and {'below' if self.below else 'up to'} {self.high:g}"


Positive = Annotated[int, Range(1)]
Whole = Annotated[int, Range(0, 2**31 - 1)]
Share = Annotated[float, Range(0, 1)]
BelowOne = Annotated[float, Range(0, 1, below=True)]
AboveZero = Annotated[float, Range(0, above=True)]
NotNegative = Annotated[float, Range(0)]


@dataclass
class Settings:
    """Settings that decide the result, beside the data.

    Attributes:
        seed: of everything that is drawn at random
    """

    seed: Whole = 0


@dataclass
class Options:
    """Data, and the place of the run.

    Attributes:
        data: real data, or the sample made by code (default: real where found)
        data_dir: folder of the real data, or one that holds it (default:
            $DUCHENNE_DATA, then ~/.cache/duchenne)
        out: where the run folder goes: OUT/STUDY/TIME-HASH
        resume: go on with the last unfinished run of the same settings, if there is one
    """

    data: Literal["real", "sample"] | None = None
    data_dir: pathlib.Path | None = None
    out: pathlib.Path = pathlib.Path("runs")
    resume: bool = False


@dataclass
class PartOptions(Options):
    """Data, the place of the run, and processes for its parts.

    Attributes:
        jobs: parts computed at once, each in a process of its own (default: one per
            core)
        dask: address of a Dask scheduler, such as tcp://host:8786, whose workers
            compute the parts instead
    """

    jobs: Positive | None = None
    dask: str | None = None


def parse(
    program: str,
    doc: str | None,
    argv: list[str],
    settings: type[Settings],
    options: type[Options],
) -> tuple[Options, Settings]:
    """Parse a command line.

    Args:
        program: what it begins with, for the help.
        doc: what the program does, for the help.
        argv: the rest of it.
        settings: the study's dataclass.
        options: the dataclass of the other options.

    Returns:
        `(options, settings)`.

    Raises:
        SystemExit: they are wrong, which has been said; with status 2.
    """
    import tyro

    flat = tyro.conf.OmitArgPrefixes
    fields = [("study", flat[settings]), ("run", flat[options])]
    command = dataclasses.make_dataclass("Command", fields)
    screen = io.StringIO()
    try:
        with contextlib.redirect_stdout(screen):
            parsed = tyro.cli(
                command,
                args=argv,
                prog=program,
                description="",
                config=(tyro.conf.DisallowNone,),
            )
    except SystemExit:
        if text := screen.getvalue():  # the help; tyro would wrap `doc` anew
            none = "(default: None)"  # of options whose own help says it better
            print(doc)
            for line in text.replace(none, " " * len(none)).splitlines():
                print(line.rstrip())
        raise
    try:
        check_ranges(parsed.study)
        check_ranges(parsed.run)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    return parsed.run, parsed.study


def as_words(values: dict) -> list[str]:
    """Spell settings as a command line: `{"l2": False}` as `["--no-l2"]`."""
    words = []
    for name, value in values.items():
        name = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{name}" if value else f"--no-{name}")
        else:
            values = value if isinstance(value, list | tuple) else [value]
            words += [f"--{name}", *map(str, values)]
    return words


def check_ranges(settings):
    """Raise ValueError where a number is out of the range that its type declares."""
    for name, kind in typing.get_type_hints(
        type(settings), include_extras=True
    ).items():
        value = getattr(settings, name)
        for part in (kind, *typing.get_args(kind)):
            for limit in getattr(part, "__metadata__", ()):
                if isinstance(limit, Range) and value is not None:
                    if value not in limit:
                        raise ValueError(
                            f"--{name.replace('_', '-')}: expected {limit}. Received: "
                            f"{value}."
                        )


def given(argv: list[str]) -> set[str]:
    """Names of the options in a command line, as dataclasses spell them."""
    words = [word.partition("=")[0] for word in argv if word.startswith("--")]
    names = [word.removeprefix("--").removeprefix("no-") for word in words]
    return {name.replace("-", "_") for name in names}
