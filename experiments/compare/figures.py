"""The figures of runs side by side: forest plot, and ROC with bands."""

import textwrap

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import roc_auc_score

from experiments.compare import measures
from experiments.compare.svg import GRID, INK, MUTED, inline, look, style
from experiments.compare.words import show, span
from experiments.evaluation import LEAST_SUBJECTS

WIDE = 4.1  # inches: what a phone shows without making the text small
LINE = 36  # characters of a name that fit beside a value and its interval
BANDS = 6  # with more models nobody could tell them apart
DRAWS = 1000  # of a band: every one of them is a curve
GUESSING = {"color": MUTED, "ls": (0, (4, 3)), "lw": 0.9}
RATES = np.linspace(0, 1, 201)


def forest(group, name):
    """The measure that the paper reports: all rows on a line each, with intervals.

    Args:
        group: a `compare.groups.Group`.
        name: see `compare.svg.inline`.

    Returns:
        The SVG element; `None` where no row has that measure.
    """
    key = group.main
    constant = "always" if key == "f1" else "majority class"
    rows = [
        row
        for row in group.rows
        if row.values.get(key, (None,))[0] is not None
        and (row.kind != "constant" or row.name.startswith(constant))
    ]
    ends = [row.values[key][1] or [row.values[key][0]] * 2 for row in rows]
    low, high = np.min(ends), np.max(ends)
    margin = max(0.05, 0.08 * (high - low))
    names = [_lines(row.name) for row in rows]
    places = np.cumsum([1 + 0.4 * (len(lines) - 1) for lines in names])
    with style():
        height = 0.4 * places[-1] + 0.46
        figure = Figure(figsize=(WIDE, height))
        axes = figure.add_axes((0.05, 0.44 / height, 0.9, 1 - 0.45 / height))
        axes.set(ylim=(places[-1] + 0.4, 0), yticks=[])
        axes.set_xlim(max(0, low - margin), min(1, high + margin) + 1e-3)
        for place, row, lines in zip(places, rows, names, strict=True):
            colour = look(group.rows.index(row))["color"]
            _line(axes, place, row.values[key], row.kind, colour)
            where = {"transform": axes.get_yaxis_transform(), "fontsize": 8.5}
            words = {**where, "va": "bottom", "linespacing": 1.1}
            axes.text(0, place - 0.16, "\n".join(lines), **words)
            axes.text(1, place - 0.16, _told(row.values[key]), ha="right", **words)
            axes.axhline(place + 0.37, color=GRID, lw=0.6)
        axes.set_xlabel(group.columns[key])
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
    told = "; ".join(f"{row.name} {_told(row.values[key])}" for row in rows)
    about = f"Forest plot, {group.columns[key]}: {told}."
    return inline(figure, name, about)


def _lines(name):
    """A name in two lines at most; what is cut off is marked."""
    return textwrap.wrap(name, LINE, max_lines=2, placeholder=" ...") or [""]


def _line(axes, place, cell, kind, colour):
    value, interval = cell
    colour = {"model": colour, "constant": MUTED, "paper": INK}[kind]
    if kind == "constant":
        axes.axvline(value, **GUESSING)
        return
    if interval:
        axes.plot(interval, [place, place], color=colour, lw=2, alpha=0.55)
        axes.plot(interval, [place, place], "|", color=colour, ms=7)
    marker, fill = ("o", colour) if kind == "model" else ("D", "none")
    axes.plot(value, place, marker, color=colour, mfc=fill, ms=6)


def _told(cell):
    value, interval = cell
    return show(value) + (f" ({span(interval)})" if interval else "")


def roc(group, name):
    """A curve for each model, with a 95 % band where there are enough people.

    Returns:
        The SVG element; `None` where no test part has both labels.
    """
    drawn = []
    with style():
        figure = Figure(figsize=(WIDE, WIDE - 0.35))
        axes = figure.add_axes((0.13, 0.12, 0.85, 0.86))
        for number, model in enumerate(group.models):
            found = curve(model, group)
            if found is None:
                continue
            rates, band = found
            line = look(number)
            if band is not None:
                edge = {"color": line["color"], "lw": 0.5}
                axes.fill_between(RATES, *band, alpha=0.12, **edge)
            axes.plot(np.r_[0, RATES], np.r_[0, rates], lw=1.8, **line)
            drawn.append(f"{group.names[model]}, area {show(area(model))}")
        axes.plot([0, 1], [0, 1], **GUESSING)
        posed, genuine = _sides(group)
        axes.set_xlabel(f"{posed} taken for {genuine} (false positive rate)")
        axes.set_ylabel(f"{genuine} found (true positive rate)")
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02), aspect="equal")
        axes.grid()
    if not drawn:
        return None
    about = f"ROC curves: {'; '.join(drawn)}. Random guessing has 0.5."
    return inline(figure, name, about)


def area(model):
    """The area under a model's curve; that of the table, where there are two classes.

    With twelve classes the curve is of spontaneous against posed, whatever the emotion.
    """
    half = len(model.record.classes) // 2
    if half == 1:
        return model.measures["roc_auc"]
    genuine = model.table["truth"] >= half
    return roc_auc_score(genuine, model.table["score"])


def _sides(group):
    classes = group.records[0].classes
    return classes if len(classes) == 2 else ("posed", "spontaneous")


def curve(model, group):
    """True positive rates at `RATES`, and their 95 % band.

    A model's samples are compared within their parts, as its area is: the curve is the
    mean over the parts, which count by their pairs of a genuine and a posed sample; for
    grammatical expressions every expression counts the same.

    Returns:
        `(rates, (low, high) or None)`; `None` where no part has both labels.
    """
    table = model.table
    ones = np.ones((1, len(table)))
    rates = _mean_curves(table, ones, group, len(model.record.classes))
    if np.isnan(rates).all():
        return None
    if not banded(model, group):
        return rates[0], None
    drawn = measures.Resampling(table, group.factors)
    found = []
    for start in range(0, DRAWS, 100):  # all at once would fill the memory
        weights = drawn.weights[start : start + 100][:, drawn.unit]
        found.append(_mean_curves(table, weights, group, len(model.record.classes)))
    band = np.nanpercentile(np.concatenate(found), [2.5, 97.5], axis=0)
    return rates[0], band


def banded(model, group):
    """Whether a band is drawn: there are enough people, and not too many models."""
    people = model.table["subject"].nunique()
    few = people < LEAST_SUBJECTS or group.dataset == "gfe"
    return not few and len(group.models) <= BANDS


def _mean_curves(table, weights, group, classes):
    genuine = table["truth"].to_numpy() >= classes // 2
    score = table["score"].to_numpy()
    sums, counts = 0, 0
    for rows in table.groupby("part", sort=False).indices.values():
        curves, pairs = _curves(genuine[rows], score[rows], weights[:, rows])
        if group.dataset == "gfe":
            pairs = (pairs > 0) / _directions(table, rows)
        defined = pairs > 0
        sums = sums + np.where(defined[:, None], pairs[:, None] * curves, 0)
        counts = counts + pairs
    with np.errstate(invalid="ignore"):
        return sums / counts[:, None]


def _directions(table, rows):
    """How many parts the expression of these rows has: signers trained on."""
    first = table.iloc[rows[0]]
    same = (table["seed"] == first["seed"]) & (
        table["expression"] == first["expression"]
    )
    return table.loc[same, "part"].nunique()


def _curves(genuine, score, weights):
    """Curves of one part under several weights: `(n, RATES)`, and pairs, `(n,)`."""
    order = np.argsort(-score, kind="stable")
    ends = np.flatnonzero(np.diff(score[order], append=np.nan) != 0)
    found = np.cumsum(weights[:, order] * genuine[order], axis=1)[:, ends]
    wrong = np.cumsum(weights[:, order] * ~genuine[order], axis=1)[:, ends]
    pairs = found[:, -1] * wrong[:, -1]
    curves = np.full((len(weights), len(RATES)), np.nan)
    for place in np.flatnonzero(pairs):
        false, true = wrong[place] / wrong[place, -1], found[place] / found[place, -1]
        curves[place] = np.interp(RATES, np.r_[0, false], np.r_[0, true])
    return curves, pairs
