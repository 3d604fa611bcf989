"""The config's schema: it refuses what it does not know, explains itself, and its defaults are the code's."""

from dataclasses import asdict

import pytest
import yaml

from genocloud.cohort import BATCH_SIZE
from genocloud.genotypes import Model
from genocloud.regions import PART_BP, SHARD_BP
from tests.workflow.small_cohort import ROOT

SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
KEYS = SCHEMA["properties"]


def test_unknown_keys_are_refused():
    assert SCHEMA["additionalProperties"] is False


@pytest.mark.parametrize("key", KEYS)
def test_every_key_has_a_sentence_and_a_default_or_is_required(key):
    assert KEYS[key]["description"].endswith(".")
    assert ("default" in KEYS[key]) != (key in SCHEMA["required"])


def test_the_defaults_are_those_of_the_library():
    known = {name: value for name, value in asdict(Model()).items() if name in KEYS}
    known |= {"part_bp": PART_BP, "window_bp": SHARD_BP, "batch_size": BATCH_SIZE}
    known |= {"annotation_group": list(Model().annotation_groups), "par": list(Model().par)}
    assert len(known) == 14
    assert {name: KEYS[name]["default"] for name in known} == known


def test_the_demos_config_holds_known_keys():
    assert yaml.safe_load((ROOT / "config.yaml").read_text()).keys() <= KEYS.keys()
