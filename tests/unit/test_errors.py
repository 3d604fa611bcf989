"""Errors keep their message and facts across processes, and say how the command line ends."""

import pickle

import pytest

from genocloud.errors import BadRecord, InputError, MixedContigs, SettingError, StoreError


@pytest.mark.parametrize(
    "error", [BadRecord("a.vcf", "line 3", "END before POS", "call it again"), MixedContigs("1", {"a": 5, "b": 6})]
)
def test_errors_survive_the_way_back_from_a_worker(error):
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), back.__dict__) == (type(error), str(error), error.__dict__)


def test_exit_codes():
    assert [kind.exit_code for kind in (InputError, StoreError, SettingError)] == [3, 4, 5]
