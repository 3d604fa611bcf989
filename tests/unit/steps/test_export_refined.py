"""Exports with refined genotypes: each cell by a slow twin, all else as it was; and what cannot be refined."""

import gzip
from collections import Counter
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from random import Random

import pysam
import pytest

import genocloud
from genocloud import callset, refinement, schema, storage
from genocloud.cli import main
from genocloud.errors import SettingError
from genocloud.refinement import AlleleCounts, PriorOptions
from genocloud.regions import Region
from tests.support import callset_tables as make
from tests.support import slow_posteriors, wild_callset

REFINED = {"GT", "GQ", "PP", "JL", "JP"}
ABSENT = 100
TRIO = ("eve", "ann", "bob")
"""Mother, father and child."""
PRIORS = ["--num-reference-samples-if-no-call", str(ABSENT)]


def export(url: Path, out: Path, *words: str) -> dict[tuple[str, str], dict[str, dict[str, str]]]:
    """The cells of each record, by sample; INFO by the name of nobody."""
    assert main(["export", str(url), str(out), *words, "-q"]) == 0
    with gzip.open(out, "rt") as text:
        lines = [line.rstrip("\n").split("\t") for line in text if not line.startswith("##")]
    names = lines[0][9:]
    records = {}
    for line in lines[1:]:
        keys, info = line[8].split(":"), dict(item.partition("=")[::2] for item in line[7].split(";"))
        cells = {
            name: dict(zip(keys, cell.split(":"), strict=False)) for name, cell in zip(names, line[9:], strict=True)
        }
        records[line[0], line[1]] = {"": info | {"ref": line[3], "alts": line[4]}} | cells
    return records


def without(cell: dict[str, str], names: set[str]) -> dict[str, str]:
    return {name: value for name, value in cell.items() if name not in names and value != "."}


def expected(cell: dict[str, str], priors: list[float]) -> dict[str, str]:
    """GT, GQ and PP of a cell."""
    mark = "|" if "|" in cell["GT"] else "/"
    alleles = cell["GT"].replace("|", "/").split("/")
    pl = likelihoods(cell)
    known = [each for each in pl if each is not None]
    if len(alleles) != 2 or len(pl) != len(priors) or len(known) < 2 or (cell.get("DP") == "0" and not any(known)):
        return {name: cell[name] for name in ("GT", "GQ") if cell.get(name, ".") != "."}
    pp, best, gq, no_call = slow_posteriors.call(pl, priors)
    pair = [str(allele) for allele in slow_posteriors.pairs(int((2 * len(pl)) ** 0.5))[best]]
    text = cell["GT"] if pair == sorted(alleles) else mark.join(pair)
    return {"GT": f".{mark}." if no_call else text, "GQ": str(min(gq, 99)), "PP": values_text(pp)}


def likelihoods(cell: dict[str, str]) -> list[int | None]:
    """PL, None for what is not known."""
    return [None if value == "." else int(value) for value in cell.get("PL", ".").split(",")]


def values_text(values: Sequence[int | None]) -> str:
    """As VCF has them; `.` where none is known."""
    texts = ["." if value is None else str(value) for value in values]
    return ",".join(texts) if set(texts) - {"."} else "."


@pytest.mark.parametrize("seed", range(4))
def test_every_cell_as_by_a_slow_twin(tmp_path, seed):
    made = wild_callset.write(str(tmp_path / "callset"), seed)
    plain = export(tmp_path / "callset", tmp_path / "plain.vcf.gz")
    ours = export(tmp_path / "callset", tmp_path / "ours.vcf.gz", "--refined", *PRIORS)
    seen = Counter()
    for place, record in plain.items():
        site = record[""]
        alts = [] if site["alts"] == "." else site["alts"].split(",")
        called = [allele for name in made.samples for allele in _alleles(record[name]["GT"])]
        likeliest = site.get("MLEAC", ".").split(",")
        ac = [called.count(number) for number in range(1, len(alts) + 1)]
        counts = ac if "." in likeliest else list(map(int, likeliest))
        own = AlleleCounts("", site["ref"], alts, counts, len(called))
        parameters = refinement.pseudocounts(own, (), 5, PriorOptions(num_reference_samples_if_no_call=ABSENT))
        priors = slow_posteriors.priors(parameters)
        after = []
        for name in made.samples:
            cell = ours[place][name]
            assert {key: cell[key] for key in REFINED if cell.get(key, ".") != "."} == expected(record[name], priors)
            assert without(cell, REFINED) == without(record[name], REFINED)
            after += _alleles(cell["GT"])
            seen["PP"] += "PP" in expected(record[name], priors)
            seen["partial"] += "." in expected(record[name], priors).get("PP", "").split(",")
            seen["GT"] += cell["GT"] != record[name]["GT"]
        info = ours[place][""]
        assert info.get("AC", "") == ",".join(str(after.count(number + 1)) for number in range(len(alts)))
        assert info["AN"] == str(len(after))
        assert info["PG"] == ",".join(str(value) for value in slow_posteriors.call([0] * len(priors), priors)[0])
        computed = {"AC", "AF", "AN", "PG"}
        assert without(info, computed) == without(site, computed)
    assert seen["PP"] > 20
    assert seen["partial"]
    assert seen["GT"] > 10


def _alleles(text: str) -> list[int]:
    return [int(allele) for allele in text.replace("|", "/").split("/") if allele != "."]


def test_a_pedigree_refines_its_trios(tmp_path):
    made = wild_callset.write(str(tmp_path / "callset"), 3, 60)
    ped = tmp_path / "people.ped"
    ped.write_text("f bob ann eve 0 0\n")
    words = ["--refined", "--pedigree", str(ped), "--skip-population-priors"]
    plain = export(tmp_path / "callset", tmp_path / "plain.vcf.gz")
    ours = export(tmp_path / "callset", tmp_path / "ours.vcf.gz", *words)
    changed = Counter()
    for place, record in plain.items():
        for name in made.samples:
            cell = ours[place][name]
            changed[name] += "PP" in without(cell, set())
            assert ("PP" in without(cell, set())) == ("JL" in cell and cell["JL"] != ".")
            if "PP" in without(cell, set()):
                assert "," not in record[""]["alts"]
            else:
                assert cell["GT"] == record[name]["GT"]
        trio = [record[name] for name in TRIO]
        partial = any(cell.get("PL", ".") != "." and None in likelihoods(cell) for cell in trio)
        if partial:
            assert not any("PP" in without(ours[place][name], set()) for name in TRIO)
        elif "," not in record[""]["alts"] and all(len(_alleles(cell["GT"])) == 2 for cell in trio):
            people = [
                ([0] * 3 if unknown else likelihoods(cell), True, not unknown)
                for cell in trio
                for unknown in [cell.get("PL", ".") == "."]
            ]
            log10, joint = slow_posteriors.trio(people, 1e-6)
            for name, some in zip(TRIO, log10, strict=True):
                assert ours[place][name]["PP"] == ",".join(str(slow_posteriors.rounded(-10 * each)) for each in some)
                assert abs(int(ours[place][name]["JP"]) - joint[1]) <= 1
    assert {name for name, count in changed.items() if count} == {"ann", "bob", "eve"}


def test_bcf_has_the_same(tmp_path):
    wild_callset.write(str(tmp_path / "callset"), 5)
    words = ["--refined", *PRIORS, "--fields", "GT,PP"]
    cells = export(tmp_path / "callset", tmp_path / "o.vcf.gz", *words)
    assert main(["export", str(tmp_path / "callset"), str(tmp_path / "o.bcf"), *words, "-q"]) == 0
    with pysam.VariantFile(str(tmp_path / "o.bcf")) as file:
        records = list(file)
    assert len(records) == len(cells)
    for record in records:
        cell = cells[record.contig, str(record.pos)]
        assert ",".join(map(str, record.info["PG"])) == cell[""]["PG"]
        for name, sample in record.samples.items():
            assert set(sample) <= {"GT", "PP"}
            assert cell[name].get("PP", ".") == values_text(sample.get("PP") or ())


def test_tables_and_arrays_have_the_same(tmp_path):
    made = wild_callset.write(str(tmp_path / "callset"), 4, 40)
    (tmp_path / "people.ped").write_text("f bob ann eve 0 0\n")
    words = ["--pedigree", str(tmp_path / "people.ped")]
    cells = export(tmp_path / "callset", tmp_path / "o.vcf.gz", "--refined", *PRIORS, *words)
    priors = PriorOptions(num_reference_samples_if_no_call=ABSENT)
    posteriors = genocloud.refined(made, pedigree=tmp_path / "people.ped", priors=priors)
    columns = ["contig", "pos", "sample", "GT", "PP", "JP"]
    rows = posteriors.genotypes(columns=columns).to_pylist()
    assert len(rows) == len(cells) * len(made.samples)
    for row in rows:
        cell = cells[row["contig"], str(row["pos"])][row["sample"]]
        assert cell["GT"] == row["GT"]
        assert cell.get("PP", ".") == values_text(row["PP"] or ())
        assert cell.get("JP", ".") == ("." if row["JP"] is None else str(row["JP"]))
    some = posteriors.genotypes("chr1", ["eve", "ann"], columns=columns).to_pylist()
    chosen = [row for row in rows if row["contig"] == "chr1" and row["sample"] in ("eve", "ann")]
    assert some == sorted(chosen, key=lambda row: (row["pos"], row["sample"] == "ann"))
    whole = posteriors.genotypes("chr2")
    assert whole.schema.names == schema.GENOTYPES.names
    assert whole["PL"].equals(made.genotypes("chr2")["PL"])
    assert posteriors.genotypes("chr2", [], columns=["GT", "PP"]).num_rows == 0
    assert posteriors.genotypes("chr2", columns=["pos"]).equals(made.genotypes("chr2", columns=["pos"]))
    with pytest.raises(SettingError, match="no column PP"):
        made.genotypes(columns=["PP"])


def test_shards_that_are_there_are_of_the_same_refinement(tmp_path, monkeypatch):
    wild_callset.write(str(tmp_path / "callset"), 6)
    out = tmp_path / "o.vcf.gz"
    with monkeypatch.context() as patch:
        patch.setattr(import_module("genocloud.steps.export"), "join_shards", _die)
        assert main(["export", str(tmp_path / "callset"), str(out), "--refined", *PRIORS, "-q"]) == 5
    assert list(tmp_path.glob("o.vcf.gz.parts/*"))
    cells = export(tmp_path / "callset", out, "--refined")
    again = export(tmp_path / "callset", tmp_path / "again.vcf.gz", "--refined")
    assert cells == again
    assert cells != export(tmp_path / "callset", out, "--refined", *PRIORS)


def _die(*_, **__):
    raise SettingError("stopped")


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--refined", "--local-alleles"], 5, "leave out --refined"),
        (["--refined", "--site", "here"], 5, "leave out --site"),
        (["--refined", "--dense"], 5, "leave out --refined"),
        (["--pedigree", "people.ped"], 5, "add --refined"),
        (["--supporting", "known.vcf.gz"], 5, "add --refined"),
        (["--refined", "--skip-population-priors"], 5, "add --pedigree"),
        (["--refined", "--supporting", "none.vcf.gz"], 3, "none.vcf.gz"),
        (["--refined", "--supporting", "other.vcf.gz"], 3, "none of its contigs"),
        (["--refined", "--supporting", "unlike.vcf.gz"], 3, "made for the callset's reference"),
        (["--refined", "--pedigree", "strangers.ped"], 3, "no family with exactly three"),
    ],
)
def test_what_cannot_be_refined(tmp_path, monkeypatch, capsys, words, status, message):
    monkeypatch.chdir(tmp_path)
    made = wild_callset.write("callset", 1)
    (row,) = made.sites("chr1", columns=["pos", "ref"]).slice(0, 1).to_pylist()
    base = next(each for each in "ACGT" if each != row["ref"][0])
    ref = base * len(row["ref"])
    for name, line in (("other", f"chr77\t{row['pos']}\t.\tA"), ("unlike", f"chr1\t{row['pos']}\t.\t{ref}")):
        contig = line.split("\t")[0]
        text = f"##fileformat=VCFv4.2\n##contig=<ID={contig}>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        Path(f"{name}.vcf").write_text(f"{text}{line}\t{ref}G\t.\t.\tAC=1;AN=9\n")
        pysam.tabix_index(f"{name}.vcf", preset="vcf")
    Path("strangers.ped").write_text("f x y z 0 0\n")
    out = "o.parquet" if "--dense" in words else "o.vcf.gz"
    assert main(["export", "callset", out, *words, "-q"]) == status
    assert message in capsys.readouterr().err
    assert not Path(out).exists()


def write_few(url: str, samples: tuple[str, ...], rows: int) -> None:
    """Two sites, or fewer, of some samples."""
    sites, (genotypes,) = make.tables(Random(1), "chr2", [5, 9][:rows], [samples])
    shard, store = make.Shard("001-chr2-00000", Region(1, 0, 50_000)), storage.open_store(url)
    entry = callset.write_shard(store, shard, "key", sites, {"b0": genotypes})
    callset.commit(store, make.description({"b0": samples}), [entry])


def test_without_samples_there_is_nothing_to_refine(tmp_path, capsys):
    write_few(str(tmp_path / "callset"), (), 2)
    assert main(["export", str(tmp_path / "callset"), str(tmp_path / "o.vcf.gz"), "--refined", "-q"]) == 3
    assert "it has no samples" in capsys.readouterr().err


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_one_sample_and_hardly_a_site(tmp_path, rows):
    write_few(str(tmp_path / "callset"), ("ann",), rows)
    records = export(tmp_path / "callset", tmp_path / "o.vcf.gz", "--refined", *PRIORS)
    assert len(records) == rows
    assert all(set(record) == {"", "ann"} for record in records.values())
