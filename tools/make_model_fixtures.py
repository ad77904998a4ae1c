"""Small model files with the answers of the libraries that trained them: tests/models/files.

    python tools/make_model_fixtures.py

Needs scikit-learn 1.5.1, xgboost 1.4.2, libsvm-official 3.25 and coremltools 9.0, whose converters take no later
ones; the files are in the repository, so only somebody who adds one runs this.  Each X.mlmodel has a list X.json of
{"input": features, "output": what the library says}; NaN is null.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

FILES = Path(__file__).resolve().parent.parent / "tests" / "models" / "files"
ROWS = 8
Case = tuple[Any, list[dict[str, Any]]]
CASES: dict[str, Callable[[], Case]] = {}

_rng = np.random.default_rng(20)
X = _rng.normal(size=(120, 4))
NUMBER = X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2])
TWO = (NUMBER > 0).astype(int)
THREE = np.digitize(NUMBER, [-0.4, 0.4])
NAMES = ["a", "b", "c", "d"]
ASK = np.concatenate([X[: ROWS // 2], _rng.normal(size=(ROWS // 2, 4))])


def case(function: Callable[[], Case]) -> Callable[[], Case]:
    CASES[function.__name__] = function
    return function


def rows(data: np.ndarray = ASK) -> list[dict[str, float]]:
    return [dict(zip(NAMES, row.tolist(), strict=True)) for row in data]


def sklearn_case(model: Any, target: Any, *, probabilities: bool = True) -> Case:
    """A fitted estimator by coremltools' converter, with its own predictions."""
    import coremltools

    model.fit(X, target)
    converted = coremltools.converters.sklearn.convert(model, NAMES, "target")
    answers = model.predict(ASK).tolist()
    outputs: list[dict[str, Any]] = [{"target": answer} for answer in answers]
    if hasattr(model, "predict_proba") and probabilities:
        for output, shares in zip(outputs, model.predict_proba(ASK).tolist(), strict=True):
            output["classProbability"] = {str(label): p for label, p in zip(model.classes_, shares, strict=True)}
    return converted.get_spec(), list(zip_cases(rows(), outputs))


def zip_cases(inputs: Any, outputs: Any) -> Iterator[dict[str, Any]]:
    for given, wanted in zip(inputs, outputs, strict=True):
        yield {"input": given, "output": wanted}


@case
def linear_regression() -> Case:
    from sklearn.linear_model import LinearRegression

    return sklearn_case(LinearRegression(), NUMBER)


@case
def logistic_two() -> Case:
    from sklearn.linear_model import LogisticRegression

    return sklearn_case(LogisticRegression(multi_class="ovr"), TWO)


@case
def logistic_three() -> Case:
    from sklearn.linear_model import LogisticRegression

    return sklearn_case(LogisticRegression(multi_class="ovr"), THREE)


@case
def tree_regression() -> Case:
    from sklearn.tree import DecisionTreeRegressor

    return sklearn_case(DecisionTreeRegressor(max_depth=4, random_state=0), NUMBER)


@case
def forest_regression() -> Case:
    from sklearn.ensemble import RandomForestRegressor

    return sklearn_case(RandomForestRegressor(5, max_depth=4, random_state=0), NUMBER)


@case
def forest_two() -> Case:
    from sklearn.ensemble import RandomForestClassifier

    return sklearn_case(RandomForestClassifier(5, max_depth=4, random_state=0), TWO)


@case
def forest_three() -> Case:
    from sklearn.ensemble import RandomForestClassifier

    return sklearn_case(RandomForestClassifier(5, max_depth=4, random_state=0), THREE)


@case
def boosted_regression() -> Case:
    from sklearn.ensemble import GradientBoostingRegressor

    return sklearn_case(GradientBoostingRegressor(n_estimators=8, max_depth=3, random_state=0), NUMBER)


@case
def boosted_two() -> Case:
    from sklearn.ensemble import GradientBoostingClassifier

    return sklearn_case(GradientBoostingClassifier(n_estimators=8, max_depth=3, random_state=0), TWO)


def _svm(kernel: str) -> None:
    def regression() -> Case:
        from sklearn.svm import SVR

        return sklearn_case(SVR(kernel=kernel, gamma=0.3, coef0=0.2, C=0.5, epsilon=0.5), NUMBER)

    def three() -> Case:
        from sklearn.svm import SVC

        return sklearn_case(SVC(kernel=kernel, gamma=0.3, coef0=0.2, C=0.5), THREE)

    CASES[f"svr_{kernel}"], CASES[f"svc_{kernel}"] = regression, three


for _kernel in ("linear", "rbf", "poly", "sigmoid"):
    _svm(_kernel)


@case
def nusvc_probability_three() -> Case:
    from sklearn.svm import NuSVC

    spec, answers = sklearn_case(NuSVC(nu=0.3, gamma=0.3, probability=True, random_state=0), THREE)
    for (
        answer
    ) in answers:  # the most probable class, as libsvm says it; scikit-learn's predict counts votes all the same
        shares = answer["output"]["classProbability"]
        answer["output"]["target"] = int(max(shares, key=shares.__getitem__))
    return spec, answers


def _libsvm(labels: Any) -> Case:
    """libsvm's own model: sparse support vectors, probabilities for every class."""
    import coremltools
    import libsvm.commonutil
    import libsvm.svm
    import libsvm.svmutil

    libsvm.svm.scipy = libsvm.svmutil.scipy = libsvm.commonutil.scipy = (
        None  # what they do with SciPy is for SciPy before 1.8
    )
    libsvm.__version__ = "3.25"  # which the converter writes into the file
    from libsvm.svm import svm_parameter, svm_problem
    from libsvm.svmutil import svm_predict, svm_train

    parameter = svm_parameter("-s 0 -t 2 -g 0.3 -c 0.5 -b 1 -q")
    model = svm_train(svm_problem(labels.tolist(), X.tolist()), parameter)
    spec = coremltools.converters.libsvm.convert(model, NAMES, "target", "probs").get_spec()
    answers, _, shares = svm_predict([0] * ROWS, ASK.tolist(), model, "-b 1 -q")
    order = model.get_labels()
    outputs = [
        {"target": int(answer), "probs": {str(label): p for label, p in zip(order, row, strict=True)}}
        for answer, row in zip(answers, shares, strict=True)
    ]
    return spec, list(zip_cases(rows(), outputs))


@case
def libsvm_two() -> Case:
    return _libsvm(TWO)


@case
def libsvm_three() -> Case:
    return _libsvm(THREE)


def _xgboost(target: Any, ask: np.ndarray, **options: Any) -> Case:
    import coremltools
    import xgboost

    train = xgboost.DMatrix(X, label=target, feature_names=NAMES)
    model = xgboost.train({"max_depth": 3, **options}, train, 5)
    classes = int(options.get("num_class", 2)) if "objective" in options else None
    more = {"mode": "classifier", "n_classes": classes, "class_labels": list(range(classes))} if classes else {}
    spec = coremltools.converters.xgboost.convert(model, NAMES, "target", **more).get_spec()
    answers = model.predict(xgboost.DMatrix(ask, feature_names=NAMES)).tolist()
    outputs: list[dict[str, Any]] = [{"target": answer} for answer in answers]
    if classes:
        answers = [answer if isinstance(answer, list) else [1 - answer, answer] for answer in answers]
        outputs = [
            {"target": int(np.argmax(p)), "classProbability": {str(i): q for i, q in enumerate(p)}} for p in answers
        ]
    return spec, list(zip_cases(rows(ask), outputs))


@case
def xgboost_regression() -> Case:
    return _xgboost(NUMBER, ASK)


@case
def xgboost_two() -> Case:
    return _xgboost(TWO, ASK, objective="binary:logistic")


@case
def xgboost_three() -> Case:
    return _xgboost(THREE, ASK, objective="multi:softprob", num_class=3)


@case
def xgboost_missing() -> Case:
    """Inputs that are NaN go where training sent them."""
    ask = ASK.copy()
    ask[np.arange(ROWS), np.arange(ROWS) % 4] = math.nan
    return _xgboost(NUMBER, ask)


def _transformer(model: Any, train: np.ndarray, ask: np.ndarray, name: str = "out") -> Case:
    import coremltools

    model.fit(train)
    spec = coremltools.converters.sklearn.convert(model, NAMES, name).get_spec()
    return spec, list(zip_cases(rows(ask), [{name: row} for row in np.asarray(model.transform(ask)).tolist()]))


@case
def standard_scaler() -> Case:
    from sklearn.preprocessing import StandardScaler

    return _transformer(StandardScaler(), X, ASK)


@case
def normalizer_l1() -> Case:
    from sklearn.preprocessing import Normalizer

    return _transformer(Normalizer(norm="l1"), X, ASK)


@case
def normalizer_l2() -> Case:
    from sklearn.preprocessing import Normalizer

    return _transformer(Normalizer(norm="l2"), X, ASK)


@case
def mean_imputer() -> Case:
    from sklearn.impute import SimpleImputer

    ask = ASK.copy()
    ask[::2, 1] = math.nan
    return _transformer(SimpleImputer(strategy="mean"), X, ask)


@case
def dict_vectorizer() -> Case:
    import coremltools
    from sklearn.feature_extraction import DictVectorizer

    data = [{"foo": 1.0, "bar": 3.0}, {"bar": 4.0, "baz": 2.0}, {"bar": 1.0, "quux": 1.0, "quuux": 2.0}, {}]
    model = DictVectorizer(sparse=False).fit(data)
    spec = coremltools.converters.sklearn.convert(model, "words", "out").get_spec()
    return spec, list(zip_cases([{"words": d} for d in data], [{"out": row} for row in model.transform(data).tolist()]))


@case
def scaled_forest_pipeline() -> Case:
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    steps = [("scale", StandardScaler()), ("forest", RandomForestRegressor(3, max_depth=3, random_state=0))]
    return sklearn_case(Pipeline(steps), NUMBER)


def _plain(value: Any) -> Any:
    """For JSON, which has no NaN."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def main(names: list[str]) -> None:
    """Write the named cases, or all."""
    FILES.mkdir(parents=True, exist_ok=True)
    for name in names or CASES:
        spec, answers = CASES[name]()
        (FILES / f"{name}.mlmodel").write_bytes(spec.SerializeToString(deterministic=True))
        (FILES / f"{name}.json").write_text(json.dumps(_plain(answers), indent=None) + "\n")
        print(f"{name}: {spec.WhichOneof('Type')}, {spec.ByteSize()} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
