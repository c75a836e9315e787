"""Reading what other people wrote: models, settings and folders that may be tampered.

Nothing here runs code from a file. A `.keras` file is looked through before Keras sees
it: the archive and the weights (`zoo._keras_file`), and what `config.json` asks to be
built (`zoo._keras_config`). What is no part of a model that Keras and `zoo` write is
refused, by a ValueError that names the file and the part. `zoo.heads.load` does as much
for heads.

This keeps a file from running programs and from reading other files. It does not tell
whether a model is any good: weights can be exchanged for others that are as valid.
"""

import json
import pathlib
import zipfile

import keras

from zoo import _keras_config
from zoo._keras_file import CONFIG, PARTS, weights_file, zipped

NOT_MODELS = {
    ".h5": "Keras ignores its safe mode for it (CVE-2025-9905)",
    ".hdf5": "Keras ignores its safe mode for it (CVE-2025-9905)",
    ".pkl": "reading a pickle runs whatever it holds",
    ".pickle": "reading a pickle runs whatever it holds",
    ".joblib": "it is a pickle, and reading a pickle runs whatever it holds",
    ".pt": "it is a pickle, and reading a pickle runs whatever it holds",
    ".pth": "it is a pickle, and reading a pickle runs whatever it holds",
}


def load_model(path):
    """Reads a model from a `.keras` file, and refuses one that is not only a model.

    Safe mode is on, whatever `keras.config.enable_unsafe_deserialization` was told.

    Args:
        path: a `.keras` file that Keras 3 wrote, of a model made of Keras's layers and
            those of `zoo`.

    Returns:
        The model, not compiled: what it was compiled with is left unread. Compile it to
        train it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is of another kind, damaged, or holds something that is no
            part of a model; the message tells what and where.
    """
    path = pathlib.Path(path)
    refuse_other_kinds(path)
    config = read_config(path)
    with weights_file(path) as weights:
        try:
            return build(config, weights)
        except Exception as error:
            raise ValueError(
                f"{path} is not a model that this version of Keras and zoo can build: "
                f"{error}"
            ) from error


def refuse_other_kinds(path):
    if (path / "saved_model.pb").is_file():
        raise ValueError(
            f"{path} is a SavedModel, and a SavedModel is a program: load it with "
            "TensorFlow yourself (tf.saved_model.load) if you trust its author. "
            "Expected a .keras file, which lies beside it in a run folder."
        )
    if path.suffix in NOT_MODELS:
        raise ValueError(
            f"{path} is not read: {NOT_MODELS[path.suffix]}. Expected a .keras file; "
            "who has the model can write one with model.save('model.keras')."
        )
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}. Expected a .keras file.")
    if path.suffix != ".keras":
        raise ValueError(f"A model is a .keras file. Received: {path}")


def read_config(path):
    """Returns the checked config of a `.keras` file."""
    with zipped(path, *PARTS) as archive:
        try:
            config = as_dict(archive.read(CONFIG))
            _keras_config.leave_out_compiled(config)
            _keras_config.check(config)
        except RecursionError as error:
            raise ValueError(f"{path} is refused: it is nested too deep.") from error
        except (ValueError, zipfile.BadZipFile, EOFError) as error:
            raise ValueError(f"{path} is refused: {error}") from error
    return config


def build(config, weights):
    """Build a model from a checked config and fill it."""
    # Not public, but the only way to have safe mode on where it was turned off.
    from keras.src.saving.serialization_lib import SafeModeScope

    with SafeModeScope(True):
        model = keras.saving.deserialize_keras_object(config)
    if not isinstance(model, keras.Model):
        raise ValueError(f"expected a model, received {type(model).__name__}")
    model.load_weights(weights)
    return model


def read_json(path):
    """Reads a dict from a JSON file, such as a run's `config.json`.

    Args:
        path: the file.

    Returns:
        The dict.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no JSON, or something else than a dict.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        return as_dict(path.read_bytes())
    except RecursionError as error:
        raise ValueError(f"{path} is refused: it is nested too deep.") from error
    except ValueError as error:
        raise ValueError(f"{path} is refused: {error}") from error


def as_dict(text):
    try:
        found = json.loads(text)
    except ValueError as error:  # no UTF-8, no JSON, a number of thousands of digits
        raise ValueError(f"it is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"expected a JSON object, received a {type(found).__name__}")
    return found


def inside(folder, name):
    """The path of a file within a folder, or an error.

    Args:
        folder: the folder.
        name: relative path, with forward slashes; the file need not exist.

    Returns:
        A `pathlib.Path`.

    Raises:
        ValueError: the name is absolute, has `..` in it, or leads out of the folder by
            a symbolic link.
    """
    folder = pathlib.Path(folder)
    fine = isinstance(name, str) and name and not any(c in name for c in "\\:\0")
    if fine:
        steps = pathlib.PurePosixPath(name)
        fine = not steps.is_absolute() and ".." not in steps.parts
    if fine:
        fine = (folder / name).resolve().is_relative_to(folder.resolve())
    if not fine:
        raise ValueError(
            f"Expected the name of a file inside {folder}. Received: {name!r}, "
            "which is no relative path or leads out of it."
        )
    return folder / name
