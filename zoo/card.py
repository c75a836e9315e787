"""A model card for a run folder: what was measured, on whom, and what it is not for.

Made of the run's config.json, metrics.json and predictions.csv, offline and without a
model being loaded. People and places are not named: of predictions.csv only the number
of people is told, of paths only the last part.

The sections follow Mitchell et al. 2019, "Model Cards for Model Reporting".
"""

import pathlib
import shlex

from zoo import _card_figures as told
from zoo._card_files import check, last, read
from zoo._study_data import DATA, intended_use
from zoo.inception_v4_weights import IMAGENET
from zoo.registry import LICENCE, model_info


def card(folder):
    """The model card of a finished run.

    Args:
        folder: path of the run folder, as an experiment has written it. config.json
            and metrics.json are needed; without predictions.csv the number of people
            tested may be missing.

    Returns:
        Markdown.

    Raises:
        FileNotFoundError: the folder does not exist, or is no run folder.
        ValueError: the run is not finished, or a file is damaged.
        OSError: a file cannot be read.
    """
    folder = pathlib.Path(folder).expanduser().resolve()
    check(folder)
    return compose(folder)


def compose(folder):
    """The card of a folder that a study is about to finish; see `card`."""
    folder = pathlib.Path(folder)
    run = read(folder)
    try:
        parts = [
            _head(run),
            _what(run),
            _data(run),
            _protocol(run),
            f"## Figures\n\n{told.figures(run)}",
            intended_use(run.data),
            _licences(run),
            _made(run),
            _loading(run),
            _citing(run),
        ]
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        raise ValueError(
            f"config.json or metrics.json in {folder} is not what {run.study.name} "
            f"writes: {error!r}. It is damaged, or of another version of Duchenne."
        ) from error
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _head(run):
    label = " (SAMPLE data, made by code)" if run.sample else ""
    lines = [told.verdict(run), _who(run)]
    if run.sample:
        lines.append(
            "Measured on invented people: it says that the program works, and nothing "
            "about people."
        )
    lines.append(
        "It is no lie detector, and not for judging people: see Intended use and "
        "limits."
    )
    quoted = "\n>\n".join(f"> {line}" for line in lines)
    return f"# Model card: {run.study.name}, {run.study.model}{label}\n\n{quoted}"


def _who(run):
    """Who was tested, and what that leaks."""
    return DATA[run.data].protocols[run.settings["protocol"]]


def _what(run):
    study, settings = run.study, run.settings
    model = study.model
    rows = [["", ""]]
    if study.builder:
        info = model_info(study.builder)
        model += f": `zoo.create_model({info.name!r})`"
        by = info.architecture.citation if info.architecture else "Duchenne's own"
        by = "of the study" if info.architecture == study.paper else by
        count = f"{info.parameters:,} with the builder's defaults"
        for name, number in run.metrics.get("parameters", {}).items():
            count += f"; {name}: {number:,}"
        rows += [["architecture", by], ["parameters", count]]
    rows.insert(1, ["model", model])
    rows.insert(2, ["estimates", DATA[run.data].question])
    ours = f" (the model is ours, {study.ours})" if study.ours else ""
    rows.append(["study", f"{study.paper.citation}{ours}"])
    rows.append(["decided by", _head_of(run)])
    listed = ", ".join(
        f"{key} {_setting(value)}"
        for key, value in settings.items()
        if value is not None
    )
    rows.append(["settings", listed])
    return f"## What it is\n\n{told.markdown(rows).replace('---:', '---')}"


def _head_of(run):
    head = run.settings.get("head")
    if run.data == "sase_fe":
        return "XGBoost on the network's PB vectors"
    if head in ("svm", "xgboost"):
        name = {"svm": "an SVM", "xgboost": "XGBoost"}[head]
        return f"{name} on {run.settings.get('features', 'learned')} features"
    return "the model itself"


def _setting(value):
    if isinstance(value, list):
        return "`" + " ".join(str(last(one)) for one in value) + "`"
    return f"`{last(value)}`"


def _data(run):
    known, data = run.config["data"], DATA[run.data]
    kind = "**SAMPLE**, made by code: no people." if run.sample else "Real data."
    kind += f" In the folder `{last(known['folder'])}`."
    marks = [f"{k} `{known[k]}`" for k in ("fingerprint", "content") if k in known]
    lines = [kind, _counts(run), f"Recognised by: {', '.join(marks)}."]
    lines.append(data.labels)
    lines.append(
        f"{'What the sample stands for, ' if run.sample else ''}{data.name}: "
        f"{data.people}"
    )
    return "## Data\n\n" + "\n".join(f"- {line}" for line in lines)


def _counts(run):
    known, metrics = run.config["data"], run.metrics
    invented = "invented people" if run.sample else "people"
    tested = (
        f"{invented} not counted"
        if run.people is None
        else (f"{run.people} {invented}")
    )
    if run.data == "nvie":
        total = known["n_train"] + known["n_validation"] + known["n_test"]
        counts = f"{total:,} pictures of {known['n_subjects']} {invented}"
        counts += f"; {metrics['n_train']:,} trained on"
        unit = "pictures"
    elif run.data == "gfe":
        counts = f"{known['n_frames']:,} frames ({known['n_positive']:,} with label 1)"
        counts += f" of {known['n_recordings']} recordings"
        unit = "frames"
    elif run.data == "pupil":
        counts = f"{known['n_series']} series ({known['n_genuine']} genuine) of "
        counts += f"{known['n_observers']} {invented} and {known['n_videos']} videos"
        unit = "series"
    else:
        counts = f"{known['n_videos']} videos ({known['n_genuine']} genuine) of "
        counts += f"{known['n_subjects']} {invented}, {known['n_frames']:,} frames"
        unit = "videos"
    return f"{counts}; tested: {metrics['n_test']:,} {unit} of {tested}."


def _protocol(run):
    settings = run.settings
    lines = [_who(run)]
    if settings.get("validate"):
        lines.append(
            "Measured on blocks of time INSIDE the training part, for choosing "
            "settings; the test part was not touched."
        )
    if settings.get("z_score") == "recording":
        lines.append("The z-score has seen whole recordings, tested frames included.")
    if "seeds" in settings:
        lines.append(f"Repetitions: {settings['seeds']}, from seed {settings['seed']}.")
    else:
        lines.append(f"Seed {settings['seed']}.")
    return "## Protocol\n\n" + " ".join([f"`{settings['protocol']}`:", *lines])


def _licences(run):
    lines = [f"Code: {LICENCE}."]
    weights = "Weights in this folder: "
    if run.sample:
        lines.append(f"{weights}trained on the sample, which is Duchenne's: {LICENCE}.")
        lines.append(f"With real data it would be: {DATA[run.data].licence}")
    else:
        lines.append(f"{weights}no licence of their own. {DATA[run.data].licence}")
    if run.settings.get("weights") == "imagenet":
        lines.append(
            f"Training began with weights under {IMAGENET.licence}, trained on "
            f"{IMAGENET.trained_on}, whose pictures are for non-commercial research "
            "only: check before using these weights in a product."
        )
    return "## Licences\n\n" + "\n".join(f"- {line}" for line in lines)


def _made(run):
    config = run.config
    versions = config["versions"]
    named = [f"{k} {v}" for k, v in versions.items() if v and k != "platform"]
    command = config.get("command")
    if command:
        command = shlex.join(last(part) for part in shlex.split(command))
    commit = config["commit"]
    lines = [
        f"Command (folders cut off): `{command}`" if command else "Command: not known",
        f"Commit: `{commit}`" if commit else "Commit: not known",
        f"Started: {config['started']}" + (", resumed" if config["resumed"] else ""),
        f"Versions: {', '.join(named)}",
    ]
    if commit and commit.endswith("+"):
        lines[1] += ", changed since"
    return "## How it was made\n\n" + "\n".join(f"- {line}" for line in lines)


def _loading(run):
    if not run.parts:
        return (
            "## Loading it\n\nNothing here for `zoo.load_run`: this was a validation, "
            "or it lacks serving.json, as runs of older versions do."
        )
    # Written as Python writes text: a name cannot end it and go on as code.
    place, others = repr(f"runs/{run.study.name}/{run.name}"), ""
    if "" not in run.parts and len(run.parts) > 1:
        place += f", part={run.parts[0]!r}"
        others = f"  # or {', '.join(map(repr, run.parts[1:]))}"
    elif len(run.parts) > 1:
        others = "  # or " + " or ".join(f"part={part!r}" for part in run.parts if part)
    return (
        f"## Loading it\n\n```python\nimport zoo\n\nrun = zoo.load_run({place}){others}"
        f"\nrun.predict(inputs)  # {DATA[run.data].inputs}\n```"
    )


def _citing(run):
    commit = run.config["commit"]
    ours = "The Duchenne developers, Duchenne: Keras models that tell genuine from "
    ours += "posed facial expressions"
    ours += f", commit {commit.rstrip('+')}" if commit else ""
    cited = [run.study.paper.citation]
    if run.study.builder:
        architecture = model_info(run.study.builder).architecture
        if architecture not in (None, run.study.paper):
            cited.append(architecture.citation)
    cited.append(ours)
    return "## Citing it\n\n" + "\n".join(f"- {line}." for line in cited)
