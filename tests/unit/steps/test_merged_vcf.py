"""GLnexus's model over a stored cohort: the same lines as from the gVCFs at once, however it is cut."""

import gzip
import json
from pathlib import Path
from random import Random

import pysam
import pytest

from genocloud import glnexus, steps
from genocloud.cohort import open_cohort
from genocloud.errors import SettingError
from genocloud.pipeline.genotyping.merged_vcf import merge_to_vcf
from genocloud.pipeline.intervals import Intervals
from genocloud.pipeline.options import IngestOptions, JointOptions
from genocloud.pipeline.sample_list import sheet_or_gvcfs
from genocloud.pipeline.sharding import Targets, cut_genome
from genocloud.regions import Contig, Region
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Silent
from tests.support.glnexus_runs import joined, stored

CONTIGS = (Contig("chr1", 70), Contig("chr2", 40), Contig("chr3", 20))
BASES = {contig.name: "".join(Random(contig.name).choices("ACGT", k=contig.length)) for contig in CONTIGS}


def line(random, contig, place, kind, length):
    ref = BASES[contig][place : place + length]
    depth, columns = random.randint(0, 30), [contig, str(place + 1), "."]
    if kind == "block":
        gt = random.choice(("0/0", "0/0", "./."))
        keys, values = "GT:GQ:MIN_DP:PL", f"{gt}:{depth}:{depth}:0,{depth},{30 * depth}"
        return "\t".join([*columns, ref[0], "<*>", ".", ".", f"END={place + length}", keys, values])
    alt = random.choice([ref[0], ref[0] + "TT", *("ACGT".replace(ref, "") if length == 1 else "")])
    alt = alt if alt != ref else ref + "G"
    gt = random.choice(("0/1", "0/1", "1/1", "0/0", "./."))
    likelihoods = [random.randint(0, 60) for _ in range(6)]
    likelihoods[{"0/1": 1, "1/1": 2}.get(gt, 0)] = 0
    pl = ",".join(map(str, likelihoods))
    values = f"{gt}:{random.randint(0, 99)}:{depth}:{depth // 2},{depth - depth // 2},0:{pl}"
    return "\t".join([*columns, ref, f"{alt},<*>", str(random.randint(0, 60)), "PASS", ".", "GT:GQ:DP:AD:PL", values])


def records(random, contig):
    place = random.randint(0, 3)
    while place < contig.length:
        length = min(random.choice((1, 1, 2, 4, 9)), contig.length - place)
        yield line(random, contig.name, place, random.choice(("variant", "block")), length)
        place += length if random.random() < 0.8 else max(1, length - 1)


def people(folder, seed, names):
    random = Random(seed)
    (folder / "ref.fa").write_text("".join(f">{name}\n{bases}\n" for name, bases in BASES.items()))
    pysam.faidx(str(folder / "ref.fa"))
    head = "##fileformat=VCFv4.2\n##DeepVariant_version=1.6.0\n"
    head += "".join(f"##contig=<ID={contig.name},length={contig.length}>\n" for contig in CONTIGS)
    urls = []
    for name in names:
        title = "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", name])
        body = [each for contig in CONTIGS for each in records(random, contig)]
        (folder / f"{name}.g.vcf").write_text(head + "\n".join([title, *body]) + "\n")
        urls.append(str(folder / f"{name}.g.vcf"))
    return urls


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
            preset=preset,
            rules=glnexus.preset(preset),
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
        listed=sheet_or_gvcfs(urls),
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
        ({"model_name": "gatk", "preset": "gatk"}, "no preset"),
        ({"model_name": "glnexus", "name": "out.bcf"}, "no other format"),
        ({"model_name": "glnexus", "callset_url": "callset"}, "no callset"),
        ({"model_name": "glnexus", "intervals": Intervals(non_variant=True)}, "no force-output"),
        ({"model_name": "glnexus", "preset": "xAtlas"}, "does not keep"),
        ({"model_name": "glnexus", "preset": "nothing.yml"}, "nothing.yml"),
        ({"model_name": "octopus"}, "choose from gatk, glnexus"),
    ],
)
def test_what_a_model_does_not_have_is_refused(tmp_path, options, problem):
    urls = people(tmp_path, 2, ["ann"])
    with pytest.raises(Exception, match=problem) as caught:
        joint(tmp_path, urls, **options)
    assert isinstance(caught.value, SettingError) or "nothing.yml" in problem
