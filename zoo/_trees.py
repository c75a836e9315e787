"""Check that a head's JSON file holds boosted trees that XGBoost can walk through.

XGBoost trusts its model files: damaged ones end the process, at once or at the first
prediction. So the trees are checked to be trees first.
"""

import json

import numpy as np

# Of each node of a tree; XGBoost writes some of the numbers as integers, too.
INTEGERS = ("left_children", "right_children", "split_indices", "parents")
INTEGERS += ("split_type", "default_left")
NUMBERS = ("base_weights", "loss_changes", "split_conditions", "sum_hessian")
CATEGORIES = ("", "_nodes", "_segments", "_sizes")


def check(text: bytes) -> None:
    """Raise ValueError where a model's JSON is not trees as XGBoost writes them."""
    try:
        check_model(json.loads(text)["learner"])
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise ValueError(
            f"a part is missing or of another kind ({type(error).__name__}: {error})"
        ) from error


def expect(fine, problem):
    if not fine:
        raise ValueError(problem)


def check_model(learner):
    booster, parameters = learner["gradient_booster"], learner["learner_model_param"]
    expect(booster["name"] == "gbtree", f"expected gbtree, received {booster['name']}")
    features, classes = (whole(parameters[f"num_{n}"]) for n in ("feature", "class"))
    expect(whole(parameters.get("num_target", "1")) == 1, "it has several targets")
    objective = learner["objective"]["name"]
    fine = (classes > 1) == objective.startswith("multi:")
    expect(fine, f"the objective {objective!r} does not fit {classes} classes")
    check_rounds(booster["model"], max(1, classes))
    for number, tree in enumerate(booster["model"]["trees"]):
        try:
            check_tree(tree, features)
        except ValueError as error:
            raise ValueError(f"tree {number}: {error}") from error


def check_rounds(model, classes):
    count, parameters = len(model["trees"]), model["gbtree_model_param"]
    expect(not any(map(len, model.get("cats", {}).values())), "it has categories")
    fine = all(0 <= group < classes for group in model["tree_info"])
    expect(fine, "tree_info does not assign its trees to classes")
    size = max(1, classes * whole(parameters["num_parallel_tree"]))
    fine = model["iteration_indptr"] == list(range(0, count + 1, size))
    expect(fine, "iteration_indptr does not divide its trees into rounds")


def check_tree(tree, features):
    parameters = tree["tree_param"]
    count = whole(parameters["num_nodes"])
    expect(count, "it has no nodes")
    expect(whole(parameters["num_feature"]) == features, "num_feature differs")
    expect(whole(parameters["size_leaf_vector"]) <= 1, "its leaves hold vectors")
    for name in (*INTEGERS, *NUMBERS):
        values, kinds = np.asarray(tree[name]), "i" if name in INTEGERS else "if"
        fine = values.dtype.kind in kinds and values.shape == (count,)
        expect(fine, f"{name} does not have one value of each of {count} nodes")
    categorical = any(tree["split_type"] + [tree[f"categories{n}"] for n in CATEGORIES])
    expect(not categorical, "it has categorical splits")
    left, right, split, parents = (np.asarray(tree[name]) for name in INTEGERS[:4])
    expect(((left == -1) == (right == -1)).all(), "a node has one child only")
    inner = np.flatnonzero(left != -1)
    children = np.concatenate([left[inner], right[inner]])
    fine = (children >= 1).all() and (children < count).all()
    expect(fine, "a child is none of its nodes")
    # With every node but the root the child of one other at most, no walk down from the
    # root comes to the same node twice.
    single = len(np.unique(children)) == len(children)
    expect(single, "a node is the child of two others")
    fine = (parents[children] == np.tile(inner, 2)).all()
    expect(fine, "a child does not know its parent")
    fine = (split[inner] >= 0).all() and (split[inner] < features).all()
    expect(fine, f"it splits by a feature that is none of {features}")


def whole(text):
    """Return an integer that XGBoost writes as text."""
    expect(isinstance(text, str) and text.isdecimal() and len(text) < 10, f"{text!r}")
    return int(text)
