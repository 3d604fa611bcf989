"""Which model a cohort is genotyped by: that of its gVCFs, or the one named; never one for two kinds of likelihoods."""

import gzip
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from genocloud import steps
from genocloud.cohort import open_cohort
from genocloud.genotypes import Model
from genocloud.pipeline.chosen_model import NotOfTheModel, chosen_model
from genocloud.pipeline.fitting_model import MixedDialects
from genocloud.pipeline.hybrid.locations import model_everywhere
from genocloud.pipeline.options import IngestOptions, JointOptions
from genocloud.pipeline.preconditions import BareBlocks
from genocloud.pipeline.sample_list import sheet_or_gvcfs
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Silent
from tests.support.deepvariant_people import people

GATK = "##GVCFBlock0-100=minGQ=0(inclusive),maxGQ=100(exclusive)"


def of_gatk(url):
    text = Path(url).read_text().replace("##DeepVariant_version=1.6.0", GATK).replace("<*>", "<NON_REF>")
    Path(url).write_text(text)


@pytest.fixture
def ingested(tmp_path):
    """Makes a cohort of people's gVCFs, those of `gatk` written by GATK."""

    def make(*gatk, names=("ann", "bob", "cat")):
        urls = dict(zip(names, people(tmp_path, 5, names), strict=True))
        for name in gatk:
            of_gatk(urls[name])
        cohort_url = str(tmp_path / "cohort")
        with open_scatter("inline") as scatter:
            tools = {"scatter": scatter, "progress": Silent(), "options": IngestOptions()}
            steps.ingest(cohort_url, sheet_or_gvcfs([*urls.values()]), str(tmp_path / "ref.fa"), **tools)
        return open_cohort(cohort_url)

    return make


@pytest.mark.parametrize(("gatk", "model"), [((), "deepvariant"), (("ann", "bob", "cat"), "gatk")])
def test_the_model_is_that_of_the_gvcfs(ingested, gatk, model):
    cohort = ingested(*gatk)
    assert chosen_model(cohort, Model(), "").name == model
    assert chosen_model(cohort, Model(), "gatk").name == "gatk"


def test_two_kinds_of_likelihoods_are_refused_whatever_model_is_named(ingested):
    cohort = ingested("bob")
    for name in ("", "gatk", "deepvariant"):
        with pytest.raises(
            MixedDialects,
            match=r"2 for the model deepvariant \(the first: sample ann,.* 1 for the model gatk.*sample bob, of gatk",
        ):
            chosen_model(cohort, Model(), name)


def test_settings_of_the_estimate_are_refused_where_there_is_none(ingested):
    cohort = ingested()
    with pytest.raises(NotOfTheModel, match="deepvariant: it has no stand-call-conf"):
        chosen_model(cohort, Model(stand_call_conf=50.0), "")
    assert chosen_model(cohort, Model(stand_call_conf=50.0), "gatk").marked_below == 50.0


def joint(folder, urls, name, **options):
    run = JointOptions(
        listed=sheet_or_gvcfs(urls),
        reference_url=str(folder / "ref.fa"),
        out_url=str(folder / f"{name}.vcf.gz"),
        **options,
    )
    summary, receipt = steps.joint(run, progress=Silent())
    return gzip.open(folder / f"{name}.vcf.gz", "rt").read(), summary, receipt


def test_header_summary_and_receipt_name_the_model(tmp_path):
    urls = people(tmp_path, 5, ["ann", "bob"])
    text, summary, receipt = joint(tmp_path, urls, "own")
    assert "--model deepvariant" in text
    assert "deepvariant" in summary
    assert receipt.figures["model"] == "deepvariant"
    stored, _, _ = joint(tmp_path, urls, "stored", callset_url=str(tmp_path / "callset"))
    assert stored == text
    text, summary, receipt = joint(tmp_path, urls, "other", model_name="gatk")
    assert "--model" not in text
    assert receipt.figures["model"] == "gatk, by choice, on gVCFs of deepvariant"
    of_gatk(urls[1])
    for model in ("", "glnexus"):
        with pytest.raises(MixedDialects, match=r"ann\.g\.vcf, of deepvariant.*bob\.g\.vcf, of gatk"):
            joint(tmp_path, urls, "mixed", model_name=model)
    assert not list(tmp_path.glob("mixed.vcf.gz*"))


def of_strelka(url):
    """Blocks with neither PL nor GQ."""
    text = Path(url).read_text().replace("##DeepVariant_version=1.6.0", "##source=strelka")
    Path(url).write_text(re.sub(r"GT:GQ:MIN_DP:PL\t([^:]+):\d+:(\d+):\S+", r"GT:MIN_DP\t\1:\2", text))


def test_blocks_that_do_not_say_how_sure_they_are_have_glnexus(tmp_path):
    urls = people(tmp_path, 5, ["ann", "bob"])
    for url in urls:
        of_strelka(url)
    for model in ("", "gatk", "deepvariant"):
        with pytest.raises(BareBlocks, match="--model glnexus --preset DeepVariant_unfiltered"):
            joint(tmp_path, urls, "refused", model_name=model)
    text, _, _ = joint(tmp_path, urls, "written", model_name="glnexus", preset="DeepVariant_unfiltered")
    cells = [word for line in text.splitlines() if line[0] != "#" for word in line.split("\t")[9:]]
    assert any(re.match(r"0/0:[1-9]\d*:[\d,]+:\.:", cell) for cell in cells)


def test_the_model_of_several_sites_fits_all_of_them():
    def sites(**callers):
        return {site: SimpleNamespace(callers=each) for site, each in callers.items()}

    def name(named, stand_call_conf=30.0, **callers):
        return model_everywhere(Model(stand_call_conf=stand_call_conf), named, sites(**callers)).name

    assert name("", alpha=("gatk",), beta=("bcftools", "gatk")) == "gatk"
    assert name("", alpha=("deepvariant",), beta=("deepvariant",)) == "deepvariant"
    assert name("gatk", alpha=("deepvariant",), beta=("deepvariant",)) == "gatk"
    with pytest.raises(NotOfTheModel, match="deepvariant: it has no stand-call-conf"):
        name("", 20.0, alpha=("deepvariant",))
    assert name("glnexus", alpha=("deepvariant",)) == "glnexus"
    with pytest.raises(NotOfTheModel, match="gatk: it has no preset"):
        model_everywhere(Model(), "gatk", sites(alpha=("gatk",)), "DeepVariantWGS")
    for named in ("", "gatk", "deepvariant", "glnexus"):
        with pytest.raises(MixedDialects, match="the first: those of site beta, of deepvariant"):
            name(named, alpha=("gatk",), beta=("deepvariant",))
