"""Check that a `.skops` file holds nothing but a head's numbers and settings.

skops asks of every type whether it is trusted. That a type is trusted does not tell
what it does with tampered values, so its kinds of content are bounded as well: here are
objects, arrays, lists and plain values, without functions, methods, partial calls or
bytes (CVE-2024-37065, CVE-2025-54412 and 54413 hid in those).
"""

import json

import numpy as np
from numpy.lib import format as npy

from zoo._extras import optional

LOADERS = {
    "CachedNode",
    "DictNode",
    "JsonNode",
    "ListNode",
    "NdArrayNode",
    "ObjectNode",
    "TupleNode",
    "TypeNode",
}
# What the heads of `zoo.heads` are made of, by the part of scikit-learn it is from.
OBJECTS = {
    ("calibration", "CalibratedClassifierCV"),
    ("calibration", "_CalibratedClassifier"),
    ("calibration", "_SigmoidCalibration"),
    ("linear_model", "LogisticRegression"),
    ("pipeline", "Pipeline"),
    ("preprocessing", "StandardScaler"),
    ("svm", "SVC"),
}
SCHEMA = "schema.json"


def check(archive):
    """Raises ValueError where an archive is not a head as `zoo.heads.save` writes it.

    Args:
        archive: an open `zipfile.ZipFile`.
    """
    schema = json.loads(archive.read(SCHEMA))
    if not isinstance(schema, dict):
        raise ValueError(f"{SCHEMA} is not a JSON object")
    walk(schema)
    for name in archive.namelist():
        if name != SCHEMA:
            with archive.open(name) as file:
                check_array(file, name, archive.getinfo(name).file_size)


def walk(value):
    if isinstance(value, dict):
        loader = value.get("__loader__")
        if "__class__" in value and not is_part(value, loader):
            full = f"{value.get('__module__')}.{value['__class__']}"
            raise ValueError(f"it holds {full} ({loader}), which is no part of a head")
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            walk(part)


def is_part(node, loader):
    if loader != "ObjectNode":
        return loader in LOADERS
    library, _, module = str(node.get("__module__")).partition(".")
    place = module.partition(".")[0], node["__class__"]
    return library == "sklearn" and place in OBJECTS


def check_array(file, name, size):
    try:
        version = npy.read_magic(file)
        read = getattr(npy, f"read_array_header_{version[0]}_0")
        shape, _, kind = read(file)
    except Exception as error:
        raise ValueError(f"{name} is no array: {error}") from error
    declared = int(np.prod(shape, dtype=object)) * kind.itemsize
    if kind.hasobject or declared != size - file.tell():
        raise ValueError(f"{name} declares {declared} bytes of {kind} in {size} bytes")


def check_machines(value, seen=None):
    """Raises ValueError where the parts of a support vector machine do not fit.

    scikit-learn hands them to libsvm, which reads as many as the first of them say.

    Args:
        value: a head, and in recursion whatever it is made of.
        seen: what was looked at, by its id.
    """
    seen = {} if seen is None else seen
    if id(value) in seen or not holds(value):
        return
    seen[id(value)] = value  # kept, or its id could become another's
    svc = optional("sklearn.svm", "heads").SVC
    # A calibrated classifier also keeps the one that it was made from, not fitted.
    if isinstance(value, svc) and "support_vectors_" in vars(value):
        check_svc(value)
    if isinstance(value, np.ndarray):
        parts = value.ravel().tolist()
    elif isinstance(value, dict):
        parts = [*value.keys(), *value.values()]
    else:
        parts = value if isinstance(value, list | tuple) else vars(value).values()
    for part in list(parts):
        check_machines(part, seen)


def holds(value):
    """Return whether other objects may be in it."""
    if isinstance(value, np.ndarray):
        return value.dtype.hasobject
    return isinstance(value, list | tuple | dict) or (
        hasattr(value, "__dict__") and not isinstance(value, type)
    )


def check_svc(machine):
    count, classes = len(machine.support_vectors_), len(machine.classes_)
    pairs = classes * (classes - 1) // 2
    of_probability = (len(machine._probA),) if len(machine._probA) == pairs else (0,)
    expected = {
        "_dual_coef_": (classes - 1, count),
        "_intercept_": (pairs,),
        "support_": (count,),
        "_n_support": (classes,),
        "support_vectors_": (count, machine.n_features_in_),
        "_probA": of_probability,
        "_probB": of_probability,
    }
    for name, shape in expected.items():
        found = getattr(machine, name)
        if not isinstance(found, np.ndarray) or found.shape != shape:
            raise ValueError(f"{name} of its SVC does not have the shape {shape}")
    if (machine._n_support < 0).any() or machine._n_support.sum() != count:
        raise ValueError("_n_support of its SVC does not add up to its support vectors")
    if machine._sparse or machine.kernel not in ("linear", "poly", "rbf", "sigmoid"):
        raise ValueError("its SVC is sparse or has a kernel of its own")
