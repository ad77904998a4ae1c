"""pytest plugin: coremltools' tests see a Mac whose Core ML is pyruntime; what each asked of it is written down.

Everything is put in place when this is imported, before pytest imports a test module with `skipIf(not _is_macos())`.
The file named by CONFORMANCE_RESULTS gets one line of JSON per test.
"""

from __future__ import annotations

import json
import os
import re
import sys
import types
import warnings
from collections import defaultdict
from typing import Any

import native_module
import numpy as np
import pytest

MACOS = (15, 5)
MOST_PER_FUNCTION = int(os.environ.get("CONFORMANCE_MOST_PER_FUNCTION", "0"))


def take_the_place_of_core_ml() -> None:
    if "coremltools" in sys.modules:
        raise RuntimeError("coremltools was imported before the plugin: its tests would skip everything")
    sys.modules["coremltools.libcoremlpython"] = native_module  # type: ignore[assignment]
    import coremltools

    coremltools.libcoremlpython = native_module
    answers = {
        "_is_macos": lambda: True, "_macos_version": lambda: MACOS, "_IS_MACOS": True, "_MACOS_VERSION": MACOS,
    }  # fmt: skip
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == "coremltools":
            for attribute in answers.keys() & vars(module).keys():
                setattr(module, attribute, answers[attribute])
    from coremltools.models import _compiled_model, model, utils

    assert model._MLModelProxy is native_module._MLModelProxy
    assert utils._is_macos()
    for counted in (model.MLModel, _compiled_model.CompiledMLModel):
        _count_predictions(counted)


def _count_predictions(kind: Any) -> None:
    predict = kind.predict

    def counted(self: Any, *arguments: Any, **named: Any) -> Any:
        native_module.calls.asked += 1
        return predict(self, *arguments, **named)

    kind.predict = counted


def _modules_of_their_time() -> None:
    """Names that libraries had when the suite was written."""
    import scipy

    for name in set(dir(np)) - set(dir(scipy)):  # libsvm's binding looks for NumPy's names in scipy
        if not name.startswith("_") and not isinstance(getattr(np, name), types.ModuleType):
            setattr(scipy, name, getattr(np, name))
    scipy.ctypeslib = np.ctypeslib
    try:
        from libsvm import svm, svmutil
    except ImportError:
        return
    for name in dir(svm):
        if not hasattr(svmutil, name):
            setattr(svmutil, name, getattr(svm, name))
    sys.modules.setdefault("svm", svm)
    sys.modules.setdefault("svmutil", svmutil)
    import libsvm

    libsvm.__version__ = getattr(libsvm, "__version__", 325)


def _table_of_houses() -> dict[str, Any]:
    """In place of a table that two modules would download: as many rows and columns, made up."""
    random = np.random.RandomState(7)
    data = np.round(random.gamma(2.0, 4.0, (506, 13)), 3)
    data[:, 3] = data[:, 3] > 8
    names = ["CRIM", "ZN", "INDUS", "CHAS", "NOX", "RM", "AGE", "DIS", "RAD", "TAX", "PTRATIO", "B", "LSTAT"]
    target = np.round(data @ np.linspace(1, -1, 13) + random.normal(25, 1, 506), 1)
    return {"data": data, "target": target, "feature_names": np.array(names)}


warnings.filterwarnings("ignore")
_modules_of_their_time()
take_the_place_of_core_ml()
try:
    import coremltools.test.utils

    coremltools.test.utils.load_boston = _table_of_houses
except ImportError:
    pass  # pandas or requests is missing: the two modules say so


def pytest_collection_modifyitems(config: Any, items: list[Any]) -> None:
    """Keep some of the many parameters of each test function, evenly spread."""
    functions = defaultdict(list)
    for item in items:
        functions[re.sub(r"\[.*", "", item.nodeid, flags=re.DOTALL)].append(item)
    kept = set()
    for variants in functions.values():
        most = min(MOST_PER_FUNCTION or len(variants), len(variants))
        kept |= {id(variants[i * len(variants) // most]) for i in range(most)}
    config.hook.pytest_deselected(items=[item for item in items if id(item) not in kept])
    items[:] = [item for item in items if id(item) in kept]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: Any) -> None:
    native_module.start_test()


class Recorder:
    def __init__(self, path: str) -> None:
        self.file = open(path, "a", encoding="utf-8")  # noqa: SIM115  (closed with the process)

    def write(self, **row: Any) -> None:
        self.file.write(json.dumps(row) + "\n")
        self.file.flush()

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" or not report.passed:
            calls = native_module.calls
            crash = getattr(getattr(report.longrepr, "reprcrash", None), "message", "") if report.failed else ""
            reason = report.longrepr[2] if report.skipped and isinstance(report.longrepr, tuple) else ""
            self.write(
                test=report.nodeid, when=report.when, outcome=report.outcome, expected=hasattr(report, "wasxfail"),
                asked=calls.asked, answered=calls.answered, errors=[text[:300] for text in calls.errors[:3]],
                layers=sorted(calls.layers), crash=(crash or str(report.longrepr or ""))[:300], reason=reason,
            )  # fmt: skip

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.write(module=report.nodeid, crash=str(report.longrepr)[-300:])

    def pytest_sessionfinish(self) -> None:
        self.write(finished=True)


def pytest_configure(config: Any) -> None:
    config.pluginmanager.register(Recorder(os.environ["CONFORMANCE_RESULTS"]), "conformance-recorder")
    config.addinivalue_line("markers", "slow: takes more than a second")
