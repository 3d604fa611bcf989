"""OUT.vcz against the callset's arrays, and vcztools' reading of it against the VCF."""

import json
import shutil
import subprocess
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from genocloud import callset, schema, storage
from genocloud.callset import zarr_export, zarr_plan
from genocloud.cli import main
from genocloud.regions import Contig
from tests.support import callset_tables as make
from tests.support import small_callset, wild_callset

numcodecs = pytest.importorskip("numcodecs")

VCZTOOLS = shutil.which("vcztools")


def run(*words: object) -> int:
    return main(["export", *map(str, words), "--quiet"])


def read(folder: Path, name: str) -> np.ndarray[Any, Any]:
    """An array of Zarr format 2, chunk by chunk."""
    meta = json.loads((folder / name / ".zarray").read_text())
    out = np.empty(meta["shape"], meta["dtype"])
    counts = [-(-size // chunk) for size, chunk in zip(meta["shape"], meta["chunks"], strict=True)]
    for place in np.ndindex(*counts):
        data = numcodecs.get_codec(meta["compressor"]).decode((folder / name / ".".join(map(str, place))).read_bytes())
        for each in reversed(meta["filters"] or []):
            data = numcodecs.get_codec(each).decode(data)
        chunk = np.frombuffer(data, meta["dtype"]) if meta["filters"] is None else data
        first = [one * size for one, size in zip(place, meta["chunks"], strict=True)]
        part = tuple(slice(one, one + size) for one, size in zip(first, meta["chunks"], strict=True))
        inside = tuple(slice(len(range(*each.indices(size)))) for each, size in zip(part, meta["shape"], strict=True))
        out[part] = chunk.reshape(meta["chunks"])[inside]
    return out


def diploid(url: str, seed: int = 1, missing: float = 0.3) -> callset.Callset:
    """A callset whose genotypes have one or two alleles."""
    random, store, entries = Random(seed), storage.open_store(url), []
    for shard, positions in zip(small_callset.SHARDS, small_callset.POSITIONS, strict=True):
        contig, batches = make.CONTIGS[shard.region.contig].name, small_callset.BATCHES
        sites, tables = make.tables(random, contig, positions, list(batches.values()), missing)
        shares = dict(zip(batches, map(_at_most_two, tables), strict=True))
        entries.append(callset.write_shard(store, shard, "key", sites, shares))
    return callset.commit(store, make.description(small_callset.BATCHES), entries)


def _at_most_two(table: schema.Genotypes) -> schema.Genotypes:
    words = ["/".join(word.replace("|", "/").split("/")[:2]) for word in table["GT"].to_pylist()]
    words = [word.replace("/", "|") if number % 3 else word for number, word in enumerate(words)]
    return make.as_table(
        [row | {"GT": word} for row, word in zip(table.to_pylist(), words, strict=True)], schema.GENOTYPES
    )


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zarr_plan, "CHUNK_SITES", 2)
    monkeypatch.setattr(zarr_export, "CHUNK_SITES", 2)
    monkeypatch.setattr(zarr_plan, "CHUNK_SAMPLES", 2)
    monkeypatch.setattr(zarr_plan, "_MOST_CHUNKS", 1)


@pytest.mark.parametrize("seed", range(2))
def test_arrays_are_those_of_the_callset(seed: int, tmp_path: Path, small_chunks: None) -> None:
    made, out = diploid(f"{tmp_path}/callset", seed), tmp_path / "o.vcz"
    assert run(made.url, out, "--receipt", tmp_path / "r.json") == 0
    assert json.loads((tmp_path / "r.json").read_text())["balance"]["kept"] == 5
    wanted = made.to_numpy()
    compared = 0
    for name, values in wanted.items():
        if not (out / name).exists():
            continue
        ours = read(out, name)
        assert ours.shape == values.shape, name
        if f"{name}Median" in wanted:  # the same key of INFO
            values = np.where(np.isnan(values), wanted[f"{name}Median"], values)
        if np.issubdtype(values.dtype, np.floating):
            # printed digits; missing values are other NaNs
            assert np.allclose(ours, values, rtol=2e-3, atol=6e-3, equal_nan=True), name
        elif name.startswith("variant_") and values.dtype == np.int32:
            kept = np.where(values == -2, -1, values), np.where(ours == -2, -1, ours)
            assert np.array_equal(*kept), name
        elif name == "call_GQ":
            assert np.array_equal(ours, np.minimum(values, 99))
        elif name != "filter_id":
            assert np.array_equal(ours, values), name
        compared += 1
    assert compared > 40
    chunks = [json.loads((out / name / ".zarray").read_text())["chunks"] for name in ("sample_id", "call_DP")]
    assert chunks == [[2], [2, 2]]  # vcztools wants one size along samples
    for key in ("GQ", "DP", "PL", "PS"):
        largest = min(wanted[f"call_{key}"].max(), 99 if key == "GQ" else np.inf)
        smallest = next(kind for kind, bits in (("|i1", 7), ("<i2", 15), ("<i4", 31)) if largest < 1 << bits)
        assert json.loads((out / f"call_{key}" / ".zarray").read_text())["dtype"] == smallest
    assert not (tmp_path / "o.vcz.parts").exists()


def test_chunks_workers_and_intervals_do_not_change_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = diploid(f"{tmp_path}/callset")
    assert run(made.url, tmp_path / "a.zarr") == 0
    monkeypatch.setattr(zarr_plan, "_MOST_CHUNKS", 1)
    whole = [word for contig in made.contigs for word in ("-L", contig.name)]
    assert run(made.url, tmp_path / "b.zarr", "--scatter", "threads:2", *whole) == 0
    a, b = (small_callset.contents(f"{tmp_path}/{name}.zarr") for name in "ab")
    assert a == b
    assert run(made.url, tmp_path / "a.zarr", "-L", "chr1:900-1,000", "--fields", "DP") == 0
    assert read(tmp_path / "a.zarr", "variant_position").tolist() == [900, 1000]
    assert {path.parent.name for path in (tmp_path / "a.zarr").glob("call_*/.zarray")} == {
        "call_genotype", "call_genotype_mask", "call_genotype_phased", "call_DP"
    }  # fmt: skip


def test_the_index_has_a_row_for_each_contig_of_a_chunk(tmp_path: Path, small_chunks: None) -> None:
    made, out = diploid(f"{tmp_path}/callset"), tmp_path / "o.vcz"
    assert run(made.url, out) == 0
    lengths = [len(ref) for ref in made.sites()["ref"].to_pylist()]
    ends = [pos + length - 1 for pos, length in zip([5, 900, 1000, 7, 49_999], lengths, strict=True)]
    assert read(out, "region_index").tolist() == [
        [0, 0, 5, 900, max(ends[:2]), 2],
        [1, 0, 1000, 1000, ends[2], 1],
        [1, 1, 7, 7, ends[3], 1],
        [2, 1, 49_999, 49_999, ends[4], 1],
    ]
    assert [json.loads((out / name).read_text()) for name in (".zgroup",)] == [{"zarr_format": 2}]
    named = json.loads((out / ".zmetadata").read_text())["metadata"]
    assert json.loads((out / "call_PL" / ".zattrs").read_text()) == named["call_PL/.zattrs"]


def test_a_killed_run_goes_on_and_is_no_group_before(
    tmp_path: Path, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, out = diploid(f"{tmp_path}/callset"), tmp_path / "o.vcz"
    assert run(made.url, out) == 0
    whole = small_callset.contents(str(out))
    monkeypatch.setattr(zarr_export, "_site_values", _killed_in(zarr_export._site_values, 2))
    assert run(made.url, out) != 0
    assert not (out / ".zgroup").exists()
    assert not (out / ".zmetadata").exists()
    monkeypatch.undo()
    for name, value in (("CHUNK_SITES", 2), ("CHUNK_SAMPLES", 2), ("_MOST_CHUNKS", 1)):
        monkeypatch.setattr(zarr_plan, name, value)
    monkeypatch.setattr(zarr_export, "CHUNK_SITES", 2)
    written = []
    monkeypatch.setattr(zarr_export, "_site_values", _noted(zarr_export._site_values, written))
    assert run(made.url, out) == 0
    assert 0 < len(written) < 3
    assert small_callset.contents(str(out)) == whole
    assert run(made.url, out, "-L", "chr1:1-10", "--fields", "GT") == 0  # fewer chunks than before
    assert set(small_callset.contents(str(out))) < set(whole)


def _killed_in(function: Any, chunk: int) -> Any:
    made = []

    def killed(*arguments: Any) -> Any:
        made.append(1)
        if len(made) == chunk:
            raise storage.StoreFailed("x", "killed", "again")
        return function(*arguments)

    return killed


def _noted(function: Any, calls: list[int]) -> Any:
    def noted(*arguments: Any) -> Any:
        calls.append(1)
        return function(*arguments)

    return noted


@pytest.mark.parametrize("words", [["--local-alleles"], ["--refined"], ["--vcf-version", "4.5"]])
def test_what_it_has_no_place_for_is_refused(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = diploid(f"{tmp_path}/callset")
    assert run(made.url, tmp_path / "o.vcz", *words) == 5
    assert f"{words[0]} is for VCF and BCF" in capsys.readouterr().err


def test_three_alleles_of_a_person_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = wild_callset.write(f"{tmp_path}/callset", 1)
    assert run(made.url, tmp_path / "o.vcz") == 3
    assert "more than 2 alleles" in capsys.readouterr().err


def test_no_sites_and_some_samples(tmp_path: Path) -> None:
    made, out = diploid(f"{tmp_path}/callset"), tmp_path / "o.vcz"
    assert run(made.url, out, "-L", "chr1:2,000-3,000") == 0
    assert read(out, "variant_position").tolist() == []
    assert run(made.url, out, "--samples", "bob,ann") == 0
    assert read(out, "sample_id").tolist() == ["bob", "ann"]
    wanted = made.to_numpy(samples=["bob", "ann"])
    assert np.array_equal(read(out, "call_AD"), wanted["call_AD"])
    assert np.array_equal(read(out, "variant_AC"), made.of_samples(["bob", "ann"]).to_numpy()["variant_AC"])


def test_more_alleles_make_chunks_of_fewer_samples() -> None:
    description = make.description({"b": tuple(f"s{n}" for n in range(20_000))}, (Contig("chr1", 9),))
    sizes = []
    for alleles in (2, 7, 60):
        plan = zarr_plan.ZarrPlan(
            description=description, fields=callset.ALL_FIELDS, filters=(), sites=9, alleles=alleles
        )
        sizes.append(plan.chunk_samples)
    assert sizes == [10_000, 2396, 36]
    assert zarr_plan.chunk_groups({}, 3) == []


@pytest.mark.skipif(not VCZTOOLS, reason="vcztools is not installed")
def test_vcztools_says_what_the_vcf_says(tmp_path: Path, small_chunks: None) -> None:
    made = diploid(f"{tmp_path}/callset", missing=0.1)
    assert run(made.url, tmp_path / "o.vcz") == 0
    assert run(made.url, tmp_path / "o.vcf.gz") == 0
    words = [str(VCZTOOLS), "view", "-H", "-r", "chr1:1-950", f"{tmp_path}/o.vcz"]
    ours = subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()
    words = ["bcftools", "view", "-H", "-r", "chr1:1-950", f"{tmp_path}/o.vcf.gz"]
    wanted = subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()
    assert [line.split("\t")[:5] for line in ours] == [line.split("\t")[:5] for line in wanted]
    for mine, theirs in zip(ours, wanted, strict=True):
        assert [_values(cell) for cell in mine.split("\t")[9:]] == [_values(cell) for cell in theirs.split("\t")[9:]]


def _values(cell: str) -> list[str]:
    return [value for value in cell.split(":") if value not in (".", "")]
