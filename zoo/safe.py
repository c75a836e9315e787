"""Models, settings and paths from files of other people: no code of theirs is run.

Keras builds whatever the `config.json` of a `.keras` file names. Its safe mode was got
round by functions that do harm themselves (CVE-2025-1550, 8747, 9906), a layer that
reads files (CVE-2025-12058) and a SavedModel. So a config may name only what computes,
and is checked before Keras sees it; its HDF5 file may not refer to others. `zoo.heads`
does as much for heads. None of this tells whether a model is any good.
"""

import contextlib
import json
import os
import pathlib
import tempfile
import types
import zipfile

import keras

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
# Classes of these modules may be named, if they have this base.
BASES = {
    "keras.layers": keras.layers.Layer,
    "keras.initializers": keras.initializers.Initializer,
    "keras.regularizers": keras.regularizers.Regularizer,
    "keras.constraints": keras.constraints.Constraint,
}
# Where in Keras the layers live that compute from their inputs and weights alone.
# Outside are those that read vocabularies, SavedModels and modules of PyTorch and JAX.
FAMILIES = (
    *("activations", "attention", "convolutional", "core", "merging", "normalization"),
    *("pooling", "regularization", "reshaping", "rnn"),
    *("preprocessing.normalization", "preprocessing.rescaling"),
    "preprocessing.image_preprocessing.center_crop",
    "preprocessing.image_preprocessing.resizing",
)
COMPUTING = tuple(f"keras.src.layers.{family}." for family in FAMILIES)
SINGLE = {
    *(("keras", "Sequential"), ("keras", "DTypePolicy")),
    ("keras.src.models.functional", "Functional"),
    # What indexing and comparing the tensors of a functional model leaves behind.
    *(("keras.src.ops.numpy", name) for name in ("Any", "GetItem", "NotEqual")),
}
VALUES = {"__keras_tensor__", "__ellipsis__", "__slice__"}
FUNCTIONS = ("activations", "initializers", "regularizers")


def load_model(path: str | os.PathLike) -> keras.Model:
    """Read a model of layers of Keras and of `zoo` from a `.keras` file, not compiled.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is of another kind, damaged, or names something that is no
            part of a model; the message tells what and where.
    """
    path = pathlib.Path(path)
    if path.suffix != ".keras":
        raise ValueError(
            f"Expected a .keras file. Received: {path}; other kinds can run programs "
            "as they are loaded. Write one with model.save('model.keras')."
        )
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}. Expected a .keras file.")
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read(CONFIG))
        check_config(config, CONFIG)
        with weights_file(path) as weights:
            model = keras.saving.deserialize_keras_object(config, safe_mode=True)
            if not isinstance(model, keras.Model):
                raise ValueError(f"{CONFIG} does not describe a model")
            model.load_weights(weights)
    except Exception as error:
        raise ValueError(
            f"Expected a model of Keras's layers and zoo's in {path}. Received a file "
            f"that is damaged, tampered with, or of another version: {error}"
        ) from error
    return model


def check_config(value, where):
    """Raise ValueError where a config names what may not be built; drop `compile`'s."""
    parts, named, fine = (), value, True
    if isinstance(value, dict):
        value.pop("compile_config", None)
        parts = value.items()
        named = [value.get(key) for key in ("module", "class_name", "registered_name")]
        fine = "class_name" not in value or is_allowed(*named, value.get("config"))
    elif isinstance(value, list):
        parts = enumerate(value)
    elif isinstance(value, str) and not value.startswith("zoo>"):
        # A plain string, too, is replaced by what is registered under it.
        fine = keras.saving.get_registered_object(value) is None
    if not fine:
        raise ValueError(
            f"{where} names {named}. Allowed are the classes of zoo and Keras's layers "
            "that only compute, initializers, regularizers, constraints, activations"
        )
    for key, part in parts:
        check_config(part, f"{where}.{key}")


def is_allowed(module, name, registered, config):
    """Return whether Keras may build what is named so."""
    if name == "function":
        return registered in (None, config) and is_function(module, config)
    if registered == f"zoo>{name}":
        return keras.saving.get_registered_object(registered) is not None
    # Keras prefers what is registered under this name to what module and class say.
    return name in VALUES or (registered in (None, name) and is_class(module, name))


def is_class(module, name):
    if module not in BASES:
        return (module, name) in SINGLE
    found = getattr(getattr(keras, module.removeprefix("keras.")), name, None)
    if not (isinstance(found, type) and issubclass(found, BASES[module])):
        return False
    computes = f"{found.__module__}.".startswith(COMPUTING) and name != "Lambda"
    return computes or module != "keras.layers"


def is_function(module, name):
    """Return whether a name is that of an activation, initializer or regularizer."""
    # Keras looks a function of "builtins" up in all of them.
    homes = [home for home in FUNCTIONS if module in ("builtins", f"keras.{home}")]
    found = [getattr(getattr(keras, home), name, None) for home in homes]
    fine = name not in ("get", "serialize", "deserialize")
    return fine and any(isinstance(one, types.FunctionType) for one in found)


@contextlib.contextmanager
def weights_file(path):
    """Give the path of a `.keras` or `.weights.h5` file's HDF5, without outer links."""
    import h5py

    with tempfile.TemporaryDirectory() as folder:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                path = archive.extract(WEIGHTS, folder)
        links = {}
        with h5py.File(path) as file:
            file.visititems_links(links.__setitem__)
            for name, link in links.items():
                entry = file[name] if isinstance(link, h5py.HardLink) else None
                outside = getattr(entry, "external", None)
                if not entry or outside or getattr(entry, "is_virtual", False):
                    raise ValueError(f"{name} of the weights lies in another file")
        yield path


def read_json(path: str | os.PathLike) -> dict:
    """Read a dict from a JSON file, such as a run's `config.json`.

    Raises:
        OSError: there is no such file.
        ValueError: the file is no JSON, or something else than a dict.
    """
    try:
        found = json.loads(pathlib.Path(path).read_bytes())
        kind = type(found).__name__
    except (ValueError, RecursionError) as error:
        found, kind = None, error
    if not isinstance(found, dict):
        raise ValueError(f"Expected a JSON object in {path}. Received: {kind}")
    return found


def inside(folder: str | os.PathLike, name: str) -> pathlib.Path:
    """Return the path of a file in a folder; raise ValueError where it is elsewhere."""
    path = pathlib.Path(folder) / str(name)
    within = path.resolve().is_relative_to(pathlib.Path(folder).resolve())
    if not (within and isinstance(name, str)):
        raise ValueError(f"Expected a file inside {folder}. Received: {name!r}")
    return path
