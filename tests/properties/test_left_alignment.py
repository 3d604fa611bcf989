"""Exports that are left-aligned say what bcftools norm -f says of the same records, however shards are cut."""

from itertools import pairwise
from pathlib import Path
from random import Random

import pysam
import pysam.bcftools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genocloud import annotations, callset, schema, storage
from genocloud.callset import RecordForm, record_pieces
from genocloud.cli import main
from genocloud.pipeline import FastaBases, Intervals, SampleChoice
from genocloud.regions import Contig, Region
from tests.support import callset_tables as make
from tests.support.exported_records import ExportedRecord, bcftools, exported, records_of

CONTIGS = Contig("chr1", 700), Contig("chr2", 300), Contig("chr3", 40)
BATCHES = {"b0": ("ann",), "b1": ("bob", "cat")}
EVERYONE = SampleChoice(included=("ann,bob,cat",))
"""With true AC and AN, which bcftools insists on."""


def repeats(random: Random, length: int) -> str:
    """Bases in which most indels have several places; soft-masked, unknown and ambiguous ones."""
    text = ""
    while len(text) < length:
        unit = "".join(random.choices("ACGT", k=random.choice((1, 1, 2, 3, 7))))
        unit = random.choice((unit, unit.lower())) * random.choice((1, 2, 5, 30))
        text += random.choice((unit, unit, unit, random.choice("NR")))
    return text[:length]


def alts_of(random: Random, ref: str, number: int) -> list[str]:
    """Distinct ALTs: shorter, longer, of the same length; rarely `*`."""
    alts: set[str] = set()
    while len(alts) < number:
        inside = random.randrange(len(ref) + 1)
        longer = ref[:inside] + ref[random.randrange(len(ref)) :] * random.choice((1, 2)) + ref[inside:]
        shorter = ref[: max(inside, 1)] + ref[random.randrange(len(ref)) + 1 :]
        base = "".join(random.choices("ACGT", k=len(ref)))
        alts.add(random.choice((longer, shorter, shorter, base, ref + base, random.choice(("*", base)))))
        alts.discard(ref)
    return sorted(alts, key=lambda _: random.random())


def write(folder: Path, seed: int) -> tuple[str, str]:
    """A callset of several shards, some of one site, and its reference."""
    random, url, fasta = Random(seed), str(folder / f"{seed}"), folder / f"{seed}.fa"
    bases = {contig.name: repeats(random, contig.length) for contig in CONTIGS}
    fasta.write_text("".join(f">{name}\n{text}\n" for name, text in bases.items()))
    pysam.faidx(str(fasta))
    store, entries = storage.open_store(url), []
    for number, contig in enumerate(CONTIGS):
        positions = sorted(random.sample(range(1, contig.length + 1), random.randrange(contig.length // 10)))
        cuts = sorted({0, *random.sample(range(contig.length), random.randrange(6)), contig.length})
        for start, end in pairwise(cuts):
            rows = make.site_rows(random, contig.name, [pos for pos in positions if start < pos <= end], 0.3)
            for row in rows:
                first = row["pos"] - 1
                row["ref"] = (
                    bases[contig.name].upper().replace("R", "A")[first : first + random.choice((1, 2, 3, 8, 40))]
                )
                row["alts"] = alts_of(random, row["ref"], len(row["alts"]))
            calls = [
                [make.genotype_row(random, row, sample, 0.2) for row in rows for sample in batch]
                for batch in BATCHES.values()
            ]
            shares = {batch: make.as_table(each, schema.GENOTYPES) for batch, each in zip(BATCHES, calls, strict=True)}
            shard = make.Shard(f"{number:03}-{contig.name}-{start:05}", Region(number, start, end))
            sites = make.as_table(rows, annotations.SITES)
            entries.append(callset.write_shard(store, shard, "key", sites, shares))
    callset.commit(store, make.description(BATCHES, CONTIGS), entries)
    return url, str(fasta)


def comparable(record: ExportedRecord) -> ExportedRecord:
    """Without keys that these callsets have twice; bcftools writes soft-masked bases as the FASTA has them."""
    info = {key: value for key, value in record.info.items() if key not in ("MQ", "ExcessHet")}
    return record._replace(info=info, alleles=tuple(map(str.upper, record.alleles)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("aligned")


@settings(max_examples=6)
@given(seed=st.integers(0, 10**9), split=st.booleans())
def test_records_are_those_of_bcftools_norm(folder: Path, seed: int, split: bool) -> None:
    url, fasta = write(folder, seed)
    exported(url, folder / "all.bcf", samples=EVERYONE)
    records = RecordForm(split=split, aligned_to=FastaBases.of(fasta))
    receipt = exported(url, folder / "own.bcf", records=records, samples=EVERYONE)
    own = records_of(folder / "own.bcf")
    with pytest.MonkeyPatch.context() as patch:  # chunks of a site, but where records pass one another
        patch.setattr(record_pieces, "CHUNK_SITES", 1)
        exported(url, folder / "chunks.bcf", records=records, samples=EVERYONE)
    assert (folder / "chunks.bcf.csi").read_bytes()
    assert records_of(folder / "chunks.bcf") == own
    flags = ["-m-"] if split else []
    other = bcftools("norm", "-f", fasta, *flags, str(folder / "all.bcf"), out=folder / "norm.bcf")
    for one, two in zip(own, other, strict=True):
        assert comparable(one) == comparable(two)
    assert receipt.balance["taken"] == receipt.balance["kept"] == len(own)
    places = [one.place for one in own]
    assert places == sorted(places)


def one_repeat(folder: Path) -> tuple[str, str]:
    """Shards of one site, each a deletion in the same 60 bases of A: all move to its first base."""
    text = "C" * 20 + "A" * 60 + "G" * 20
    fasta, url = folder / "repeat.fa", str(folder / "repeat")
    fasta.write_text(f">chr3\n{text[:40]}\n>chr1\n{text}\n")
    pysam.faidx(str(fasta))
    contigs = Contig("chr3", 40), Contig("chr1", 100)
    store, entries, random = storage.open_store(url), [], Random(1)
    for number, (pos, ref, alt) in enumerate([(10, "C", "T"), (30, "A", "AT"), (40, "AAA", "A"), (70, "AA", "A")]):
        (row,) = make.site_rows(random, "chr1", [pos], 1.0)
        row |= {"ref": ref, "alts": [alt]}
        shares = {
            batch: make.as_table([make.genotype_row(random, row, name, 0.5) for name in names], schema.GENOTYPES)
            for batch, names in BATCHES.items()
        }
        shard = make.Shard(f"{number:03}-chr1", Region(1, pos - 10, pos + 1))
        sites = make.as_table([row], annotations.SITES)
        entries.append(callset.write_shard(store, shard, "key", sites, shares))
    callset.commit(store, make.description(BATCHES, contigs), entries)
    return url, str(fasta)


def test_the_first_site_of_a_shard_moves_before_those_of_the_shards_before(folder: Path) -> None:
    url, fasta = one_repeat(folder)
    words = ["export", url, str(folder / "moved.vcf"), "-q", "--left-align", fasta]
    assert main([*words, "--scatter", "threads:2"]) == 0
    records = [(one.place[1], one.alleles) for one in records_of(folder / "moved.vcf")]
    assert records == [(10, ("C", "T")), (20, ("CAA", "C")), (20, ("CA", "C")), (30, ("A", "AT"))]
    shards = callset.shards_in(callset.open_callset(url), None)
    form = RecordForm(aligned_to=FastaBases.of(fasta))
    places = [callset.record_places(shard, None, form) for shard in shards]
    joined = callset.join_crossed(callset.open_callset(url), shards, places)
    assert [len(each.shards) for each in joined] == [1, 3]


def test_regions_are_those_of_the_callset_and_records_are_judged_as_written(folder: Path) -> None:
    url, fasta = one_repeat(folder)
    form = RecordForm(aligned_to=FastaBases.of(fasta), place_ids=True)
    exported(url, folder / "some.vcf.gz", records=form, intervals=Intervals(included=("chr1:65-100",)))
    assert [one.name for one in records_of(folder / "some.vcf.gz")] == ["chr1:20:CA:C"]
    assert main(["export", url, str(folder / "judged.vcf"), "-q", "--left-align", fasta, "-i", "POS>20"]) == 0
    assert [one.place[1] for one in records_of(folder / "judged.vcf")] == [30]


def test_another_reference_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url, fasta = one_repeat(folder)
    other = folder / "other.fa"
    other.write_text(Path(fasta).read_text().replace("A" * 20, "T" * 20))
    pysam.faidx(str(other))
    words = ["export", url, "-q", "--scatter", "inline", "--left-align", str(other)]
    assert main([*words, str(folder / "never.vcf.gz")]) == 3
    assert "chr1:30: REF is A, the reference has T there; name the FASTA" in capsys.readouterr().err
    other.write_text(">chr1\nACGT\n")
    pysam.faidx(str(other))
    assert main([*words, str(folder / "never.vcf.gz")]) == 3
    assert main([*words[:-1], fasta, str(folder / "never.svcr.vcf.gz")]) == 5
    assert not list(folder.glob("never*"))
