"""Errors keep their message and facts across processes, and say how the command line ends."""

import pickle

import pytest
from jsonschema import Draft202012Validator

from genocloud.errors import BadRecord, InputError, MixedContigs, SettingError, StoreError, mistyped


@pytest.mark.parametrize(
    "error", [BadRecord("a.vcf", "line 3", "END before POS", "call it again"), MixedContigs("1", {"a": 5, "b": 6})]
)
def test_errors_survive_the_way_back_from_a_worker(error):
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), back.__dict__) == (type(error), str(error), error.__dict__)


def test_exit_codes():
    assert [kind.exit_code for kind in (InputError, StoreError, SettingError)] == [3, 4, 5]


@pytest.mark.parametrize(
    ("schema", "value", "near"),
    [
        ({"enum": ["bcftools", "gatk"]}, "bcftols", "; did you mean bcftools?"),
        ({"enum": ["bcftools", "gatk"]}, "samtools-mpileup", ""),
        ({"enum": ["stays", "may_leave"]}, 5, ""),
        (
            {"properties": {"caller": {}, "par": {}}, "additionalProperties": False},
            {"caler": 1},
            "; did you mean caller?",
        ),
        (
            {"properties": {"scatter": {}}, "patternProperties": {"^slurm": {}}, "additionalProperties": False},
            {"scater": 1},
            "; did you mean scatter?",
        ),
        ({"properties": {"caller": {}}, "additionalProperties": False}, {"threads": 1}, ""),
        ({"type": "integer"}, "many", ""),
    ],
)
def test_a_mistyped_key_or_choice_has_the_nearest_one_named(schema, value, near):
    (error,) = Draft202012Validator(schema).iter_errors(value)
    assert mistyped(error.message, schema.get("properties", ())) == near
