"""JSON that is read again: its digest, and values that are of the right type and within limits."""

import json

import numpy as np
import pytest

from genocloud import schema
from genocloud.json_digest import MAX_COORDINATE, BadDigest, open_json, sealed_json, string_list, whole_number

LEAST, MOST = -1, 7


@pytest.mark.parametrize("number", [LEAST, 0, MOST])
def test_a_whole_number_may_be_either_limit(number: int) -> None:
    assert whole_number(number, "a rank", LEAST, MOST) == number


@pytest.mark.parametrize("number", [LEAST - 1, MOST + 1, 1 << 70, 2.0, 2.5, float("nan"), True, "2", None, [2]])
def test_other_values_are_no_whole_number(number: object) -> None:
    with pytest.raises(ValueError, match=r"a rank is .*, no whole number from -1 to 7"):
        whole_number(number, "a rank", LEAST, MOST)


def test_numbers_have_63_bits_and_no_sign_unless_said_otherwise() -> None:
    for number in (0, (1 << 63) - 1):
        assert whole_number(number, "a count") == number
    for number in (-1, 1 << 63):
        with pytest.raises(ValueError, match="a count"):
            whole_number(number, "a count")


def test_the_largest_coordinate_is_the_largest_of_the_tables() -> None:
    assert np.iinfo(schema.INT32.to_pandas_dtype()).max == MAX_COORDINATE


def test_a_list_of_strings_has_nothing_else() -> None:
    assert string_list(["a", "b"], "samples") == ("a", "b")
    assert string_list([], "samples") == ()
    for values in ("ab", ["a", 1], [None], None, {"a": "b"}, 7):
        with pytest.raises(ValueError, match=r"samples is .*, no list of texts"):
            string_list(values, "samples")


FIELDS = {"version": 1, "samples": ["ann"]}


def test_fields_come_back_without_their_digest_however_they_are_laid_out() -> None:
    sealed = sealed_json(FIELDS)
    assert next(iter(sealed)) == "sha256"
    for indent in (None, 2):
        assert open_json(json.dumps(sealed, indent=indent, sort_keys=bool(indent)).encode()) == FIELDS


def test_a_changed_value_is_a_bad_digest_unless_another_digest_was_compared() -> None:
    changed = json.dumps(sealed_json(FIELDS) | {"version": 2}).encode()
    with pytest.raises(BadDigest):
        open_json(changed)
    assert open_json(changed, compare=False) == FIELDS | {"version": 2}
    assert open_json(json.dumps(FIELDS).encode()) == FIELDS  # as an earlier genocloud wrote them


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"7", b'{"a"', b"\xff", b"[" * 100_000])
def test_other_texts_are_value_errors(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"Expecting|no JSON object|decode|nested too deeply"):
        open_json(data)
