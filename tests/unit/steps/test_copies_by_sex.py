"""Sexes from the sample sheet to the calls: what a cohort notes of them, and men's X, women's Y and everybody's MT."""

import gzip
import logging
import shutil
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pysam
import pytest

import genocloud
from genocloud import cohort, pipeline, steps
from genocloud.cli import main
from genocloud.cohort import open_cohort
from genocloud.genotypes import Model
from genocloud.pipeline.chosen_model import likelihood_model
from genocloud.pipeline.genotyping.batch_copies import copies_in_batch
from genocloud.pipeline.ingestion.arrivals import OtherSex
from genocloud.pipeline.options import IngestOptions, JointOptions
from genocloud.pipeline.sharding import Shard
from genocloud.reads.ploidy import NoPar
from genocloud.regions import Contig, Region
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Silent
from genocloud.storage import open_store
from tests.conftest import DATA
from tests.support.decoded_callsets import records, tables
from tests.support.earlier_cohorts import rewrite_as, without_places

MODEL = Model(name="deepvariant")
SEXES = {"child": "male", "father": "male", "mother": "female", "p04": "female", "p05": "male", "p06": "unknown"}
SINGLE = {"male": {"chrX", "chrY", "chrM"}, "female": {"chrM"}, "unknown": {"chrY", "chrM"}}


def one_haplotype(record):
    """A record of the demo as DeepVariant would write it of one haplotype."""
    *columns, keys, values = record.split("\t")
    fields = dict(zip(keys.split(":"), values.split(":"), strict=True))
    pl = [int(word) for word in fields["PL"].split(",")]
    block = columns[4] == "<*>"
    single = [pl[number * (number + 3) // 2] for number in range(columns[4].count(",") + 2)]
    named = single if block else single[:-1]
    best, second = sorted(named)[:2]
    silent = set(fields["GT"]) <= set("./")
    fields["GT"] = "." if silent else "0" if block else str(named.index(best))
    fields["PL"] = ",".join(map(str, [each - best for each in named] + single[len(named) :]))
    fields["GQ"] = str(min(second - best, 99))
    return "\t".join([*columns, keys, ":".join(fields.values())])


PAR_END = 12_000
"""Of the test data's pseudo-autosomal region, from X's first base on."""


def cut_at(line, last):
    """A block as two where it reaches beyond the base `last`, else the record."""
    contig, pos, name, _, *rest, info, keys, values = line.split("\t")
    if not info.startswith("END=") or not int(pos) <= last < int(info[4:]):
        return [line]
    with pysam.FastaFile(str(DATA / "reference.fa")) as reference:
        base = reference.fetch(contig, last, last + 1)
    second = "\t".join([contig, str(last + 1), name, base, *rest, info, keys, values])
    return [line.replace(info, f"END={last}"), second]


def written_haploid(path, sex, out, par_end=0):
    """The gVCF as DeepVariant would write it by copies; `par_end`: X's last diploid base in men."""
    lines = []
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        contig = line.split("\t")[0]
        if sex == "female" and contig == "chrY":
            continue
        for part in cut_at(line, par_end) if contig == "chrX" and par_end else [line]:
            shared = contig == "chrX" and int(part.split("\t")[1]) <= par_end
            lines.append(one_haplotype(part) if contig in SINGLE[sex] and not shared else part)
    out.write_text("\n".join([*lines, ""]))


def sheet_of(folder, gvcfs, sexes=None):
    rows = [f"{name}\t{path}\t{(sexes or {}).get(name, '')}\n" for name, path in gvcfs.items()]
    (folder / "samples.tsv").write_text("sample\tgvcf\tsex\n" + "".join(rows))
    return str(folder / "samples.tsv")


def demo_gvcfs():
    return {name: DATA / "deepvariant" / f"{name}.g.vcf.gz" for name in SEXES}


def ingest(folder, sheet, **options):
    with open_scatter("inline") as scatter:
        return steps.ingest(
            str(folder / "cohort"),
            sheet,
            str(DATA / "reference.fa"),
            options=IngestOptions(**{"batch_size": 2, **options}),
            scatter=scatter,
            progress=Silent(),
        )


def genotyped(folder, choice="threads:2", model=MODEL, name="callset"):
    stored, how = open_cohort(str(folder / "cohort")), Silent()
    cut = pipeline.cut_genome(stored)
    with open_scatter(choice) as scatter:
        steps.discover(stored, cut, scatter=scatter, progress=how)
        receipt = steps.genotype(stored, str(folder / name), model=model, cut=cut, scatter=scatter, progress=how)
        steps.export(str(folder / name), str(folder / "out.vcf.gz"), scatter=scatter, progress=how)
    return receipt


def joined(folder, sheet):
    options = JointOptions(listed=sheet, reference_url=str(DATA / "reference.fa"), out_url=str(folder / "joint.vcf.gz"))
    return steps.joint(options, progress=Silent())[1]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo's people in DeepVariant's form, with their sexes: a callset, and joint's VCF."""
    folder = tmp_path_factory.mktemp("demo")
    sheet = sheet_of(folder, demo_gvcfs(), SEXES)
    ingest(folder, sheet)
    return folder, genotyped(folder), joined(folder, sheet)


def test_records_are_those_of_gvcfs_written_by_copies(demo, tmp_path):
    folder, receipt, joint_receipt = demo
    haploid = {name: tmp_path / f"{name}.g.vcf" for name in SEXES}
    for name, path in demo_gvcfs().items():
        written_haploid(path, SEXES[name], haploid[name])
    joined(tmp_path, sheet_of(tmp_path, haploid))
    expected = records(tmp_path / "joint.vcf.gz")
    assert records(folder / "joint.vcf.gz") == expected
    assert records(folder / "out.vcf.gz") == expected
    counted = {"male": 3, "female": 2, "unknown": 1}
    assert [each.figures["sexes"] for each in (receipt, joint_receipt)] == [counted, counted]


def test_ploidies_in_the_records(demo):
    with pysam.VariantFile(str(demo[0] / "joint.vcf.gz")) as file:
        seen = {}
        for record in file:
            for name, sample in record.samples.items():
                seen.setdefault((record.chrom, SEXES[name]), set()).add((len(sample["GT"]), None in sample["GT"]))
                assert record.info["AN"] == sum(a is not None for each in record.samples.values() for a in each["GT"])
    assert {each for each, _ in seen["chrX", "male"]} == {1}
    assert {each for each, _ in seen["chrX", "female"]} == {each for each, _ in seen["chrX", "unknown"]} == {2}
    assert seen["chrY", "female"] == {(1, True)}
    assert {each for (contig, _), own in seen.items() if contig in ("chrY", "chrM") for each, _ in own} == {1}
    assert {each for (contig, _), own in seen.items() if contig in ("chr1", "chr2") for each, _ in own} == {2}


def test_a_callset_that_grows_is_that_of_everybody_at_once(demo, tmp_path):
    people = list(demo_gvcfs().items())
    for count in (2, 3, 6):
        ingest(tmp_path, sheet_of(tmp_path, dict(people[:count]), SEXES))
        genotyped(tmp_path)
    assert tables(str(tmp_path / "callset")) == tables(str(demo[0] / "callset"))
    assert records(tmp_path / "out.vcf.gz") == records(demo[0] / "out.vcf.gz")


def test_men_are_diploid_in_the_pseudo_autosomal_regions_that_are_named(tmp_path):
    """As gVCFs written so, by joint and in a callset; sums that another callset's regions left are not used."""
    people, haploid = demo_gvcfs(), {name: tmp_path / f"{name}.g.vcf" for name in SEXES}
    for name, path in people.items():
        written_haploid(path, SEXES[name], haploid[name], PAR_END)
    out, par = tmp_path / "joint.vcf.gz", f"chrX:1-{PAR_END:,}"
    words = ["-R", str(DATA / "reference.fa"), "-o", str(out), "-q", "--par", par]
    assert main(["joint", sheet_of(tmp_path, haploid), *words]) == 0  # without sexes
    expected = records(out)
    sheet = sheet_of(tmp_path, people, SEXES)
    assert main(["joint", sheet, *words]) == 0
    assert records(out) == expected
    ingest(tmp_path, sheet)
    genotyped(tmp_path)
    assert records(tmp_path / "out.vcf.gz") != expected
    genotyped(tmp_path, model=replace(MODEL, par=(par,)), name="of_par")
    assert records(tmp_path / "out.vcf.gz") == expected


def test_regions_that_are_not_of_x_are_refused_before_anything_is_stored(demo, tmp_path):
    gvcf, reference = str(demo_gvcfs()["p04"]), str(DATA / "reference.fa")
    joint = ["joint", gvcf, "-R", reference, "-o", str(tmp_path / "o.vcf.gz"), "--par", "chr1:1-2"]
    genotype = ["genotype", str(demo[0] / "cohort"), str(tmp_path / "callset"), "--par", "chr1:1-2"]
    for words in (joint, genotype):
        assert main([*words, "-q"]) == 5
    with pytest.raises(NoPar):
        genocloud.joint(gvcf, reference=reference, out=tmp_path / "o.vcf.gz", par=["chr1:1-2"])
    assert not list(tmp_path.iterdir())


def test_measuring_rates_removes_the_sums_of_counts_that_a_model_by_sexes_keeps(demo, tmp_path, monkeypatch):
    """So that what is measured after it is the time that they take."""
    shutil.copytree(demo[0] / "cohort", tmp_path / "round" / "cohort")
    kept = Path("round", "cohort", "derived", "*", "*", "summed_counts", "*.parquet")
    assert list(tmp_path.glob(str(kept)))
    work = import_module("genocloud.steps.calibrate").Work(place=tmp_path, name="round", people=6, threads=1)
    monkeypatch.setattr(type(work), "_estimate", lambda *_: None)
    work.estimate_kept()
    assert not [*Path(work.cohort).rglob("*summed_counts*")]


def test_a_model_that_reads_no_sexes_has_no_regions():
    assert likelihood_model("gatk", Model(par=("chrX:1-9",))).par == ()
    assert likelihood_model("deepvariant", Model(par=("chrX:1-9",))).par == ("chrX:1-9",)


def test_unknown_sexes_are_counted_and_said(tmp_path, caplog):
    gvcfs = dict([*demo_gvcfs().items()][:2])
    with caplog.at_level(logging.WARNING):
        receipt = joined(tmp_path, sheet_of(tmp_path, gvcfs, {"child": "male"}))
    assert receipt.figures["sexes"] == {"male": 1, "female": 0, "unknown": 1}
    assert "1 of 2 samples are of unknown sex: their records on X stay diploid" in caplog.text


def test_a_sex_that_the_samples_model_does_not_read_makes_none_stored_again(tmp_path):
    gvcfs = {name: DATA / "gvcf" / f"{name}.g.vcf.gz" for name in ("p07", "p08")}
    ingest(tmp_path, sheet_of(tmp_path, gvcfs))
    sheet = sheet_of(tmp_path, gvcfs, {"p07": "male"})
    assert ingest(tmp_path, sheet, complete=True).figures["new_samples"] == 0
    assert ingest(tmp_path, sheet).figures["new_samples"] == 0
    assert ingest(tmp_path, sheet, replace=True).figures["new_samples"] == 1
    assert noted(open_cohort(str(tmp_path / "cohort"))) == {"p07": "male", "p08": "unknown"}


def test_another_sex_is_refused_or_stored_again(tmp_path):
    gvcfs = dict([*demo_gvcfs().items()][:2])
    ingest(tmp_path, sheet_of(tmp_path, gvcfs, {"child": "male"}))
    with pytest.raises(
        OtherSex, match=r"child \(male, in .*samples\.tsv female\), father \(unknown.*male\).*--replace"
    ):
        ingest(tmp_path, sheet_of(tmp_path, gvcfs, {"child": "female", "father": "male"}))
    assert ingest(tmp_path, sheet_of(tmp_path, gvcfs)).figures["new_samples"] == 0  # no sex says nothing
    again = sheet_of(tmp_path, gvcfs, {"child": "female"})
    assert ingest(tmp_path, again, replace=True).figures["new_samples"] == 1
    stored = open_cohort(str(tmp_path / "cohort"))
    assert noted(stored) == {"child": "female", "father": "unknown"}
    assert stored.samples == ("child", "father")


def noted(stored):
    return {
        name: stored.receipt(batch).tallies[place].sex
        for batch in stored.batches
        for place, name in enumerate(batch.samples)
        if batch.ranks[place] >= 0
    }


def test_compacted_batches_keep_sexes(tmp_path):
    ingest(tmp_path, sheet_of(tmp_path, dict([*demo_gvcfs().items()][:4]), SEXES), batch_size=1)
    with open_scatter("inline") as scatter:
        steps.compact(str(tmp_path / "cohort"), batch_size=4, scatter=scatter, progress=Silent())
    stored = open_cohort(str(tmp_path / "cohort"))
    assert len(stored.batches) == 1
    assert noted(stored) == {name: SEXES[name] for name in ("child", "father", "mother", "p04")}


def without_sexes(receipt):
    """A receipt as of schema version 4."""
    without_places(receipt)
    for tally in receipt["tallies"]:
        del tally["sex"]


def test_cohorts_of_before_are_read_and_grow(tmp_path):
    gvcfs = dict([*demo_gvcfs().items()][:3])
    ingest(tmp_path, sheet_of(tmp_path, gvcfs))
    expected = genotyped(tmp_path).figures["sexes"]
    before = records(tmp_path / "out.vcf.gz")
    rewrite_as(open_store(str(tmp_path / "cohort")), 4, without_sexes)
    assert noted(open_cohort(str(tmp_path / "cohort"))) == dict.fromkeys(gvcfs, "")
    assert ingest(tmp_path, sheet_of(tmp_path, gvcfs, SEXES)).figures["new_samples"] == 0
    assert genotyped(tmp_path).figures["sexes"] == expected
    assert records(tmp_path / "out.vcf.gz") == before
    ingest(tmp_path, sheet_of(tmp_path, {**gvcfs, "p04": demo_gvcfs()["p04"]}, SEXES))
    assert genotyped(tmp_path).figures["sexes"] == {"male": 0, "female": 1, "unknown": 3}
    ingest(tmp_path, sheet_of(tmp_path, gvcfs, SEXES), replace=True)
    assert noted(open_cohort(str(tmp_path / "cohort"))) == {name: SEXES[name] for name in (*gvcfs, "p04")}


X, Y = Contig("chrX", 156_040_895), Contig("chrY", 57_227_415)


class Stub:
    """A cohort of three samples, one of each sex, on contigs of GRCh38's lengths."""

    contigs = (Contig("chr22", 50_818_468), X, Y, Contig("chrM", 16_569))
    layout = cohort.Layout(contigs, part_bp=80_000_000, window_bp=1_000_000)

    def receipt(self, batch):
        tally = cohort.Tally
        return type(
            "R", (), {"tallies": [tally(read=0, stored={}, dropped={}, sex=sex) for sex in ("male", "female", "")]}
        )


def shard_of(contig):
    axis = Stub.layout.axis(contig)
    region = axis.on(Region(contig, 0, Stub.contigs[contig].length))
    return Shard(name="s", region=region, extent=axis.extent(region))


@pytest.mark.parametrize(
    ("contig", "starts", "copies"),
    [
        (0, None, None),
        (1, [0, 10_000, 2_781_479, 155_701_382, 156_030_895], [[1, 2, 2], [2, 2, 2], [1, 2, 2], [2, 2, 2], [1, 2, 2]]),
        (2, [0], [[1, 0, 1]]),
        (3, [0], [[1, 1, 1]]),
    ],
)
def test_copies_of_grch38(contig, starts, copies):
    made = copies_in_batch(Stub(), None, shard_of(contig), MODEL)
    assert copies_in_batch(Stub(), None, shard_of(contig), Model()) is None
    if copies is None:
        assert made is None
    else:
        begin = shard_of(contig).region.start
        assert (made.starts - begin).tolist() == starts
        assert made.copies.tolist() == copies
        assert made.copies.dtype == np.int8


def test_copies_of_regions_that_are_named():
    named = replace(MODEL, par=("chrX:1-12,000", "chrY:1-12,000"))
    made = copies_in_batch(Stub(), None, shard_of(1), named)
    assert (made.starts - shard_of(1).region.start).tolist() == [0, 12_000]
    assert made.copies.tolist() == [[2, 2, 2], [1, 2, 2]]


def test_short_contigs_side_by_side_have_their_own_copies():
    """One shard of a stretch before MT, and MT."""
    axis = Stub.layout.axis(2)
    region = Region(2, 57_000_000, axis.on(Region(3, 0, 16_569)).end)
    made = copies_in_batch(Stub(), None, Shard(name="s", region=region, extent=axis.extent(region)), MODEL)
    assert made.starts.tolist() == [0, 57_227_415]
    assert made.copies.tolist() == [[1, 0, 1], [1, 1, 1]]
