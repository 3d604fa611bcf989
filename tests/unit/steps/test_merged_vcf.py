"""GLnexus's model over a stored cohort: the same lines as from the gVCFs at once, however it is cut."""

import gzip
import json
from pathlib import Path

import pysam
import pytest

from genocloud import glnexus, steps
from genocloud.cohort import open_cohort
from genocloud.errors import SettingError
from genocloud.pipeline.genotyping import merged_vcf
from genocloud.pipeline.genotyping.merged_vcf import merge_to_vcf
from genocloud.pipeline.intervals import Intervals
from genocloud.pipeline.merge_model import MergeModel
from genocloud.pipeline.options import IngestOptions, JointOptions
from genocloud.pipeline.sample_list import sheet_or_gvcfs
from genocloud.pipeline.sharding import Targets, cut_genome
from genocloud.regions import Region
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Silent
from tests.support.deepvariant_people import BASES, CONTIGS, people
from tests.support.glnexus_runs import joined, stored


def merged(folder, urls, preset="DeepVariant_unfiltered", inside=None, **options):
    """The lines of a cohort that is ingested and joined with these options, and the receipt."""
    options = IngestOptions(**options)
    where = folder / f"{options.window_bp}-{options.batch_size}-{options.part_bp}"
    cohort_url, out = str(where / "cohort"), str(where / f"{preset}.vcf.gz")
    where.mkdir(exist_ok=True)
    with open_scatter("threads:2") as scatter:
        tools = {"scatter": scatter, "progress": Silent()}
        steps.ingest(cohort_url, sheet_or_gvcfs(urls), str(folder / "ref.fa"), options=options, **tools)
        cohort = open_cohort(cohort_url)
        _, receipt = merge_to_vcf(
            cohort,
            out,
            parts_url=str(where / f"parts-{preset}-{inside}"),
            model=MergeModel.of(preset),
            cut=cut_genome(cohort, targets=Targets.of(inside, ())),
            **tools,
        )
    with pysam.VariantFile(out) as file:
        assert list(file.header.contigs) == list(BASES)
        indexed = [record.pos for contig in BASES for record in file.fetch(contig)]
    lines = gzip.decompress(Path(out).read_bytes()).decode().splitlines()
    made = [each for each in lines if not each.startswith("#")]
    assert indexed == [int(each.split("\t")[1]) for each in made]
    return made, receipt


@pytest.mark.parametrize("seed", [0, 2])
def test_lines_do_not_depend_on_shards_batches_and_parts(tmp_path, seed):
    names = ["ann", "bob", "cat", "dan"]
    urls = people(tmp_path, seed, names)
    variants, blocks = stored(urls, CONTIGS)
    rules = glnexus.preset("DeepVariant_unfiltered")
    expected = []
    for number, contig in enumerate(CONTIGS):
        rows = [table.filter(table["contig"].to_numpy() == number) for table in (variants, blocks)]
        expected += joined(*rows, contig.name, len(names), rules)
    assert len(expected) > 5
    for options in ({"window_bp": 7, "batch_size": 1, "part_bp": 30}, {"window_bp": 13, "batch_size": 3}):
        made, receipt = merged(tmp_path, urls, **options)
        assert made == expected
        assert receipt.balance["taken"] == receipt.balance["kept"] + sum(receipt.balance["dropped"].values())


def test_intervals_choose_among_the_same_lines(tmp_path):
    urls = people(tmp_path, 3, ["ann", "bob", "cat"])
    everything, _ = merged(tmp_path, urls, window_bp=7)
    some, receipt = merged(tmp_path, urls, window_bp=7, inside=[Region(0, 11, 30), Region(1, 0, 9)])
    places = [(each.split("\t")[0], int(each.split("\t")[1])) for each in everything]
    inside = [("chr1", pos) for pos in range(12, 31)] + [("chr2", pos) for pos in range(1, 10)]
    assert some == [each for each, place in zip(everything, places, strict=True) if place in inside]
    assert receipt.balance["kept"] == sum(len(each.split("\t")[4].split(",")) for each in some)


def test_lines_do_not_depend_on_how_many_sites_are_called_at_once(tmp_path, monkeypatch):
    urls = people(tmp_path, 4, ["ann", "bob", "cat"])
    at_once, _ = merged(tmp_path, urls)
    for name, limit in (("CALLED_BYTES", 4000), ("PIECE_GENOTYPES", 5)):
        monkeypatch.setattr(merged_vcf, name, limit)
    (tmp_path / "again").mkdir()
    people(tmp_path / "again", 4, ["ann"])
    assert merged(tmp_path / "again", urls)[0] == at_once


def test_a_sample_that_has_left_its_batch_is_as_if_it_had_not_been_there(tmp_path):
    urls = people(tmp_path, 5, ["ann", "bob", "cat"])
    (tmp_path / "without").mkdir()
    people(tmp_path / "without", 5, ["ann"])
    expected, _ = merged(tmp_path / "without", [urls[0], urls[2]])
    merged(tmp_path, urls)
    (cohort_url,) = (str(path) for path in tmp_path.glob("*-*-*/cohort"))
    steps.remove(cohort_url, ["bob"])
    out = str(tmp_path / "left.vcf.gz")
    joint(
        tmp_path, None, model_name="glnexus", preset="DeepVariant_unfiltered", cohort_url=cohort_url, name="left.vcf.gz"
    )
    lines = gzip.decompress(Path(out).read_bytes()).decode().splitlines()
    assert [each for each in lines if not each.startswith("#")] == expected != []


def test_who_has_no_variant_makes_a_file_without_records(tmp_path):
    (url,) = people(tmp_path, 1, ["ann"])
    path = tmp_path / "ann.g.vcf"
    path.write_text(
        "".join(each for each in path.read_text().splitlines(True) if each.startswith("#") or "\t<*>\t" in each)
    )
    made, receipt = merged(tmp_path, [url])
    assert (made, receipt.balance["taken"]) == ([], 0)


def joint(folder, urls, **options):
    run = JointOptions(
        listed=sheet_or_gvcfs(urls) if urls else None,
        reference_url=str(folder / "ref.fa"),
        out_url=str(folder / options.pop("name", "out.vcf.gz")),
        **options,
    )
    return steps.joint(run, progress=Silent())


def test_joint_by_a_config_of_ones_own(tmp_path):
    urls = people(tmp_path, 2, ["ann", "bob"])
    (tmp_path / "my.yml").write_text("genotyper_config: {allow_partial_data: true, required_dp: 2}\n")
    _, receipt = joint(tmp_path, urls, model_name="glnexus", preset=str(tmp_path / "my.yml"))
    text = gzip.decompress((tmp_path / "out.vcf.gz").read_bytes()).decode()
    assert "required_dp: 2" in text
    assert receipt.balance["unit"] == "alleles"
    assert receipt.figures["sites"] == sum(not each.startswith("#") for each in text.splitlines())
    assert json.loads(receipt.as_json())["figures"]["model"].startswith("glnexus")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"preset": "gatk"}, "no preset"),
        ({"model_name": "glnexus", "name": "out.bcf"}, "no other format"),
        ({"model_name": "glnexus", "callset_url": "callset"}, "no callset"),
        ({"model_name": "glnexus", "intervals": Intervals(non_variant=True)}, "no force-output"),
        ({"model_name": "glnexus", "preset": "xAtlas"}, "does not keep"),
        ({"model_name": "glnexus", "preset": "nothing.yml"}, "nothing.yml"),
        ({"model_name": "octopus"}, "choose from gatk, deepvariant, glnexus"),
    ],
)
def test_what_a_model_does_not_have_is_refused(tmp_path, options, problem):
    urls = people(tmp_path, 2, ["ann"])
    with pytest.raises(Exception, match=problem) as caught:
        joint(tmp_path, urls, **options)
    assert isinstance(caught.value, SettingError) or "nothing.yml" in problem
