"""Entries of the config's `exports`: they take the options of `genocloud export`, and are parsed as these."""

from dataclasses import fields

import pytest
import yaml

from genocloud.errors import GenocloudError
from genocloud.pipeline import ExportRequest
from genocloud.shipped_files import FILES
from genocloud.workflow.further_exports import further_exports

SETTINGS = {"pedigree": "", "supporting": [], "reference": "ref.fa", "par": []}
OF_THE_CONFIG = {"supporting", "pedigree", "par", "site"}
"""Options whose values are settings of the whole config; `site` is that of its `federation`."""
FOR_THE_COMMAND = {
    "num_reference_samples_if_no_call",
    "default_to_allele_count",
    "ignore_input_samples",
    "discovered_allele_count_priors_off",
    "skip_population_priors",
}
"""Options of refining that the config has nowhere."""


def entry(settings=None, **values):
    (only,) = further_exports(SETTINGS | (settings or {}) | {"exports": [values]}).values()
    return only


def test_the_schema_has_every_option_of_the_command():
    schema = yaml.safe_load((FILES / "workflow/schemas/config.schema.yaml").read_text())
    keys = set(schema["properties"]["exports"]["items"]["properties"])
    assert keys == {field.name for field in fields(ExportRequest)} - OF_THE_CONFIG - FOR_THE_COMMAND


def test_a_pattern_has_a_name_that_snakemake_takes_for_no_wildcard():
    each = entry(path="out/{family}.{contig}.vcf.gz", settings={"pedigree": "a.ped"})
    assert each.receipt == "results/export/family.contig.vcf.gz.json"
    assert each.options == ["--pedigree a.ped"]
    assert each.files == ["a.ped"]
    each.check()


def test_refined_genotypes_are_refined_by_what_the_config_has():
    settings = {"pedigree": "a.ped", "supporting": ["known.vcf.gz"]}
    each = entry(path="refined.bcf", refined=True, settings=settings)
    assert each.options == ["--refined", "--supporting known.vcf.gz", "--pedigree a.ped"]
    assert each.files == ["known.vcf.gz", "a.ped"]
    assert entry(path="as_called.bcf", settings=settings).options == []
    assert entry(path="as_called.bcf", refined=False, settings=settings).options == []


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"path": "{family}.bcf"}, "add --pedigree PED"),
        ({"path": "a.vcz", "refined": True}, "--refined is for VCF and BCF"),
        ({"path": "a.pgen", "refined": True}, "--refined is for VCF and BCF"),
        ({"path": "a.pgen", "fields": ["GT"]}, "--fields is for VCF and BCF"),
        ({"path": "a.pgen", "min_ac": 1}, "a choice or form of records"),
        ({"path": "a.vcz", "vcf_version": "4.5"}, "--vcf-version is for VCF and BCF"),
        ({"path": "a.vcf", "refined": True, "dense": True}, "leave out --refined"),
        ({"path": "a.vcf", "dense": True}, "a.vcf"),
        ({"path": "a.vcf", "fields": ["XX"]}, "XX"),
        ({"path": "a.vcf", "unfiltered": True, "filtered": "pass"}, "--unfiltered"),
    ],
)
def test_what_the_command_refuses_is_refused_before_any_job(values, problem):
    with pytest.raises(GenocloudError, match=problem):
        entry(**values).check()
