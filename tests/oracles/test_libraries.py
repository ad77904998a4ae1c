"""Says why the oracle's own tests are left out, where they are."""

import pytest

from .conftest import MISSING


def test_the_oracle_has_its_libraries() -> None:
    if MISSING:
        pytest.skip(
            f"not installed: {', '.join(MISSING)}; `make test ORACLES=1` brings them and runs the oracle's tests"
        )
