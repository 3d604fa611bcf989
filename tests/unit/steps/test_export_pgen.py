"""OUT.pgen, OUT.pvar.zst and OUT.psam against the callset's genotypes, and plink2's reading of the VCF."""

import re
import shutil
import subprocess
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pytest

from genocloud import callset, schema, storage
from genocloud.callset import pgen_parts
from genocloud.cli import main
from genocloud.regions import Contig, Region
from tests.support import callset_tables as make
from tests.support import wild_callset

pgenlib = pytest.importorskip("pgenlib")

PLINK = shutil.which("plink2")


def run(*words: object) -> int:
    return main(["export", *map(str, words), "--quiet"])


def lines(path: Path) -> list[list[str]]:
    text = pa.input_stream(str(path), compression="zstd").read().decode()
    return [line.split("\t") for line in text.splitlines() if not line.startswith("##")]


def counts(path: Path, samples: int, variants: int) -> list[list[int]]:
    with pgenlib.PgenReader(str(path).encode()) as reader:
        assert (reader.get_raw_sample_ct(), reader.get_variant_ct()) == (samples, variants)
        out = np.empty((variants, samples), np.int8)
        reader.read_range(0, variants, out)
    return out.tolist()


def copies(genotype: str, alt: int, one_copy: bool) -> int:
    alleles = re.split("[/|]", genotype)
    if "." in alleles or len(alleles) > 2:
        return -9
    count = sum(allele == str(alt) for allele in alleles) * (2 // len(alleles))
    return -9 if one_copy and count == 1 else count


@pytest.mark.parametrize("seed", range(4))
def test_each_alt_is_a_variant_but_spanning_deletions(seed: int, tmp_path: Path) -> None:
    made, out = wild_callset.write(f"{tmp_path}/callset", seed), tmp_path / "o.pgen"
    people = tmp_path / "p.ped"
    people.write_text("f bob dan eve 1 0\nf dan 0 0 1 0\nf eve 0 0 2 0\nf zoe 0 0 2 0\n")
    assert run(made.url, out, "--pedigree", people, "--par", "chrX:1-5,000", "--receipt", tmp_path / "r.json") == 0
    sites, genotypes = made.sites().to_pylist(), made.genotypes(columns=["GT"])["GT"].to_pylist()
    wanted, cells = [["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER"]], []
    for number, site in enumerate(sites):
        contig, pos, ref = site["contig"], site["pos"], site["ref"]
        row = dict(zip(made.samples, genotypes[number * 5 :], strict=False))
        haploid = contig == "chrY" or (contig == "chrX" and pos > 5000)
        for alt, text in enumerate(site["alts"], 1):
            if text != "*":
                wanted.append([contig, str(pos), f"{contig}:{pos}:{ref}:{text}", ref, text])
                wanted[-1].append(site["filter"] or ".")
                cells.append([copies(row[name], alt, haploid and name in ("bob", "dan")) for name in made.samples])
    written = lines(tmp_path / "o.pvar.zst")
    assert [row[:5] + row[6:] for row in written] == [wanted[0][:5] + wanted[0][6:], *wanted[1:]]
    assert counts(out, 5, len(cells)) == cells
    assert (tmp_path / "o.psam").read_text().splitlines() == [
        "#IID\tPAT\tMAT\tSEX", "ann\t0\t0\tNA", "bob\tdan\teve\t1", "cat\t0\t0\tNA", "dan\t0\t0\t1", "eve\t0\t0\t2"
    ]  # fmt: skip
    spanning = sum(site["alts"].count("*") for site in sites)
    assert f'"kept": {len(cells)}' in (tmp_path / "r.json").read_text()
    assert f'"spanning_deletion": {spanning}' in (tmp_path / "r.json").read_text() or not spanning
    assert not (tmp_path / "o.pgen.parts").exists()


def test_batches_workers_and_intervals_do_not_change_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = wild_callset.write(f"{tmp_path}/callset", 3)
    assert run(made.url, tmp_path / "a.pgen") == 0
    monkeypatch.setattr(pgen_parts, "_CELLS", 1)
    whole = [word for contig in made.contigs for word in ("-L", contig.name)]
    assert run(made.url, tmp_path / "b.pgen", "--scatter", "threads:2", *whole) == 0
    for suffix in ("pgen", "pvar.zst", "psam"):
        if suffix != "pvar.zst":
            assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()
    assert lines(tmp_path / "a.pvar.zst") == lines(tmp_path / "b.pvar.zst")
    assert run(made.url, tmp_path / "a.pgen", "-L", "chr2") == 0
    part = lines(tmp_path / "b.pvar.zst")
    assert lines(tmp_path / "a.pvar.zst") == [row for row in part if row[0] in ("#CHROM", "chr2")]


def test_a_killed_run_goes_on_from_its_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, url = wild_callset.write(f"{tmp_path}/callset", 1), f"{tmp_path}/o.pgen"
    no_men = callset.HaploidMen()
    shards = callset.shards_in(made, None)
    callset.pgen_shard(shards[0], url, None, no_men)
    (tmp_path / "o.pgen").write_bytes(b"old")
    monkeypatch.setattr(pgen_parts, "_lines", lambda *_: pytest.fail("made again"))
    callset.pgen_shard(shards[0], url, None, no_men)
    with pytest.raises(pytest.fail.Exception):
        callset.pgen_shard(shards[0], url, [Region(0, 0, 40_000)], no_men)
    monkeypatch.undo()
    assert run(made.url, url) == 0
    assert (tmp_path / "o.pgen").read_bytes() != b"old"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--fields", "GT"], 5, "is for VCF and BCF"),
        (["-L", "chrX:1-2"], 3, "has at least one variant"),
        (["--par", "chr1:1-2"], 5, "neither X nor Y"),
    ],
)
def test_what_cannot_be_is_said(
    words: list[str], code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = wild_callset.write(f"{tmp_path}/callset", 1)
    assert run(made.url, tmp_path / "o.pgen", *words) == code
    assert said in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["callset"]


def test_names_with_blanks_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"{tmp_path}/callset"
    contigs, batches = (Contig("chr1", 100),), {"b": ("ann lee",)}
    sites, genotypes = make.tables(Random(1), "chr1", [5], [["ann lee"]])
    shard = make.Shard("000-chr1-00000", Region(0, 0, 100))
    entry = callset.write_shard(storage.open_store(url), shard, "key", sites, {"b": genotypes[0]})
    callset.commit(storage.open_store(url), make.description(batches, contigs), [entry])
    assert run(url, tmp_path / "o.pgen") == 3
    assert "'ann lee'" in capsys.readouterr().err


@pytest.mark.skipif(not PLINK, reason="plink2 is not installed")
def test_plink_says_the_same_of_it_as_of_the_vcf(tmp_path: Path) -> None:
    url = f"{tmp_path}/callset"
    random, batches = Random(5), {"b0": tuple(f"s{n}" for n in range(5)), "b1": tuple(f"t{n}" for n in range(4))}
    sites, tables = make.tables(random, "chr1", range(10, 400, 7), list(batches.values()))
    words = ["./.", "0/.", "0/0", "0/1", "0|1", "1/1", "1/0", "./1"]
    shares = {}
    for name, table in zip(batches, tables, strict=True):
        column = pa.array([random.choice(words) for _ in range(len(table))]).cast(schema.GENOTYPES.field("GT").type)
        shares[name] = schema.with_column(table, "GT", column)
    shard = make.Shard("000-chr1-00000", Region(0, 0, 600))
    store = storage.open_store(url)
    entry = callset.write_shard(store, shard, "key", sites, shares)
    callset.commit(store, make.description(batches, (Contig("chr1", 600),)), [entry])
    assert run(url, tmp_path / "o.pgen") == 0
    assert run(url, tmp_path / "o.vcf.gz") == 0
    split = ["bcftools", "norm", "-m-", f"{tmp_path}/o.vcf.gz", "-o", f"{tmp_path}/n.vcf"]
    subprocess.run(split, check=True, capture_output=True)
    kept = [line for line in (tmp_path / "n.vcf").read_text().splitlines() if "\t*\t" not in line]
    (tmp_path / "n.vcf").write_text("\n".join(kept) + "\n")
    sources = {"o": ["--pfile", f"{tmp_path}/o", "vzs"], "v": ["--vcf", f"{tmp_path}/n.vcf", "--vcf-half-call", "m"]}
    said = []
    for name, source in sources.items():
        export = ["--export", "A-transpose", "--out", f"{tmp_path}/t{name}", "--set-all-var-ids", "@:#:$r:$a"]
        subprocess.run([str(PLINK), *source, *export], check=True, capture_output=True)
        said.append((tmp_path / f"t{name}.traw").read_text())
    assert said[0] == said[1]
    assert said[0].count("\n") > 50


@pytest.mark.skipif(not PLINK, reason="plink2 is not installed")
def test_plink_makes_bgen_and_bed_of_it(tmp_path: Path) -> None:
    made = wild_callset.write(f"{tmp_path}/callset", 3)
    assert run(made.url, tmp_path / "o.pgen", "-L", "chr2") == 0
    for words, suffix in ((["--export", "bgen-1.2", "bits=8"], "bgen"), (["--make-bed"], "bed")):
        command = [str(PLINK), "--pfile", f"{tmp_path}/o", "vzs", *words, "--out", f"{tmp_path}/o"]
        subprocess.run(command, check=True, capture_output=True)
        assert (tmp_path / f"o.{suffix}").stat().st_size > 0
