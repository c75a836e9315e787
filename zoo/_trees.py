"""Check that a head's JSON file holds boosted trees that XGBoost can walk through.

XGBoost trusts its model files: damaged ones end the process, at once or at the first
prediction. So the trees are checked to be trees first.
"""

import json

import numpy as np

CLASSES = 1000
# Of each node of a tree, with the kinds of number that XGBoost writes.
INDICES = ("left_children", "right_children", "parents", "split_indices")
PER_NODE = {
    **dict.fromkeys(INDICES, "i"),
    "default_left": "i",
    "split_type": "i",
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


def check(text):
    """Raise ValueError where a text is not boosted trees as XGBoost writes them.

    Args:
        text: content of a model's JSON file.
    """
    try:
        check_model(json.loads(text))
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
    tree = {**tree, **{name: np.asarray(tree[name]) for name in PER_NODE}}
    for name, kind in PER_NODE.items():
        kinds = "i" if kind == "i" else "if"
        if tree[name].dtype.kind not in kinds or tree[name].shape != (count,):
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
