"""Models trained by scikit-learn, libsvm and xgboost and converted by coremltools, with those libraries' answers.

tools/make_model_fixtures.py wrote the files.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyruntime.config import MLModelConfiguration
from pyruntime.model import MLModel

FILES = Path(__file__).parent / "files"
NAMES = sorted(path.stem for path in FILES.glob("*.mlmodel"))
SINGLE = ("xgboost", "boosted")
"""These libraries compute in single precision, or write leaves in it."""


def cases(name: str) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = json.loads((FILES / f"{name}.json").read_text())
    for case in read:
        case["input"] = {key: math.nan if value is None else value for key, value in case["input"].items()}
    return read


@pytest.mark.parametrize("name", NAMES)
def test_the_answer_is_that_of_the_library(name: str) -> None:
    model = MLModel(FILES / f"{name}.mlmodel", configuration=MLModelConfiguration(threads=1))
    tolerance = 1e-6 if name.startswith(SINGLE) else 1e-9
    read = cases(name)
    for case, batched in zip(read, model.predict([case["input"] for case in read]), strict=True):
        got = model.predict(case["input"])
        assert set(case["output"]) <= set(got)
        for output, wanted in case["output"].items():
            if isinstance(wanted, dict):
                shares = {str(label): share for label, share in got[output].items()}
                assert shares == pytest.approx(wanted, abs=1e-6 if "svc" in name else tolerance)
                assert batched[output] == got[output]
            else:
                np.testing.assert_allclose(got[output], wanted, rtol=tolerance, atol=tolerance)
                np.testing.assert_array_equal(batched[output], got[output])


def test_all_files_are_there() -> None:
    assert len(NAMES) >= 28
    assert all((FILES / f"{name}.json").is_file() for name in NAMES)
