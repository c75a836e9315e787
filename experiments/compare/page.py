"""From run folders to compare.md, compare.csv and compare.html."""

import itertools
import pathlib
import sys
import time

import jinja2
import pandas as pd
from markdown_it import MarkdownIt

from datasets import about
from experiments.compare.figures import forest
from experiments.compare.read import collect, latest
from experiments.compare.tables import MEASURES, make_tables
from experiments.harness.checkpoint import replace_file
from experiments.harness.run_folder import commit

HERE = pathlib.Path(__file__).parent


def compare(paths, out: pathlib.Path, command: str, failed=()) -> str:
    """Compare runs and write the pages.

    Args:
        paths: run folders, or folders that hold some; none for the latest in `runs`.
        out: folder of the pages.
        command: the command line that makes them.
        failed: what else is left out, `(name, reason)` each.

    Returns:
        The tables in Markdown.

    Raises:
        ValueError: there is no run that can be compared.
        OSError: the pages cannot be written.
    """
    runs, left_out = collect(paths or [pathlib.Path("runs")])
    if not paths:
        runs, older = latest(runs)
        left_out |= older
    for folder, reason in left_out.items():
        print(f"Left out {folder}: {reason}", file=sys.stderr)
    if not runs:
        received = " ".join(map(str, paths)) or "runs"
        raise ValueError(
            "Expected run folders, as the experiments write them, or folders that hold "
            f"some. Received: {received}. Run a study first: python -m experiments."
        )
    tables = make_tables(runs)
    day = time.strftime("%Y-%m-%d")
    context = {
        "sections": list(sections(tables)),
        "runs": [run for table in tables for run in table.runs],
        "figures": {},
        "names": MEASURES,
        "made": f"Made {day} at commit {str(commit())[:12]} by `{command}`.",
        "left_out": {
            **dict(failed),
            **{path.name: why for path, why in left_out.items()},
        },
        "not_for": about.NOT_FOR,
    }
    forests = {section: forest(group) for section, group in context["sections"]}
    contents = {
        "compare.md": markdown(whole=True, **context),
        "compare.csv": pd.DataFrame(csv_rows(tables)).to_csv(index=False),
        "compare.html": html(markdown(whole=True, **context | {"figures": forests})),
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        replace_file(
            out / name, lambda path, text=content: path.write_text(text, "utf-8")
        )
    return markdown(whole=False, **context)


def sections(tables):
    """Yield each dataset, real or sample, with its tables."""
    groups = itertools.groupby(tables, lambda table: table.case[:2])
    return ((section, list(group)) for section, group in groups)


def markdown(**context) -> str:
    """Fill in compare.md.jinja; without `whole`, the tables alone."""
    text = (HERE / "compare.md.jinja").read_text("utf-8")
    options = {"trim_blocks": True, "lstrip_blocks": True}
    return jinja2.Template(text, **options).render(context).strip() + "\n"


def html(text: str) -> str:
    """Return a page of Markdown."""
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    return (HERE / "template.html").read_text("utf-8").replace("{{ body }}", body)


def csv_rows(tables):
    """Yield the row of each model: what it is, and its measures with intervals."""
    for table in tables:
        for model in table.models:
            row = {**table.case._asdict(), "run": model.run.label, "model": model.name}
            row |= {k: v for k, v in model.measures.items() if k.startswith("n_")}
            for key, (_, interval) in MEASURES.items():
                low, high = model.measures.get(interval) or (None, None)
                row |= {
                    key: model.measures.get(key),
                    f"{key}_low": low,
                    f"{key}_high": high,
                }
            yield row
