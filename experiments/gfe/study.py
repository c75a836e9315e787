"""The work of the GFE studies: data, rounds, parts, predictions, models."""

import pathlib
from collections.abc import Iterator

import numpy as np
import pandas as pd

from datasets import gfe
from experiments.gfe import SPEC, Settings, figures
from experiments.gfe.method import Method
from experiments.gfe.networks import HISTORY, Part
from experiments.harness import metrics, parallel
from experiments.harness.run_folder import hash_data, write_serving
from experiments.harness.study import Result, Run, user_errors
from zoo import heads
from zoo.export import export
from zoo.gfe import HIDDEN

MODEL = (
    "from raw points; expressions in the order {}. A depth of 0 becomes the median of "
    "its frame, where the study itself bridged gaps in time"
)
HEAD = (
    "what decided on an expression, from the model's `features`, or of learned ones "
    "from `features[..., n, :]` (`zoo.heads.load`); `serve` was not measured"
)
BATCH = ". Each batch has to be one whole recording, for its z-score"


def work(run: Run) -> Result:
    """Train and evaluate all expressions."""
    settings, builder = run.settings, run.study.builder
    with user_errors():
        index, points = read(run)
        plan = list(plan_parts(index, settings))
    # Parts of the same expression share its points.
    rows = index.groupby("expression").indices
    points = {expression: points[rows[expression]] for expression in rows}
    parts = {part.key: (part, points[part.expression]) for part in plan}
    contents = run.compute(learn, parts, shared=(builder, settings), unit="training")
    learned = list(zip(plan, contents.values(), strict=True))
    first = [(part, c) for part, c in learned if part.seed == settings.seed]
    tables = [predictions(run.study.model, p, c["probability"]) for p, c in learned]
    history, notes, more = histories(first), {}, {}
    if settings.z_score == "recording":
        notes["Z-score"] = "It is of whole recordings, tested frames included."
    if settings.prune:
        name = f"{run.study.model}, before pruning"
        tables += [predictions(name, part, c["before"]) for part, c in learned]
        units = [content["units"] for _, content in learned]
        more["pruned"] = {"hidden": HIDDEN, "units": float(np.mean(units))}
        more["pruned"] |= {"fewest": min(units), "most": max(units)}
        notes["Pruning"] = (
            f"Pruned by distinctiveness: on average {np.mean(units):.0f} of {HIDDEN} "
            f"hidden units at work ({min(units)} to {max(units)})."
        )
    table = pd.concat(tables, ignore_index=True)
    return Result(
        table,
        draw=lambda path: figures.draw(run, table, history, path),
        write_models=lambda path: write_models(run, first, path),
        tables={} if history is None else {"history.csv": history},
        notes=notes,
        more=more,
    )


def read(run: Run) -> tuple[pd.DataFrame, np.ndarray]:
    """Read the data and record them.

    Returns:
        `(index, points)`, see `datasets.gfe`; for validation by signer those of the
        training part alone.
    """
    index = gfe.index(run.data_dir)
    points = gfe.points(index)
    labels, paths = index["label"].to_numpy(), index["path"].unique()
    run.record_data(
        gfe.summary(index),
        paths,
        index.attrs["report"],
        content=hash_data(points, labels),
        n_recordings=len(paths),
        n_frames=len(index),
        n_positive=int(labels.sum()),
        n_subjects=index["signer"].nunique(),
    )
    if run.validating and run.settings.validate_by == "signer":
        rows = gfe.protocol(index, run.settings.protocol)[0]["train"]
        index, points = index.iloc[rows].reset_index(drop=True), points[rows]
    return index, points


def plan_parts(index: pd.DataFrame, settings: Settings) -> Iterator[Part]:
    """Plan all trainings of a study: every seed, expression and round."""
    for seed in range(settings.seed, settings.seed + settings.seeds):
        for expression, own in index.groupby("expression", sort=False):
            own = own.reset_index(drop=True)
            for name, block, train, test in rounds(own, settings, seed):
                if own["label"].iloc[train].nunique() < 2:
                    raise ValueError(
                        f"{expression}, {name or settings.protocol}: expected both "
                        "labels in the training part. Received: one label in all "
                        f"{len(train)} frames."
                    )
                runs = visible_runs(own, train, test, settings.protocol)
                yield Part(expression, name, block, seed, own, train, test, runs)


def rounds(own: pd.DataFrame, settings: Settings, seed: int) -> Iterator[tuple]:
    """Divide an expression by the protocol, or inside its training part to validate.

    Yields:
        `(name, block, train, test)`, as in `Part`.
    """
    by_signer = settings.validate and settings.validate_by == "signer"
    protocol = "signer" if by_signer else settings.protocol
    for split in gfe.protocol(own, protocol, seed):
        train, test = split["train"], split["test"]
        signer = own["signer"].iloc[train[0]]
        name = f"trained_on_{signer}" if protocol == "signer" else ""
        if by_signer or not settings.validate:
            yield name, 0, train, test
        else:
            for block, inner in enumerate(gfe.blocks(own, train), start=1):
                yield name, block, *inner


def visible_runs(own, train, test, protocol) -> list[np.ndarray]:
    """Divide an expression's frames into runs that may be seen at once.

    Frames of the training part never see test frames, but where the split is through
    neighbours anyway.
    """
    side = np.zeros(len(own), int)
    if protocol != "shuffled":
        side[train], side[test] = 1, 2
    recording = pd.factorize(own["path"])[0]
    breaks = np.flatnonzero(np.diff(recording) | np.diff(side)) + 1
    return np.split(np.arange(len(own)), breaks)


def learn(builder, settings, part, points, threads) -> dict:
    """Learn one part; see `Method.learn`. A search goes by the `loss`."""
    content = method(builder, settings).learn(part, points)
    loss = metrics.loss(part.labels(part.test), content["probability"])
    return {**content, "loss": loss}


def method(builder, settings) -> Method:
    """The `Method`, whose network and graphs serve one part after the other."""
    key = builder, repr(settings)
    return parallel.cached_in_process(key, lambda: Method(builder, settings))


def predictions(model: str, part: Part, probability: np.ndarray) -> pd.DataFrame:
    """Arrange a part's answers; the blocks of a validation are measured together."""
    tested = part.index.iloc[part.test]
    recording = tested["signer"] + "_" + tested["expression"]
    return metrics.predictions_table(
        SPEC,
        model,
        tested["label"],
        probability.astype(np.float64),
        sample=recording + "/" + tested["frame"].astype(str),
        subject=tested["signer"],
        group=f"{part.expression}/{part.round.replace('_', ' ')}".rstrip("/"),
        seed=part.seed,
    )


def histories(learned: list[tuple]) -> pd.DataFrame | None:
    """Arrange the losses of all trainings; `None` where no network was trained."""
    tables = []
    for part, content in learned:
        if "history" in content:
            table = pd.DataFrame(content["history"], columns=HISTORY)
            name = f"{part.round or 'all'}-{part.block}"
            tables.append(table.assign(round=name, expression=part.expression))
    return pd.concat(tables, ignore_index=True) if tables else None


def write_models(run: Run, learned: list[tuple], path: pathlib.Path) -> dict[str, str]:
    """Write model, SavedModel and heads of every round; return what they are."""
    rounds, written, served = {}, {}, {}
    for part, content in learned:
        rounds.setdefault(part.round, {})[part.expression] = content
    for name, by_expression in rounds.items():
        prefix = f"{name}/" if name else ""
        folder = path / name
        folder.mkdir(exist_ok=True)
        model = method(run.study.builder, run.settings).saved_model(by_expression)
        model.save(folder / "model.keras")
        export(model, folder / "saved_model")
        text = MODEL.format(", ".join(by_expression))
        text += BATCH if run.settings.z_score == "recording" else ""
        text += f'. Load it by `zoo.load_run(FOLDER, "{name}")`' if name else ""
        written[f"{prefix}model.keras"] = text
        written[f"{prefix}saved_model/"] = "the same for TensorFlow alone"
        files = {}
        for expression, content in by_expression.items():
            if "head" in content:
                own = folder / "heads" / expression
                own.mkdir(parents=True, exist_ok=True)
                head = heads.save(content["head"], own).name
                written[f"{prefix}heads/EXPRESSION/{head}"] = HEAD
                files[expression] = f"{prefix}heads/{expression}/{head}"
        served[name] = {"model": f"{prefix}model.keras", "heads": files}
    write_serving(path, run.study.name, run.kind, "points", by_expression, served)
    return written
