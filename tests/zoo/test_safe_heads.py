"""Tampered heads are refused; genuine ones load."""

import json
import pickle
import zipfile

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import VotingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.svm import SVC, NuSVC

from zoo import _skops, heads

SCHEMA = "schema.json"


def data(classes=2):
    X = np.random.default_rng(0).normal(size=(90, 4))
    return X, np.digitize(X[:, 0] + X[:, 1] ** 2, [0.7, 2][: classes - 1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a fitted head of either kind."""
    folder = tmp_path_factory.mktemp("heads")
    heads.save(heads.svm().fit(*data()), folder)
    heads.save(heads.xgboost(n_estimators=5, n_jobs=1).fit(*data()), folder)
    return folder


def refused(path, match):
    with pytest.raises(ValueError, match=match) as caught:
        heads.load(path)
    assert str(path) in str(caught.value)


def change_skops(folder, target, change):
    """Writes the folder's SVM with another schema."""
    with zipfile.ZipFile(folder / "head.skops") as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(content[SCHEMA])
    change(schema["content"]["content"])
    content[SCHEMA] = json.dumps(schema)
    with zipfile.ZipFile(target, "w") as archive:
        for name, value in content.items():
            archive.writestr(name, value)
    return target


class Harmful:
    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return (open, (self.marker, "w"))


def test_a_pickle_is_not_read_whatever_it_is_called(tmp_path):
    marker = tmp_path / "marker"
    harmful = pickle.dumps(Harmful(marker))
    pickle.loads(harmful).close()
    assert marker.exists()
    marker.unlink()
    for name in ("head.skops", "head.json", "head.pkl", "head.joblib"):
        (tmp_path / name).write_bytes(harmful)
        refused(tmp_path / name, "head")
    assert not marker.exists()


def test_functions_are_no_part_of_a_head(tmp_path):
    """skops trusts NumPy's by default: with it, the head computes something else."""
    head = heads.svm().fit(*data())
    head[0].with_mean = np.exp
    path = heads.save(head, tmp_path)
    skops.io.load(path, trusted=_skops.TRUSTED)
    refused(path, r"numpy.exp \(FunctionNode\), which is no part of a head")


def node(loader, module, name, **more):
    return {"__class__": name, "__module__": module, "__loader__": loader, **more}


JSON_LIST = node("ListNode", "builtins", "list", content=[])
ARGUMENTS = node("TupleNode", "builtins", "tuple", content=[])
KINDS = {
    "method (CVE-2025-54412)": node(
        "MethodNode", "builtins", "list", content={"func": "append", "obj": JSON_LIST}
    ),
    "operator (CVE-2025-54413)": node(
        "OperatorFuncNode", "operator", "methodcaller", attrs=ARGUMENTS
    ),
    "function": node("FunctionNode", "os", "system"),
    "reduced": node("ConstructorFromReduceNode", "os", "system", content=ARGUMENTS),
    "unknown": node("OtherNode", "builtins", "list"),
    # Kinds of content that heads have, of types that are not trusted.
    "object": node("ObjectNode", "os", "system"),
    "type": node("TypeNode", "os", "system"),
    "dict": node("DictNode", "os", "system", content={}, key_types=JSON_LIST),
}


@pytest.mark.parametrize("put", KINDS.values(), ids=KINDS.keys())
def test_other_kinds_of_content_are_refused(put, folder, tmp_path):
    path = tmp_path / "head.skops"
    change_skops(folder, path, lambda content: content.update(harm=put))
    refused(path, f"{put['__loader__']}|os.system")


def test_damaged_files_are_refused(folder, tmp_path):
    for name in ("head.skops", "head.json"):
        path, whole = tmp_path / name, (folder / name).read_bytes()
        for size in (0, 10, len(whole) // 2, len(whole) - 5):
            path.write_bytes(whole[:size])
            refused(path, "could not be read as a head")
    with pytest.raises(FileNotFoundError):
        heads.load(tmp_path / "none" / "head.json")


def test_an_svm_with_too_few_numbers_is_refused(folder, tmp_path):
    """libsvm would read beyond them: scikit-learn compares some of the sizes only."""
    head = heads.load(folder / "head.skops")
    svc = head[-1].calibrated_classifiers_[0].estimator
    svc._dual_coef_ = svc._dual_coef_[:, :1]
    path = heads.save(head, tmp_path)
    X, _ = data()
    # Reads memory that is not its own.
    skops.io.load(path, trusted=_skops.TRUSTED).predict(X)
    refused(path, "_dual_coef_ of its SVC")
    svc._dual_coef_, svc._n_support = svc.dual_coef_, svc._n_support + 1
    refused(heads.save(head, tmp_path), "does not add up")
    svc._n_support, svc._intercept_ = svc._n_support - 1, np.zeros(0)
    refused(heads.save(head, tmp_path), "_intercept_ of its SVC")


def test_a_machine_in_an_array_of_objects_is_looked_at(folder):
    """skops brings such arrays; neither they nor other estimators are in a head."""
    head = heads.load(folder / "head.skops")
    inner = head[-1].calibrated_classifiers_
    inner[0].estimator._n_support = inner[0].estimator._n_support + 1
    hidden = np.empty((1, 1), object)
    hidden[0, 0] = {"a": (inner[0],)}
    head[-1].calibrated_classifiers_ = [hidden]
    with pytest.raises(ValueError, match="does not add up"):
        _skops.check_machines(head)


def test_other_estimators_are_refused(tmp_path):
    """Whatever they hide: of a vote's machines none was looked at."""
    X, y = data()
    machine = SVC().fit(X, y)
    vote = VotingClassifier([("a", SVC()), ("b", SVC())]).fit(X, y)
    for head in (vote, NuSVC().fit(X, y), make_pipeline(MinMaxScaler(), machine)):
        path = heads.save(head.fit(X, y), tmp_path)
        skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
        refused(path, "ObjectNode.*no part of a head")
    heads.load(heads.save(machine, tmp_path))


def put(name, value, index=0):
    return lambda tree: tree[name].__setitem__(index, value)


def of_tree(name, value, index=0):
    def change(learner):
        tree = learner["gradient_booster"]["model"]["trees"][0]
        tree[name][index] = value

    return change


def of_model(name, value):
    return lambda learner: learner["gradient_booster"]["model"].update({name: value})


def of_learner(part, name, value):
    return lambda learner: learner[part].update({name: value})


TREES = {
    "child beyond": (of_tree("left_children", 10**6), "a child is none of its nodes"),
    "root as child": (of_tree("left_children", 0), "a child is none of its nodes"),
    "cycle": (of_tree("left_children", 2), "the child of two others"),
    "one child": (of_tree("right_children", -1), "has one child only"),
    # XGBoost itself reads beyond its memory there, and the program ends.
    "feature beyond": (of_tree("split_indices", 2**30), "splits by a feature"),
    "wrong parent": (of_tree("parents", 4, 1), "does not know its parent"),
    "no number": (of_tree("split_indices", "x"), "does not have one value"),
    "categorical": (of_tree("split_type", 1), "categorical"),
    "vectors": (of_tree("tree_param", "2", "size_leaf_vector"), "hold vectors"),
    "fewer nodes": (of_tree("tree_param", "3", "num_nodes"), "of each of 3 nodes"),
    "other features": (of_tree("tree_param", "9", "num_feature"), "num_feature"),
    "class beyond": (of_model("tree_info", [0, 0, 10**8, 0, 0]), "tree_info"),
    "rounds": (of_model("iteration_indptr", [0, 10**8]), "iteration_indptr"),
    "no part": (of_model("tree_info", None), "a part is missing"),
    "fewer features": (of_learner("learner_model_param", "num_feature", "1"), "num_fe"),
    "targets": (of_learner("learner_model_param", "num_target", "3"), "targets"),
    "objective": (of_learner("objective", "name", "multi:softprob"), "fit 0 classes"),
    "booster": (of_learner("gradient_booster", "name", "dart"), "gbtree"),
}


@pytest.mark.parametrize(("change", "match"), TREES.values(), ids=TREES.keys())
def test_trees_that_are_none_are_refused(change, match, folder, tmp_path):
    model = json.loads((folder / "head.json").read_text())
    change(model["learner"])
    path = tmp_path / "head.json"
    path.write_text(json.dumps(model))
    refused(path, match)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"grow_policy": "lossguide", "max_leaves": 6},
        {"gamma": 1.0},
        {"num_parallel_tree": 3, "subsample": 0.5},
        {"n_estimators": 300, "max_depth": 1},
    ],
)
def test_genuine_trees_load(classes, settings, tmp_path):
    X, y = data(classes)
    head = heads.xgboost(**{"n_estimators": 8, "n_jobs": 1, **settings}).fit(X, y)
    loaded = heads.load(heads.save(head, tmp_path))
    np.testing.assert_array_equal(loaded.predict_proba(X), head.predict_proba(X))
