"""Whether a `.ubj` file holds boosted trees that XGBoost can read and walk through.

XGBoost trusts its model files: of a thousand damaged ones every tenth ended the
process, at once or at the first prediction. So the file is read here first, by what
XGBoost writes of Universal Binary JSON (ubjson.org, draft 12), and the trees are
checked to be trees.
"""

import json
import struct

import numpy as np

NUMBERS = {
    b"i": ">i1",
    b"U": ">u1",
    b"I": ">i2",
    b"l": ">i4",
    b"L": ">i8",
    b"d": ">f4",
    b"D": ">f8",
}
CONSTANTS = {b"T": True, b"F": False, b"N": None}
DEPTH = 32
CLASSES = 1000
# Of each node of a tree, with the kinds of number that XGBoost writes.
INDICES = ("left_children", "right_children", "parents", "split_indices")
PER_NODE = {
    **dict.fromkeys(INDICES, "i"),
    "default_left": "u",
    "split_type": "u",
    "base_weights": "f",
    "loss_changes": "f",
    "split_conditions": "f",
    "sum_hessian": "f",
}
CATEGORIES = (
    "categories",
    "categories_nodes",
    "categories_segments",
    "categories_sizes",
)


class Reader:
    """Reads one value after another; every size is checked against what is left."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        if not 0 <= size <= len(self.data) - self.at:
            raise ValueError(f"it declares {size} bytes where fewer are left")
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, marker):
        kind = np.dtype(NUMBERS[marker])
        return np.frombuffer(self.take(kind.itemsize), kind)[0].item()

    def length(self):
        if self.take(1) != b"L":
            raise ValueError(f"a length is missing at byte {self.at}")
        return struct.unpack(">q", self.take(8))[0]

    def text(self):
        return self.take(self.length()).decode()

    def value(self, depth=0):
        if depth > DEPTH:
            raise ValueError("it is nested too deep")
        marker = self.take(1)
        if marker == b"{":
            return self.object(depth)
        if marker == b"[":
            return self.array(depth)
        if marker == b"S":
            return self.text()
        if marker in NUMBERS:
            return self.number(marker)
        if marker in CONSTANTS:
            return CONSTANTS[marker]
        raise ValueError(f"there is no value at byte {self.at}")

    def object(self, depth):
        found = {}
        while self.data[self.at : self.at + 1] != b"}":
            key = self.text()
            if key in found:
                raise ValueError(f"it has {key!r} twice")
            found[key] = self.value(depth + 1)
        self.take(1)
        return found

    def array(self, depth):
        marker = self.take(1)
        kind = None
        if marker == b"$":
            kind, marker = self.take(1), self.take(1)
        if marker != b"#" or (kind is not None and kind not in NUMBERS):
            raise ValueError(f"there is no array at byte {self.at}")
        count = self.length()
        if kind is not None:
            kind = np.dtype(NUMBERS[kind])
            return np.frombuffer(self.take(count * kind.itemsize), kind)
        if not 0 <= count <= len(self.data) - self.at:
            raise ValueError(f"it declares {count} values where fewer bytes are left")
        return [self.value(depth + 1) for _ in range(count)]


def check(data):
    """Raises ValueError where bytes are not boosted trees as XGBoost writes them.

    Args:
        data: content of a `.ubj` file.
    """
    reader = Reader(data)
    try:
        model = reader.value()
        if reader.at < len(data):
            raise ValueError(f"{len(data) - reader.at} bytes are left over")
        check_model(model)
    except UnicodeDecodeError as error:
        raise ValueError(f"a name is no text: {error}") from error
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise ValueError(
            f"a part is missing or of another kind ({type(error).__name__}: {error})"
        ) from error


def check_model(model):
    learner = model["learner"]
    booster = learner["gradient_booster"]
    if booster["name"] != "gbtree":
        raise ValueError(
            f"expected boosted trees (gbtree), received {booster['name']!r}"
        )
    parameters = learner["learner_model_param"]
    features = whole(parameters["num_feature"], 1, 2**31 - 1, "num_feature")
    classes = whole(parameters["num_class"], 0, CLASSES, "num_class")
    whole(parameters.get("num_target", "1"), 1, 1, "num_target")
    check_scores(parameters["base_score"], classes)
    for key in ("feature_names", "feature_types"):
        names = learner.get(key, [])
        if len(names) not in (0, features) or not all(
            isinstance(n, str) for n in names
        ):
            raise ValueError(f"{key} are not the names of {features} features")
    if "c" in learner.get("feature_types", []):
        raise ValueError("it has categorical features")
    objective = learner["objective"]["name"]
    if (classes > 1) != objective.startswith("multi:"):
        raise ValueError(f"the objective {objective!r} does not fit {classes} classes")
    check_trees(booster["model"], features, max(1, classes))


def check_scores(text, classes):
    """XGBoost's starting point: one number, or one of each class."""
    scores = json.loads(text)
    scores = scores if isinstance(scores, list) else [scores]
    if len(scores) not in (1, classes):
        raise ValueError(f"it has {len(scores)} base scores for {classes} classes")
    if not all(isinstance(s, (int, float)) and np.isfinite(float(s)) for s in scores):
        raise ValueError(f"the base score {text!r} is no number")


def check_trees(model, features, groups):
    cats = model.get("cats", {})
    if any(len(part) for part in cats.values()):
        raise ValueError("it has categorical features")
    trees, parameters = model["trees"], model["gbtree_model_param"]
    whole(parameters["num_trees"], len(trees), len(trees), "num_trees")
    parallel = whole(parameters["num_parallel_tree"], 1, max(1, len(trees)), "forest")
    of_group = integers(model["tree_info"])
    if len(of_group) != len(trees) or not np.isin(of_group, range(groups)).all():
        raise ValueError("tree_info does not assign its trees to classes")
    starts = integers(model["iteration_indptr"])
    steps = np.diff(starts)
    if starts[0] != 0 or starts[-1] != len(trees) or (steps != groups * parallel).any():
        raise ValueError("iteration_indptr does not divide its trees into rounds")
    for number, tree in enumerate(trees):
        try:
            check_tree(tree, features)
        except ValueError as error:
            raise ValueError(f"tree {number}: {error}") from error


def check_tree(tree, features):
    count = whole(tree["tree_param"]["num_nodes"], 1, 2**31 - 1, "num_nodes")
    whole(tree["tree_param"]["num_feature"], features, features, "num_feature")
    whole(tree["tree_param"]["size_leaf_vector"], 0, 1, "size_leaf_vector")
    for name, kind in PER_NODE.items():
        if tree[name].dtype.kind != kind or tree[name].shape != (count,):
            raise ValueError(f"{name} does not have one value of each of {count} nodes")
    if tree["split_type"].any() or any(len(tree[name]) for name in CATEGORIES):
        raise ValueError("it has categorical splits")
    left, right = tree["left_children"], tree["right_children"]
    if ((left == -1) != (right == -1)).any():
        raise ValueError("a node has one child only")
    inner = np.flatnonzero(left != -1)
    children = np.concatenate([left[inner], right[inner]])
    # With every node but the root the child of one other at most, no walk down from the
    # root comes to the same node twice.
    if (children < 1).any() or (children >= count).any():
        raise ValueError("a child is none of its nodes")
    if len(np.unique(children)) < len(children):
        raise ValueError("a node is the child of two others")
    if (tree["parents"][children] != np.tile(inner, 2)).any():
        raise ValueError("a child does not know its parent")
    split = tree["split_indices"][inner]
    if (split < 0).any() or (split >= features).any():
        raise ValueError(f"it splits by a feature that is none of {features}")


def whole(text, least, most, name):
    """An integer that XGBoost writes as text, within bounds."""
    if not (isinstance(text, str) and text.isascii() and text.isdigit()):
        raise ValueError(f"{name} is {text!r} and no number")
    if not least <= int(text[:20]) <= most:
        raise ValueError(f"{name} is {text}, expected {least} to {most}")
    return int(text)


def integers(values):
    values = np.asarray(values)
    if values.ndim != 1 or not values.size or values.dtype.kind not in "iu":
        raise ValueError("a list of integers is missing")
    return values.astype("i8")
