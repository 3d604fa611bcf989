"""Presets, and configs in GLnexus's YAML."""

import pytest

from genocloud import glnexus
from genocloud.errors import SettingError


def test_a_config_that_says_what_a_preset_says_is_that_preset():
    config = {
        "unifier_config": {
            "min_AQ1": 35,
            "min_AQ2": 20,
            "min_GQ": 20,
            "monoallelic_sites_for_lost_alleles": True,
            "max_alleles_per_site": 32,
        },
        "genotyper_config": {
            "revise_genotypes": True,
            "snv_prior_calibration": 0.375,
            "indel_prior_calibration": 0.375,
            "allow_partial_data": True,
            "more_PL": True,
            "trim_uncalled_alleles": True,
            "liftover_fields": [
                {"orig_names": ["MIN_DP", "DP"], "name": "DP", "combi_method": "min", "ignore_non_variants": True},
                {"orig_names": ["AD"], "name": "AD", "combi_method": "min"},
                {"orig_names": ["GQ"], "name": "GQ", "combi_method": "min", "ignore_non_variants": True},
                {"orig_names": ["PL"], "name": "PL", "combi_method": "missing", "ignore_non_variants": True},
            ],
        },
    }
    assert glnexus.from_config("my.yml", config) == glnexus.preset("DeepVariantWES")


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ([], "is not a map"),
        ({"unifier": {}}, "unifier: unknown"),
        ({"unifier_config": {"min_AQ": 3}}, "min_AQ: unknown"),
        ({"unifier_config": {"min_AQ1": "ten"}}, "'ten' is no int"),
        ({"unifier_config": {"min_AQ1": -1}}, "-1 is no int"),
        ({"unifier_config": {"preference": "rare"}}, "common or small"),
        ({"genotyper_config": {"squeeze": True}}, "squeezed"),
        ({"genotyper_config": {"ref_dp_format": "RR"}}, "it reads RR"),
        ({"genotyper_config": {"liftover_fields": [{"name": "DP"}]}}, "orig_names"),
        (
            {"genotyper_config": {"liftover_fields": [{"name": "DP", "orig_names": ["DP"], "combi_method": "max"}]}},
            "min",
        ),
        ({"genotyper_config": {"liftover_fields": [{"name": "XX", "orig_names": ["DP"]}]}}, "XX"),
    ],
)
def test_a_config_that_cannot_be_followed_is_refused(config, problem):
    with pytest.raises(SettingError, match=problem):
        glnexus.from_config("my.yml", config)


@pytest.mark.parametrize("name", ["xAtlas", "weCall", "Strelka2", "DeepVariantWES_MED_DP"])
def test_presets_of_fields_that_a_cohort_lacks_are_refused(name):
    with pytest.raises(SettingError, match="does not keep"):
        glnexus.preset(name)


def test_an_unknown_preset_lists_those_there_are():
    with pytest.raises(SettingError, match="DeepVariantWGS"):
        glnexus.preset("deepvariant_wgs")
