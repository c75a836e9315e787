"""The figures of a run folder, in the form of the thesis where it has them."""

import numpy as np
from matplotlib.figure import Figure
from sklearn import metrics


def save(figure, path):
    figure.savefig(path, dpi=120, bbox_inches="tight")


def curves(history, column, guessing, title, path):
    """Training and validation over the epochs, with the line of random guessing.

    Args:
        history: frame with `epoch`, `column` and `val_` + `column`.
        column: `"accuracy"` or `"cross_entropy"`.
        guessing: the value that random guessing reaches.
        title: of the figure.
        path: where to write it.
    """
    figure = Figure(figsize=(6, 4))
    axes = figure.add_subplot()
    epochs = history["epoch"] + 1
    marker = "o" if len(history) < 30 else None
    axes.plot(epochs, history[column], marker=marker, ms=3, label="training")
    axes.plot(epochs, history[f"val_{column}"], marker=marker, ms=3, label="validation")
    line = {"color": "grey", "ls": "--", "lw": 1}
    axes.axhline(guessing, label=f"random guessing ({guessing:.2f})", **line)
    axes.set_xlabel("epoch")
    axes.set_ylabel(
        {"accuracy": "accuracy", "cross_entropy": "cross-entropy (nats)"}[column]
    )
    axes.set_title(title, fontsize=10)
    if column == "accuracy":
        axes.set_ylim(0, 1)
    else:
        # One diverging epoch must not press everything else to the ground.
        shown = history[[column, f"val_{column}"]].to_numpy()
        top = max(guessing * 1.3, np.nanpercentile(shown, 90) * 1.2)
        axes.set_ylim(0, top)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    save(figure, path)


def confusion_matrix(truth, answer, names, title, path):
    """The thesis's form: true values down, predicted across, spontaneous first.

    Args:
        truth: classes, `(n,)`.
        answer: predicted classes, `(n,)`.
        names: name of each class; those of the second half are spontaneous.
        title: of the figure.
        path: where to write it.
    """
    half = len(names) // 2
    order = [*range(half, len(names)), *range(half)]
    counts = metrics.confusion_matrix(truth, answer, labels=order)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    labels = [names[c].capitalize() for c in order]
    side = 4.2 if len(names) == 2 else 8.5
    figure = Figure(figsize=(side, side))
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(counts.shape):
        share = shares[row, column]
        text = f"{counts[row, column]}" + (f"\n{share:.0%}" if half == 1 else "")
        colour = "white" if share > 0.55 else "black"
        axes.text(column, row, text, ha="center", va="center", color=colour)
    rotation = 0 if half == 1 else 60
    ends = {"rotation": rotation, "ha": "center" if half == 1 else "left"}
    axes.set_xticks(range(len(labels)), labels, rotation_mode="anchor", **ends)
    axes.set_yticks(range(len(labels)), labels)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("Predicted values")
    axes.set_ylabel("True values")
    axes.set_title(title, fontsize=10, pad=12)
    save(figure, path)


def roc(truth, probability, title, path):
    """Receiver operating characteristic: how early genuine ones are told from posed.

    With twelve classes the probability of genuine is the sum over its six.
    """
    half = np.shape(probability)[1] // 2
    genuine = np.asarray(truth) >= half
    score = np.asarray(probability)[:, half:].sum(axis=1)
    figure = Figure(figsize=(4.5, 4.5))
    axes = figure.add_subplot()
    if 0 < genuine.mean() < 1:
        false_positive, true_positive, _ = metrics.roc_curve(genuine, score)
        area = metrics.auc(false_positive, true_positive)
        axes.plot(false_positive, true_positive, label=f"AUC {area:.3f}")
    else:
        axes.text(0.5, 0.6, "undefined: the test part has one class only", ha="center")
    axes.plot(
        [0, 1], [0, 1], color="grey", ls="--", lw=1, label="random guessing (0.5)"
    )
    axes.set_xlabel("posed taken for spontaneous (false positive rate)")
    axes.set_ylabel("spontaneous found (true positive rate)")
    axes.set_title(title, fontsize=10)
    axes.set_aspect("equal")
    axes.legend(fontsize=8, loc="lower right")
    axes.grid(alpha=0.3)
    save(figure, path)


def search(results, title, path):
    """The whole grid of the SVM search: mean accuracy for every kernel, C and gamma."""
    kernels = list(dict.fromkeys(results["kernel"]))
    figure = Figure(figsize=(4.3 * len(kernels), 3.6))
    low, high = results["mean_accuracy"].min(), results["mean_accuracy"].max()
    for place, kernel in enumerate(kernels, start=1):
        part = results[results["kernel"] == kernel]
        table = part.pivot(index="C", columns="gamma", values="mean_accuracy")
        axes = figure.add_subplot(1, len(kernels), place)
        axes.imshow(table, cmap="viridis", vmin=low, vmax=high, origin="lower")
        for row, column in np.ndindex(table.shape):
            value = table.iat[row, column]
            colour = "white" if value < (low + high) / 2 else "black"
            text = f"{value:.2f}".lstrip("0")
            axes.text(column, row, text, ha="center", va="center", color=colour, size=7)
        axes.set_xticks(
            range(table.shape[1]), [f"{g:g}" for g in table.columns], size=7
        )
        axes.set_yticks(range(table.shape[0]), [f"{c:g}" for c in table.index], size=7)
        axes.set_xlabel("gamma")
        axes.set_ylabel("C")
        axes.set_title(kernel, fontsize=9)
    figure.suptitle(title, fontsize=10)
    figure.tight_layout()
    save(figure, path)
