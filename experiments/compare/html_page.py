"""A comparison as one HTML page that needs nothing else: no network, no script."""

import pathlib
import re

from experiments import facts
from experiments.compare import figures, run_figures, text
from experiments.compare.groups import QUICK
from experiments.compare.svg import DASHES, SERIES, look
from experiments.compare.words import show, span

TEMPLATES = pathlib.Path(__file__).resolve().parent


def page(groups, left_out, made):
    """The comparison as HTML; arguments as of `compare.text.markdown`."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["bold"] = bold
    return environment.get_template("template.html").render(
        summary=text.summary(groups),
        warnings=text.warnings(groups),
        made=made,
        groups=[_group(number, group) for number, group in enumerate(groups)],
        how=text.HOW,
        uses=text.intended_use(groups),
        left_out=left_out,
    )


def bold(words):
    """Markdown's bold in our own texts, as HTML; everything else is escaped."""
    import markupsafe

    told = str(markupsafe.escape(words))
    return markupsafe.Markup(re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", told))


def _group(number, group):
    """What the template shows of a group."""
    name = f"g{number}"
    return {
        "id": name,
        "title": group.title,
        "dataset": facts.NAMES[group.dataset],
        "asked": group.asked,
        "protocol": group.protocol,
        "sample": group.sample,
        "validation": group.validation,
        "quick": group.quick and f"quick settings: {QUICK}",
        "about": group.about,
        "main": group.columns[group.main],
        "columns": list(group.columns.values()),
        "rows": [_row(row, group) for row in group.rows],
        "tests": text.tests_of(group),
        "notes": [*text.spread(group), *group.notes],
        "curves": "spontaneous against posed, whatever the emotion, with the area"
        if len(group.records[0].classes) > 2
        else "with the area of the table",
        "banded": any(figures.banded(model, group) for model in group.models),
        "forest": _svg(figures.forest(group, f"{name}f")),
        "roc": _svg(figures.roc(group, f"{name}r")),
        "lines": [
            _key(place, model, group.names[model])
            for place, model in enumerate(group.models)
        ],
        "figures": list(_figures(name, group)),
        "records": [(_names(one, group), text.facts_of(one)) for one in group.records],
    }


def _figures(name, group):
    """Each run's own figures: `(of what, what it shows, SVG)`."""
    for place, record in enumerate(group.records):
        for number, model in enumerate(record.models):
            called = group.names[model]
            svg = run_figures.confusion(model, called, f"{name}c{place}m{number}")
            answers = f"answers, {group.asked}, protocol {group.protocol}"
            answers += (
                "; first seed" if len(set(model.table.get("seed", ()))) > 1 else ""
            )
            yield called, answers, _svg(svg)
        svg = run_figures.learning(record, f"{name}l{place}")
        if svg:
            told = "losses by epoch"
            several = any(
                record.history[key].nunique() > 1
                for key in run_figures.PARTS
                if key in record.history
            )
            told += "; thin: each network, thick: their mean" if several else ""
            yield _names(record, group), told, _svg(svg)


def _svg(element):
    import markupsafe

    return element and markupsafe.Markup(element)  # noqa: S704, made by matplotlib


def _row(row, group):
    cells = []
    for key in group.columns:
        value, interval = row.values.get(key, (None, None))
        cells.append((show(value), span(interval)))
    return {"kind": row.kind, "name": row.name, "note": row.note, "cells": cells} | {
        "tested": row.tested
    }


def _key(place, model, name):
    """The legend of the ROC curves: in the page, where long names wrap."""
    line = look(place)
    dashes = DASHES.index(line["ls"])
    return {
        "colour": SERIES.index(line["color"]),
        "dashes": ("solid", "dashed", "dotted", "double")[dashes],
        "name": name,
        "area": show(figures.area(model)),
    }


def _names(record, group):
    """A run's models in a line."""
    names = [group.names[model] for model in record.models]
    return names[0] if len(names) == 1 else f"{record.study.model} ({record.folder})"
