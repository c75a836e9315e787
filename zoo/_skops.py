"""Read a `.skops` file that holds a head as `zoo.heads` makes them, and no more.

skops trusts more: functions, methods, partial calls (CVE-2024-37065, CVE-2025-54412 and
54413 hid in those), and estimators that read beyond arrays which do not fit each other.
"""

import json
import zipfile

import numpy as np

# skops trusts scikit-learn's public types; a calibrated classifier has two more.
TRUSTED = [
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
]
CLASSES = {name.rpartition(".")[2] for name in TRUSTED}
CLASSES |= {"CalibratedClassifierCV", "LogisticRegression", "SVC"}
CLASSES |= {"Pipeline", "StandardScaler"}
KINDS = ("Cached", "Dict", "Json", "List", "NdArray", "Tuple", "Type")
LOADERS = {None, *(f"{kind}Node" for kind in KINDS)}


def load(path, skops):
    """Return the head in a file, or raise an error where it holds something else."""
    with zipfile.ZipFile(path) as archive:
        check_schema(json.loads(archive.read("schema.json")))
    head = skops.load(path, trusted=TRUSTED)
    check_machines(head)
    return head


def check_schema(value):
    if isinstance(value, dict):
        loader, name = value.get("__loader__"), value.get("__class__")
        if not (name in CLASSES if loader == "ObjectNode" else loader in LOADERS):
            full = f"{value.get('__module__')}.{name} ({loader})"
            raise ValueError(f"it holds {full}, which is no part of a head")
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            check_schema(part)


def check_machines(value):
    """Raise ValueError where the parts of a support vector machine do not fit.

    scikit-learn hands them to libsvm, which reads as many as the first of them say.
    """
    parts = value if isinstance(value, list | tuple) else ()
    if isinstance(value, dict):
        parts = (*value, *value.values())
    elif isinstance(value, np.ndarray) and value.dtype.hasobject:
        parts = value.ravel().tolist()
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        parts = vars(value).values()
        # A calibrated classifier also keeps the one it was made from, not fitted.
        if type(value).__name__ == "SVC" and "support_vectors_" in vars(value):
            check_svc(value)
    for part in parts:
        check_machines(part)


def check_svc(machine):
    count, classes = len(machine.support_vectors_), len(machine.classes_)
    pairs = classes * (classes - 1) // 2
    of_probability = (pairs if np.size(machine._probA) else 0,)
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
        if np.shape(getattr(machine, name)) != shape:
            raise ValueError(f"{name} of its SVC does not have the shape {shape}")
    if (machine._n_support < 0).any() or machine._n_support.sum() != count:
        raise ValueError("_n_support of its SVC does not add up to its support vectors")
    if machine._sparse or machine.kernel not in ("linear", "poly", "rbf", "sigmoid"):
        raise ValueError("its SVC is sparse or has a kernel of its own")
