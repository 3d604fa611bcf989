"""The text of --scatter: what is no number is refused by the message that lists every choice."""

import pytest

from genocloud.errors import SettingError
from genocloud.scatter.executor_kinds import cores_of
from genocloud.scatter.spec import client_library, count_of, range_of


@pytest.mark.parametrize("text", ["\u00b2", "1\u00b2", "\u0663", "-1", "1.5", "", " 1"])
def test_only_ascii_digits_are_a_number(text):
    with pytest.raises(SettingError, match="is none of: inline"):
        count_of(text, f"threads:{text}")
    for ends in (f"{text}-3", f"1-{text}x"):
        with pytest.raises(SettingError, match="is none of: inline"):
            range_of(ends, f"slurm:workers={ends}")
    for choice in ("threads:{}", "processes:{}", "local:processes={}", "local:threads={}"):
        assert cores_of(choice.format(text)) is None


def test_numbers_are_read():
    assert (count_of("12", ""), range_of("0-3", ""), range_of("4", "")) == (12, (0, 3), (4, 4))
    assert (cores_of("threads:12"), cores_of("local:processes=2,threads=3")) == (12, 6)


def test_a_package_that_cannot_be_loaded_is_named_or_its_problem_is():
    missing, package = "the Python package dask_jobqueue is not installed; run `python -m pip", "dask_jobqueue"
    with pytest.raises(SettingError, match=missing), client_library("slurm:"):
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    with (
        pytest.raises(SettingError, match="'slurm:': numpy 1 is too old; run `python -m pip"),
        client_library("slurm:"),
    ):
        raise ImportError("numpy 1 is too old")
