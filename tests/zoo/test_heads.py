import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.model_selection import train_test_split

from zoo import heads


@pytest.mark.parametrize("make", [heads.svm, heads.xgboost])
@pytest.mark.parametrize("data", [load_breast_cancer, load_wine])
def test_heads_learn_and_come_back_from_disk(make, data, tmp_path):
    X, y = data(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    head = make().fit(X_train, y_train)
    # Both sets are known to be separated to 0.9 and better by either kind of model;
    # an SVM that is not fed standardised values stays below it.
    assert head.score(X_test, y_test) > 0.9
    path = heads.save(head, tmp_path)
    assert path.suffix == {heads.svm: ".skops", heads.xgboost: ".json"}[make]
    again = heads.load(path)
    np.testing.assert_allclose(
        again.predict_proba(X_test), head.predict_proba(X_test), atol=1e-6
    )


def test_the_seed_decides_what_the_trees_see():
    X, y = load_wine(return_X_y=True)
    few = {"n_estimators": 20, "n_jobs": 1}
    first, again, other = (
        heads.xgboost(seed).set_params(**few).fit(X, y).predict_proba(X)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
