"""Check that the `config.json` of a `.keras` file names only what may be built.

Keras builds whatever class or function of its own or of any registered package the
file names. Its safe mode stops marshalled lambdas, yet was got round more than once by
naming a function that does harm itself (CVE-2025-1550, 8747 and 9906), a layer that
reads files (CVE-2025-12058) or a SavedModel. So here is a list of what may be named, by
what it is: layers that compute, initializers, regularizers, constraints, activations,
and what `zoo` registers. What a model was compiled with is left out.
"""

import types

import keras

# Where in Keras the layers live that compute from their inputs and weights alone.
# Outside are those that read vocabularies, SavedModels and modules of PyTorch and JAX.
COMPUTING = tuple(
    f"keras.src.layers.{family}."
    for family in (
        "activations",
        "attention",
        "convolutional",
        "core",
        "merging",
        "normalization",
        "pooling",
        "preprocessing.image_preprocessing.center_crop",
        "preprocessing.image_preprocessing.resizing",
        "preprocessing.normalization",
        "preprocessing.rescaling",
        "regularization",
        "reshaping",
        "rnn",
    )
)
# What is in a module of Keras that may be named, by its base class.
KINDS = {
    "keras.layers": "layers.Layer",
    "keras.initializers": "initializers.Initializer",
    "keras.regularizers": "regularizers.Regularizer",
    "keras.constraints": "constraints.Constraint",
}
SINGLE = {
    ("keras", "Sequential"),
    ("keras", "DTypePolicy"),
    ("keras.src.models.functional", "Functional"),
    # What indexing and comparing the tensors of a functional model leaves behind.
    ("keras.src.ops.numpy", "Any"),
    ("keras.src.ops.numpy", "GetItem"),
    ("keras.src.ops.numpy", "NotEqual"),
}
VALUES = {"__keras_tensor__", "__ellipsis__", "__slice__"}
FUNCTIONS = ("activations", "initializers", "regularizers")
ALLOWED = (
    "Allowed are Keras's layers (but Lambda and those that read files or run other "
    "programs), initializers, regularizers, constraints and activations, and the "
    "classes of zoo."
)


def check(config):
    """Raises ValueError where a config names what may not be built.

    Args:
        config: dict read from a `config.json`.
    """
    if not isinstance(config, dict) or "class_name" not in config:
        raise ValueError("it does not describe a model.")
    walk(config, "config.json")


def leave_out_compiled(value):
    """Take out what the model, and models in it, were compiled with."""
    if isinstance(value, dict):
        value.pop("compile_config", None)
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            leave_out_compiled(part)


def walk(value, where):
    if isinstance(value, dict):
        if "class_name" in value:
            judge(value, where)
        for node in value.get("inbound_nodes") or []:
            if not holds_tensor(node):
                raise ValueError(
                    f"{where} is called on values of the file instead of a tensor of "
                    "the model, which Keras would compute while loading."
                )
        for key, part in value.items():
            walk(part, f"{where}.{key}")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            walk(part, f"{where}[{index}]")
    elif isinstance(value, str) and not value.startswith("zoo>"):
        # A plain string, too, is replaced by what is registered under it.
        if keras.saving.get_registered_object(value) is not None:
            raise refused(value, where)


def holds_tensor(value):
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            return True
        value = list(value.values())
    return isinstance(value, list) and any(holds_tensor(part) for part in value)


def judge(value, where):
    name, module = value["class_name"], value.get("module")
    registered = value.get("registered_name")
    named = [one for one in (name, module, registered) if one is not None]
    if not all(isinstance(one, str) for one in named):
        raise ValueError(f"{where} names its class with something else than text.")
    if name in VALUES:
        return
    if name == "function":
        function, name = value.get("config"), f"{value.get('config')} (a function)"
        fine = registered in (None, function) and is_function(module, function)
    elif registered is not None and registered.startswith("zoo>"):
        found = keras.saving.get_registered_object(registered)
        fine = found is not None and found.__module__.startswith("zoo.")
        name = registered
    else:
        # Keras prefers what is registered under this name to what module and class say.
        fine = registered in (None, name) and is_class(module, name)
    if not fine:
        full = f"{module}.{name}" if module else f"{name} (of no module)"
        raise refused(f"{full} (registered as {registered})", where)


def refused(what, where):
    return ValueError(f"{where} names {what}. {ALLOWED}")


def is_class(module, name):
    if (module, name) in SINGLE:
        return True
    if module not in KINDS:
        return False
    found, base = public(f"{module}.{name}"), public(f"keras.{KINDS[module]}")
    if not (isinstance(found, type) and issubclass(found, base)):
        return False
    if module != "keras.layers":
        return True
    return f"{found.__module__}.".startswith(COMPUTING) and name != "Lambda"


def is_function(module, name):
    """Return whether a name is that of an activation, initializer or regularizer."""
    if not isinstance(name, str) or name in ("get", "serialize", "deserialize"):
        return False
    homes = [f"keras.{home}" for home in FUNCTIONS]
    # Keras looks a function of "builtins" up in all of them.
    homes = homes if module == "builtins" else [module] if module in homes else []
    found = [public(f"{home}.{name}") for home in homes]
    return any(isinstance(one, types.FunctionType) for one in found)


def public(path):
    """Return the object of a dotted name in Keras's public part, or None."""
    found = keras
    for step in path.split(".")[1:]:
        found = None if step.startswith("_") else getattr(found, step, None)
    return found
