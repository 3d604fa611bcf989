"""Run a test on a compiled kernel and on its Python source."""

import pytest


def both(kernel):
    """The compiled kernel and its Python source."""
    return pytest.mark.parametrize("run", [kernel, kernel.py_func], ids=["compiled", "python"])
