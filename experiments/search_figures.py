"""The figures of a search, of what lies in its trials.csv."""

import numpy as np
import optuna
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from experiments.figures import save
from experiments.search_space import shown

ROWS_OF_IMPORTANCE = 4  # fewer complete trials say nothing of what matters
MOST_LINES = 200
LOSS = "validation cross-entropy (nats)"


def draw(search, rows, title, place):
    """Draws what can be drawn.

    Args:
        search: the `search.Search`.
        rows: the table of trials, see `search_report.table`.
        title: of all figures.
        place: function of a path and of what writes to a path.

    Returns:
        `(names, sentences)`: of the files, and about those that there are not.
    """
    done = rows[rows["state"] == "complete"] if len(rows) else rows
    drawn, missing = [], []
    for name, least, figure in [
        ("history", 2, history),
        ("importance", ROWS_OF_IMPORTANCE, importance),
        ("parallel_coordinates", 2, parallel_coordinates),
    ]:
        path = search.folder / f"{name}.png"
        if len(done) >= least and (name == "history" or done["loss"].nunique() > 1):
            made = figure(search, rows, title)
            place(path, lambda path, made=made: save(made, path))
            drawn.append(path.name)
        else:
            missing.append(
                f"There is no {path.name}: it takes {least} complete trials that "
                f"differ, and there are {len(done)}."
            )
            path.unlink(missing_ok=True)
    return drawn, missing


def history(search, rows, title):
    """Every trial's value, and the best one so far."""
    figure = Figure(figsize=(7, 4))
    axes = figure.add_subplot()
    done = rows[rows["state"] == "complete"]
    pruned = rows[(rows["state"] == "pruned") & rows["loss"].notna()]
    failed = rows[rows["state"].isin(["failed", "diverged"])]
    best = done["loss"].cummin()
    axes.step(
        done["trial"], best, where="post", color="C3", lw=1.5, label="best so far"
    )
    axes.plot(done["trial"], done["loss"], "o", ms=5, color="C0", label="complete")
    label = "pruned: of its first parts or epochs only"
    axes.plot(pruned["trial"], pruned["loss"], "x", ms=5, color="grey", label=label)
    # One that came to nothing must not press all others to the ground.
    spread = np.ptp(done["loss"]) or 0.1 * done["loss"].min()
    top = min(
        done["loss"].max(),
        done["loss"].median()
        + 3 * (done["loss"].median() - done["loss"].min() or spread),
    )
    low = done["loss"].min()
    axes.set_ylim(low - 0.08 * (top - low or 1), top + 0.12 * (top - low or 1))
    high = axes.get_ylim()[1]
    for shown_rows, colour in [(done, "C0"), (pruned, "grey")]:
        above = shown_rows[shown_rows["loss"] > high]
        edge = np.full(len(above), high)
        style = {"ms": 6, "color": colour, "clip_on": False}
        if len(above):
            axes.plot(above["trial"], edge, "^", label="beyond the axis", **style)
    if len(failed):
        edge = np.full(len(failed), high)
        style = {
            "ms": 6,
            "color": "C1",
            "clip_on": False,
            "label": "failed or diverged",
        }
        axes.plot(failed["trial"], edge, "v", **style)
    axes.set_xlim(0, rows["trial"].max() + 1)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("trial")
    axes.set_ylabel(LOSS)
    axes.set_title(f"History\n{title}", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure


def importance(search, rows, title):
    """How much of the differences between trials each setting explains (fANOVA)."""
    done = rows[rows["state"] == "complete"]
    study = optuna.create_study()
    for _, row in done.iterrows():
        params = {name: plain(row[name]) for name in search.space}
        study.add_trial(
            optuna.trial.create_trial(
                params=params, distributions=search.space, value=row["loss"]
            )
        )
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
    shares = pd.Series(shares).reindex(list(search.space)).fillna(0).sort_values()
    figure = Figure(figsize=(7, 1.3 + 0.4 * len(shares)))
    axes = figure.add_subplot()
    bars = axes.barh([name.replace("_", " ") for name in shares.index], shares)
    axes.bar_label(bars, [f"{share:.2f}" for share in shares], padding=3, fontsize=8)
    axes.set_xlim(0, 1.1)
    axes.set_axisbelow(True)
    axes.set_xlabel(
        f"share of the differences explained (fANOVA, {len(done)} complete trials)"
    )
    axes.set_title(f"Importance of the settings\n{title}", fontsize=10)
    axes.grid(alpha=0.3, axis="x")
    return figure


def plain(value):
    return value.item() if isinstance(value, np.generic) else value


def parallel_coordinates(search, rows, title):
    """A line a trial, over all settings to its value; the better the darker."""
    done = rows[rows["state"] == "complete"].sort_values("loss", ascending=False)
    done = done.tail(MOST_LINES)  # the best ones lie on top
    # The worst ones share one place, or all others would.
    worst = done["loss"].quantile(0.9)
    done = done.assign(loss=done["loss"].clip(upper=worst))
    names = [*search.space, "loss"]
    figure = Figure(figsize=(max(6, 1.5 * len(names)), 5))
    axes = figure.add_subplot()
    heights = {}
    for column, name in enumerate(names):
        heights[name], ticks = scaled(done[name], search.space.get(name))
        axes.axvline(column, color="black", lw=0.8, zorder=3)
        for height, text in ticks:
            axes.plot([column - 0.03, column], [height] * 2, "k", lw=0.8, zorder=3)
            box = {"facecolor": "white", "alpha": 0.75, "pad": 0.5, "lw": 0}
            style = {"ha": "right", "va": "center", "fontsize": 7, "bbox": box}
            axes.text(column - 0.05, height, text, zorder=4, **style)
    colours = Normalize(done["loss"].min(), worst)
    palette = ScalarMappable(colours, "viridis")
    lines = np.stack([heights[name] for name in names], axis=1)
    for line, loss in zip(lines, done["loss"], strict=True):
        axes.plot(range(len(names)), line, color=palette.to_rgba(loss), lw=1.2)
    axes.plot(range(len(names)), lines[-1], color="C3", lw=2, label="best")
    labels = [name.replace("_", "\n") for name in search.space]
    axes.set_xticks(range(len(names)), [*labels, "cross-\nentropy"], fontsize=8)
    axes.tick_params(length=0)
    axes.set_yticks([])
    axes.set_xlim(-0.6, len(names) - 0.8)
    axes.set_ylim(-0.04, 1.04)
    for side in axes.spines.values():
        side.set_visible(False)
    bar = figure.colorbar(palette, ax=axes, pad=0.02, extend="max")
    bar.set_label(LOSS, fontsize=8)
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.1))
    axes.set_title(f"Complete trials, a line each\n{title}", fontsize=10)
    return figure


def scaled(values, distribution):
    """Heights from 0 to 1 on an axis, and its ticks, `(height, text)`."""
    if hasattr(distribution, "choices"):
        choices = list(distribution.choices)
        steps = max(1, len(choices) - 1)
        places = [choices.index(plain(value)) / steps for value in values]
        return np.array(places), [
            (place / steps, shown(choice)) for place, choice in enumerate(choices)
        ]
    log = getattr(distribution, "log", False)
    numbers = values.astype(float).to_numpy()
    ends = (numbers.min(), numbers.max())
    if distribution is not None:
        ends = distribution.low, distribution.high
    scale, back = (np.log, np.exp) if log else (np.asarray, np.asarray)
    low, high = (float(scale(end)) for end in ends)
    width = high - low or 1
    heights = (scale(numbers) - low) / width
    if log and high - low > np.log(100):
        powers = np.arange(np.ceil(low / np.log(10) - 1e-9), high / np.log(10) + 1e-9)
        marks = [((p * np.log(10) - low) / width, 10.0**p) for p in powers]
    else:
        marks = [(h, float(back(low + h * width))) for h in (0, 0.25, 0.5, 0.75, 1)]
    return heights, [(height, f"{value:.3g}") for height, value in marks]
