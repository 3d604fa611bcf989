"""OUT.vcz against the callset's arrays, and vcztools' reading of it against the VCF."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud import annotations, callset, schema, storage
from genocloud.callset import zarr_arrays, zarr_chunks, zarr_export, zarr_plan
from genocloud.cli import main
from genocloud.regions import Contig
from genocloud.storage.local import LocalStore
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


def diploid(
    url: str,
    seed: int = 1,
    missing: float = 0.3,
    batches: dict[str, tuple[str, ...]] = small_callset.BATCHES,
    positions: Sequence[Sequence[int]] = small_callset.POSITIONS,
) -> callset.Callset:
    """A callset whose genotypes have one or two alleles; those of a site do not depend on others, or later batches."""
    store, entries = storage.open_store(url), []
    for shard, places in zip(small_callset.SHARDS, positions, strict=True):
        contig, made = make.CONTIGS[shard.region.contig].name, []
        for pos in places:
            random = Random(f"{seed} {contig} {pos}")
            made.append(make.tables(random, contig, [pos], list(batches.values()), missing))
        nothing = annotations.SITES.empty_table(), [schema.GENOTYPES.empty_table() for _ in batches]
        rows = [(one, *own) for one, own in [nothing, *made]]
        sites, *tables = (pa.concat_tables(each) for each in zip(*rows, strict=True))
        shares = dict(zip(batches, map(_at_most_two, tables), strict=True))
        entries.append(callset.write_shard(store, shard, "key", sites.unify_dictionaries(), shares))
    return callset.commit(store, make.description(batches), entries)


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


GROWN = {**small_callset.BATCHES, "b3": ("dan", "eve")}


def times(out: Path) -> dict[str, int]:
    """When each chunk was written."""
    return {str(path.relative_to(out)): path.stat().st_mtime_ns for path in out.glob("*_*/[0-9]*")}


def figures(receipt: Path) -> dict[str, int]:
    values: dict[str, int] = json.loads(receipt.read_text())["figures"]
    return values


def test_samples_that_join_are_appended(tmp_path: Path, small_chunks: None) -> None:
    made, grown = diploid(f"{tmp_path}/callset"), diploid(f"{tmp_path}/grown", batches=GROWN)
    out, receipt = tmp_path / "o.vcz", tmp_path / "r.json"
    assert run(made.url, out) == 0
    before = times(out)
    assert run(grown.url, out, "--receipt", receipt) == 0
    after = times(out)
    stayed = {name for name in after if after[name] == before.get(name)}
    genotypes = {name for name in after if name.startswith("call_genotype/")}
    assert {f"call_genotype/{row}.0.0" for row in range(3)} == genotypes & stayed  # ann and bob
    assert len(genotypes) == 9
    assert figures(receipt)["bytes_kept"] == sum((out / name).stat().st_size for name in stayed)
    assert run(grown.url, tmp_path / "once.vcz") == 0
    assert small_callset.contents(str(out)) == small_callset.contents(f"{tmp_path}/once.vcz")
    assert run(made.url, out) == 0  # and back
    assert run(made.url, tmp_path / "small.vcz") == 0
    assert small_callset.contents(str(out)) == small_callset.contents(f"{tmp_path}/small.vcz")


def test_chunks_before_the_first_new_site_stay(tmp_path: Path, small_chunks: None) -> None:
    made = diploid(f"{tmp_path}/callset")
    grown = diploid(f"{tmp_path}/grown", positions=((5, 900, 1000), (1500,), (7, 49_999)))
    out = tmp_path / "o.vcz"
    assert run(made.url, out) == 0
    before = times(out)
    assert run(grown.url, out) == 0
    after = times(out)
    rows = {name.split("/")[1][0] for name in after if name.startswith("call_") and after[name] == before.get(name)}
    assert rows == {"0"}
    assert run(grown.url, tmp_path / "once.vcz") == 0
    assert small_callset.contents(str(out)) == small_callset.contents(f"{tmp_path}/once.vcz")


def test_chunks_of_fewer_samples_stay_if_they_are_not_far_too_small(tmp_path: Path) -> None:
    made, grown = diploid(f"{tmp_path}/callset"), diploid(f"{tmp_path}/grown", batches=GROWN)
    out = tmp_path / "o.vcz"
    assert run(made.url, out) == 0
    assert run(grown.url, out) == 0
    assert run(grown.url, tmp_path / "once.vcz") == 0
    chunks = [json.loads((tmp_path / name / "call_DP/.zarray").read_text())["chunks"] for name in ("o.vcz", "once.vcz")]
    assert chunks == [[5, 3], [5, 5]]
    for path in (tmp_path / "once.vcz").glob("*/.zarray"):
        assert np.array_equal(*(_bits(read(each, path.parent.name)) for each in (out, tmp_path / "once.vcz")))
    plans = [
        zarr_plan.ZarrPlan(
            description=make.description({"b": tuple(f"s{n}" for n in range(samples))}),
            fields=callset.ALL_FIELDS, filters=(), sites=9, alleles=2, held_samples=3,
        )
        for samples in (2, 29, 30)
    ]  # fmt: skip
    assert [plan.chunk_samples for plan in plans] == [2, 3, 30]


def _bits(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return values.view(np.uint32) if values.dtype == np.float32 else values


def test_filters_leave_the_genotypes_alone(tmp_path: Path) -> None:
    made, out = diploid(f"{tmp_path}/callset"), tmp_path / "o.vcz"
    assert run(made.url, out) == 0
    before = times(out)
    assert main(["filter", made.url, "-f", "low=QUAL < 1e9", "--quiet"]) == 0
    assert run(made.url, out) == 0
    after = times(out)
    changed = {name.split("/")[0] for name in after if after[name] != before.get(name)}
    assert "variant_filter" in changed
    assert not {name for name in changed if name.startswith("call_")}


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_a_killed_run_is_no_group_and_is_mended_by_the_next(
    share: float, tmp_path: Path, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, grown = diploid(f"{tmp_path}/callset"), diploid(f"{tmp_path}/grown", batches=GROWN)
    wanted, written = [], []
    for one in (made, grown):
        with monkeypatch.context() as patched:
            patched.setattr(LocalStore, "write", _killed(LocalStore.write, 1 << 30, written))
            assert run(one.url, tmp_path / "once.vcz") == 0
        wanted.append(small_callset.contents(f"{tmp_path}/once.vcz"))
    of_growth = len(written) - len(wanted[0])
    for number, one in enumerate((made, grown)):
        out = tmp_path / f"{number}.vcz"
        assert run(made.url, out) == 0
        with monkeypatch.context() as patched:
            patched.setattr(LocalStore, "write", _killed(LocalStore.write, int(share * of_growth), []))
            assert run(grown.url, out) != 0
        assert not (out / ".zgroup").exists()
        assert run(one.url, out) == 0
        assert small_callset.contents(str(out)) == wanted[number]


def _killed(write: Any, after: int, written: list[str]) -> Any:
    """`write` of stores, but that it fails after so many objects."""

    def killed(self: LocalStore, name: str, data: bytes) -> None:
        if len(written) >= after:
            raise storage.StoreFailed("x", "killed", "again")
        write(self, name, data)
        written.append(name)

    return killed


def test_a_killed_run_goes_on(tmp_path: Path, small_chunks: None, monkeypatch: pytest.MonkeyPatch) -> None:
    made, out = diploid(f"{tmp_path}/callset"), tmp_path / "o.vcz"
    with monkeypatch.context() as patched:
        patched.setattr(LocalStore, "write", _killed(LocalStore.write, 100, []))
        assert run(made.url, out, "--scatter", "threads:1") != 0
    before = times(out)
    assert run(made.url, out, "--receipt", tmp_path / "r.json") == 0
    after = times(out)
    rows = {name.split("/")[1].split(".")[0] for name in before if after[name] == before[name]}
    assert "0" in rows
    assert "2" not in rows
    assert figures(tmp_path / "r.json")["bytes_kept"] > 0
    assert run(made.url, out, "-L", "chr1:1-10", "--fields", "GT") == 0  # fewer chunks than before
    assert run(made.url, tmp_path / "few.vcz", "-L", "chr1:1-10", "--fields", "GT") == 0
    assert small_callset.contents(str(out)) == small_callset.contents(f"{tmp_path}/few.vcz")


def test_chunks_that_have_gone_are_said_and_mended(
    tmp_path: Path, small_chunks: None, capsys: pytest.CaptureFixture[str]
) -> None:
    made, out = diploid(f"{tmp_path}/callset"), tmp_path / "o.vcz"
    assert run(made.url, out) == 0
    whole = small_callset.contents(str(out))
    (out / "call_DP/1.0").unlink()
    assert run(made.url, out) == 4
    assert (
        "call_DP/1.0: 1 chunks that an earlier export wrote have gone; run the same export" in capsys.readouterr().err
    )
    assert not (out / ".zgroup").exists()
    note = out / ".chunks/0.json"
    note.write_text(note.read_text().replace("call_DP/0.0", "call_XX/0.0"))  # and a note that was changed
    assert run(made.url, out) == 0
    assert small_callset.contents(str(out)) == whole


@given(seed=st.integers(0, 1 << 30))
def test_cells_are_known_by_their_values_alone(seed: int) -> None:
    random = np.random.default_rng(seed)
    table = random.integers(-2, 4, (6, 2)), random.integers(0, 2, 6).astype(bool)
    words = zarr_arrays.Texts(random.integers(0, 3, 6).astype(np.int32), ["", "0|1", "."])
    floats = random.integers(0, 2, 6).astype(np.float32)
    columns = [*(values.astype(np.int32) if values.ndim == 2 else values for values in table), words, floats]
    cells = random.integers(0, 6, (3, 4)).astype(np.int32)
    digest = zarr_chunks.digest_of_cells(columns, cells)
    order = random.permutation(6)  # other numbers, dtypes, and more to fill up with
    wider = np.full((6, 4), -2, np.int16)
    wider[:, :2] = columns[0][order]
    others = [wider, columns[1][order], zarr_arrays.Texts(words.codes[order], words.words), floats[order]]
    assert zarr_chunks.digest_of_cells(others, np.argsort(order).astype(np.int32)[cells]) == digest
    changed = cells.copy()
    changed[tuple(random.integers(0, (3, 4)))] = random.integers(0, 6)
    same = np.array_equal(_plain(columns, cells), _plain(columns, changed))
    assert (zarr_chunks.digest_of_cells(columns, changed) == digest) is same


def _plain(columns: list[Any], cells: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """All values of all cells, as text."""
    plain = [
        each.codes[cells] if isinstance(each, zarr_arrays.Texts) else each[cells].reshape(cells.size, -1)
        for each in columns
    ]
    texts = [
        [[str(value) for value in np.ravel(row) if value != -2] for row in each.reshape(cells.size, -1)]
        for each in plain
    ]
    return np.array([repr(values) for values in zip(*texts, strict=True)])


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
    made, grown = diploid(f"{tmp_path}/callset", missing=0.1), diploid(f"{tmp_path}/grown", missing=0.1, batches=GROWN)
    assert run(made.url, tmp_path / "o.vcz") == 0
    assert run(grown.url, tmp_path / "o.vcz") == 0
    assert run(grown.url, tmp_path / "o.vcf.gz") == 0
    words = [str(VCZTOOLS), "view", "-H", "-r", "chr1:1-950", f"{tmp_path}/o.vcz"]
    ours = subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()
    words = ["bcftools", "view", "-H", "-r", "chr1:1-950", f"{tmp_path}/o.vcf.gz"]
    wanted = subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()
    assert [line.split("\t")[:5] for line in ours] == [line.split("\t")[:5] for line in wanted]
    for mine, theirs in zip(ours, wanted, strict=True):
        assert [_values(cell) for cell in mine.split("\t")[9:]] == [_values(cell) for cell in theirs.split("\t")[9:]]


def _values(cell: str) -> list[str]:
    return [value for value in cell.split(":") if value not in (".", "")]
