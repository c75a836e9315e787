"""Weights from a file into a model: every tensor exactly once, or an error.

A file is first read into a dict from `layer/variable` to array (`read_own` here, other
naming schemes beside the builder they belong to); `load` then puts them in place.
"""

import os
import pathlib
import warnings
from dataclasses import dataclass

import keras
import numpy as np

from zoo._atomic import replaced
from zoo.safe import weights_file


@dataclass(frozen=True)
class WeightRecord:
    """A set of published weights, and what one has to know to use it."""

    url: str  # where the file is downloaded from
    file_name: str  # in Keras's cache
    classes: int  # of its classifier
    input_size: int  # side of the square pictures it was trained on, in pixels
    input_range: tuple[float, float]  # of the values it expects, in the order RGB
    trained_on: str  # data and split
    licence: str  # of the weights
    source: str  # where the weights come from, and what they reach there


def check(weights, imagenet=None):
    """Return the source that a builder's argument `weights` names.

    Args:
        weights: `None`, `"imagenet"` or a path.
        imagenet: the builder's `WeightRecord` for `"imagenet"`, if it has one.

    Returns:
        `None`, the record, or the path as a string.

    Raises:
        ValueError: it is none of these, or nothing lies at the path.
    """
    if weights is None:
        return None
    if weights == "imagenet" and imagenet is not None:
        return imagenet
    if isinstance(weights, (str, os.PathLike)):
        path = os.path.expanduser(os.fspath(weights))
        if os.path.isfile(path) or os.path.isfile(f"{path}.index"):
            return path
    raise ValueError(
        "weights must be None, "
        + ("'imagenet', " if imagenet else "")
        + f"or the path of an existing file. Received: {weights!r}"
    )


def fetch(record):
    """Download a record's file into Keras's cache, once, and return its path.

    Raises:
        OSError: the download failed. The message names the URL, where the file would
            go, and the way round.
    """
    home = os.environ.get("KERAS_HOME") or "~/.keras"
    folder = pathlib.Path(home).expanduser() / "models" / "duchenne"
    target = folder / record.file_name
    if target.exists():
        return str(target)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Keras writes straight to the name it is given: one killed is not complete.
        with replaced(target) as partial:
            keras.utils.get_file(partial.name, record.url, cache_subdir=str(folder))
    except Exception as error:
        raise OSError(
            f"Could not download the weights from {record.url} to {target}: {error}\n"
            "Without a network, fetch that file elsewhere and either put it there or "
            "give its path to the builder: weights=PATH."
        ) from error
    return str(target)


def read_own(path, model):
    """Read a `.keras` or `.weights.h5` file that Keras wrote.

    Args:
        path: the file.
        model: the model to load into; it gives the variables of each layer their names.

    Returns:
        Dict from `layer/variable` to array.

    Raises:
        ValueError: the file is neither of the two, damaged, or refers to other files.
    """
    import h5py

    names = {}
    for full_name in named_variables(model):
        layer, variable = full_name.rsplit("/", 1)
        names.setdefault(layer, []).append(variable)
    tensors = {}

    def collect(path, group):
        if not path.startswith("layers/") or "name" not in group.attrs:
            return
        layer = full_layer_name(path, group.file)
        own = names.get(layer, [])
        for key, value in group.items():
            variable = own[int(key)] if int(key) < len(own) else key
            name = f"{layer}/{variable}"
            if name in tensors:
                raise ValueError(f"it holds several networks, each with {name}")
            tensors[name] = np.asarray(value)

    try:
        with weights_file(path) as weights, h5py.File(weights, "r") as file:
            file.visititems(collect)
    except Exception as error:  # of zipfile and HDF5, too, each of its own kinds
        raise ValueError(
            f"Could not read weights from {path}: expected a .keras or .weights.h5 "
            f"file that Keras 3 wrote. It is another kind or damaged: {error}"
        ) from error
    return tensors


def full_layer_name(path, file):
    """Return a layer's name in a file, with those of the layers that it is in."""
    stem, _, steps = path.removesuffix("/vars").rpartition("layers/")
    names, group = [], file[f"{stem}layers"]
    for step in steps.split("/"):
        group = group[step]
        names.append(group["vars"].attrs["name"])
    return "/".join(names)


def named_variables(model):
    """Return a dict from `layer/variable` to variable.

    The name of a variable alone is not enough: both directions of a bidirectional layer
    have a `kernel`, which are `layer/forward_lstm/lstm_cell/kernel` and `backward`.
    """
    variables = {}
    for layer in model.layers:
        for variable in layer.weights:
            within = f"/{variable.path}".partition(f"/{layer.name}/")[2]
            variables[f"{layer.name}/{within or variable.name}"] = variable
    return variables


def load(model, tensors, source, top):
    """Put tensors into a model, each exactly once.

    Args:
        model: a functional model, the variables of which are filled.
        tensors: dict from `layer/variable` to array.
        source: what the tensors were read from, for messages.
        top: names of the layers that `include_top=False` leaves out, the classifier
            last. The classifier is left as it is, with a warning, where the file has
            none or has another number of classes.

    Raises:
        ValueError: a tensor is missing, left over, of another shape, or not finite; the
            message names it. Nothing has been assigned then.
    """
    source = getattr(source, "url", source)
    tensors = dict(tensors)
    variables = named_variables(model)
    leave_top(model, variables, tensors, source, top)

    problems = [f"missing: {name}" for name in variables if name not in tensors]
    problems += [f"left over: {name}" for name in tensors if name not in variables]
    for name in variables.keys() & tensors.keys():
        expected, received = tuple(variables[name].shape), tensors[name].shape
        if expected != received:
            problems.append(f"{name}: expected {expected}, received {received}")
        elif not np.isfinite(tensors[name]).all():
            problems.append(f"{name}: holds values that are not finite")
    if problems:
        listed = "\n  ".join(sorted(problems)[:20])
        raise ValueError(
            f"The weights in {source} do not fit {model.name}, in {len(problems)} of "
            f"{len(variables)} tensors, among them:\n  {listed}"
        )
    for name, variable in variables.items():
        variable.assign(tensors[name])


def leave_top(model, variables, tensors, source, top):
    """Take off both sides what of the top is not to be loaded."""
    absent = set(top) - {layer.name for layer in model.layers if layer.weights}
    for name in [name for name in tensors if name.split("/")[0] in absent]:
        del tensors[name]
    kernel = f"{top[-1]}/kernel"
    ours = variables[kernel].shape[-1] if kernel in variables else None
    theirs = tensors[kernel].shape[-1] if kernel in tensors else None
    if ours == theirs:
        return
    for name in [kernel, f"{top[-1]}/bias"]:
        variables.pop(name, None)
        tensors.pop(name, None)
    has = f"has {theirs} classes" if theirs else "has no classifier"
    warnings.warn(
        f"{source} {has} and the model has {ours}: the classifier stays random and has "
        "to be trained.",
        stacklevel=4,
    )
