"""genocloud gnomad-table: each field of gnomAD's list, beside what the callset's other commands say."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import genocloud
from genocloud import sealing
from genocloud.cli import main
from tests.support.gnomad_fields import OPTIONAL_ROWS, REQUIRED_GLOBALS, REQUIRED_ROWS


@pytest.fixture
def labels(made, tmp_path):
    samples = genocloud.open_callset(made.callset).samples
    rows = [
        f"{sample}\t{'male' if place % 3 else 'XX'}\t{'afr' if place % 2 else 'eur'}\t{28 + 9 * place}"
        for place, sample in enumerate(samples)
    ]
    (tmp_path / "labels.tsv").write_text("\n".join(["sample\tsex\tgen_anc\tage", *rows]) + "\n")
    return tmp_path / "labels.tsv"


def run(made, out, *words: str) -> int:
    return main(["gnomad-table", str(made.callset), str(out), "--scatter", "inline", "--quiet", *words])


@pytest.fixture
def table(made, labels, tmp_path) -> pa.Table:
    assert run(made, tmp_path / "gnomad.parquet", "--labels", str(labels)) == 0
    return pq.read_table(tmp_path / "gnomad.parquet")


TYPES = {"string": "str", "float": "float32", "double": "float64", "int32": "int32", "int64": "int64", "bool": "bool"}


def leaves(type_: pa.DataType, name: str) -> dict[str, str]:
    """Fields without fields of their own, by gnomAD's names and Hail's types; those of an array of structs too."""
    if pa.types.is_struct(type_) and name != "locus":
        return {key: kind for field in type_ for key, kind in leaves(field.type, f"{name}.{field.name}").items()}
    if pa.types.is_list(type_) and pa.types.is_struct(type_.value_type):
        return leaves(type_.value_type, name)
    if pa.types.is_list(type_):
        return {name: f"{'set' if name == 'filters' else 'array'}<{TYPES[str(type_.value_type)]}>"}
    return {name: "locus<GRCh38>" if name == "locus" else TYPES[str(type_)]}


def test_fields_and_types_are_those_of_gnomads_list(table):
    fields = {key: kind for field in table.schema for key, kind in leaves(field.type, field.name).items()}
    assert fields == REQUIRED_ROWS | OPTIONAL_ROWS
    assert table.schema.field("locus").type.names == ["contig", "position"]
    values = json.loads(table.schema.metadata[b"gnomad_globals"])
    assert set(values) | {"date"} == REQUIRED_GLOBALS | {"freq_index_dict"}  # the date is the day's that Hail reads it
    assert set(values["age_distribution"]) == {"bin_edges", "bin_freq", "n_smaller", "n_larger"}


def of_pos(made, columns: list[str]) -> dict[tuple[str, int], dict]:
    sites = genocloud.open_callset(made.callset).sites(columns=["contig", "pos", "alts", *columns]).to_pylist()
    return {(row["contig"], row["pos"]): row for row in sites}


def test_frequencies_are_those_of_the_other_command(made, labels, table, tmp_path):
    by = ["--labels", str(labels), "--by", "gen_anc"]
    assert main(["frequencies", str(made.callset), f"{tmp_path}/f.parquet", "--scatter", "inline", "--quiet", *by]) == 0
    with (tmp_path / "f.parquet").open("rb") as stream:
        plain = [row for row in sealing.reader(stream).read().to_pylist() if row["alt"] != "*"]
    values = json.loads(table.schema.metadata[b"gnomad_globals"])
    samples = genocloud.open_callset(made.callset).samples
    place, counts = values["freq_index_dict"], values["freq_meta_sample_count"]
    keys = [
        "adj",
        "raw",
        "afr_adj",
        "eur_adj",
        "XX_adj",
        "XY_adj",
        "afr_XX_adj",
        "afr_XY_adj",
        "eur_XX_adj",
        "eur_XY_adj",
    ]
    assert list(place) == keys
    assert values["freq_meta"][:2] == [{"group": "adj"}, {"group": "raw"}]
    assert values["freq_meta"][place["afr_XX_adj"]] == {"gen_anc": "afr", "sex": "XX", "group": "adj"}
    assert counts[:2] == [len(samples)] * 2
    assert counts[2] + counts[3] == counts[4] + counts[5] == sum(counts[6:]) == len(samples)
    ends = {"adj": "_adj", "raw": "", "afr_adj": "_afr_adj", "eur_adj": "_eur_adj"}
    assert len(plain) == len(table)
    for ours, row in zip(table.to_pylist(), plain, strict=True):
        for key, end in ends.items():
            expected = (row[f"AC{end}"], row[f"AF{end}"], row[f"AN{end}"], row[f"nhomalt{end}"])
            assert tuple(ours["freq"][place[key]].values()) == expected
        for name in ("AC", "AN", "homozygote_count"):
            by_sex = [ours["freq"][place[key]][name] for key in ("XX_adj", "XY_adj")]
            assert sum(by_sex) == ours["freq"][0][name]
            both = [ours["freq"][place[key]][name] for key in keys[6:]]
            assert sum(both) == ours["freq"][0][name]


def test_each_alt_but_spanning_deletions_has_a_row(made, table):
    sites = of_pos(made, [])
    expected = [
        (*place, len(row["alts"]) > 1, n)
        for place, row in sites.items()
        for n, alt in enumerate(row["alts"], 1)
        if alt != "*"
    ]
    assert [
        (row["locus"]["contig"], row["locus"]["position"], row["was_split"], row["a_index"])
        for row in table.to_pylist()
    ] == expected
    for row in table.to_pylist():
        ref, alt = row["alleles"]
        assert min(len(ref), len(alt)) == 1 or (ref[0] != alt[0] and ref[-1] != alt[-1])


def test_annotations_are_those_of_the_sites(made, table):
    names = ["FS", "MQ", "MQRankSum", "ReadPosRankSum", "SOR"]
    sites = of_pos(made, names)
    for row in table.to_pylist():
        site, info = sites[row["locus"]["contig"], row["locus"]["position"]], row["info"]
        assert {name: info[name] for name in names} == {name: site[name] for name in names}
        if not row["was_split"]:
            assert {name: info[f"AS_{name}"] for name in names} == {name: site[name] for name in names}
            assert info["AS_SB_TABLE"] == info["SB"]
        for prefix in ("", "AS_"):
            depth = info[f"{prefix}VarDP"]
            assert info[f"{prefix}QD"] == pytest.approx(info[f"{prefix}QUALapprox"] / depth if depth else 0, rel=1e-6)
        for name in ("MQRankSum", "ReadPosRankSum"):
            items = sorted(info[f"{name}_cdf"]["items"])
            median = items[len(items) // 2] if items else None
            assert median == (info[name] and pytest.approx(info[name], abs=1e-6))
            assert info[f"{name}_cdf"]["levels"] == [0, len(items)]
        assert len(info["SB"]) == len(info["AS_SB_TABLE"] or [0] * 4) == 4
        hets = row["freq"][1]["AC"] - 2 * row["freq"][1]["homozygote_count"]
        assert info["AS_pab_max"] is None or (hets and 0 < info["AS_pab_max"] <= 1)


def total(histogram: dict) -> int:
    return sum(histogram["bin_freq"]) + histogram["n_smaller"] + histogram["n_larger"]


def test_histograms_have_gnomads_bins_and_count_everybody(made, labels, table):
    people = len(genocloud.open_callset(made.callset).samples)
    quality, balance = [5.0 * n for n in range(21)], [n / 20 for n in range(21)]
    for row in table.to_pylist():
        made_of = row["histograms"]
        for name, histogram in [*made_of["qual_hists"].items(), *made_of["raw_qual_hists"].items()]:
            assert histogram["bin_edges"] == (balance if name == "ab_hist_alt" else quality)
            assert len(histogram["bin_freq"]) == 20
            assert total(histogram) <= people
        adj, raw = made_of["qual_hists"], made_of["raw_qual_hists"]
        for name, histogram in adj.items():
            assert all(a <= b for a, b in zip(histogram["bin_freq"], raw[name]["bin_freq"], strict=True))
        assert sum(adj["gq_hist_all"]["bin_freq"][:4]) == 0  # adj is GQ 20 and more
        carriers = row["freq"][0]["AC"] - row["freq"][0]["homozygote_count"]
        assert total(adj["gq_hist_alt"]) == total(adj["dp_hist_alt"]) == carriers
        ages = made_of["age_hists"]
        assert all(each["bin_edges"] == [30.0 + 5 * n for n in range(11)] for each in ages.values())
        assert total(ages["age_hist_het"]) + total(ages["age_hist_hom"]) == carriers
        assert total(adj["ab_hist_alt"]) == total(ages["age_hist_het"])


def test_python_writes_what_the_command_writes_and_small_groups_go(made, labels, tmp_path):
    ours, theirs = tmp_path / "ours.parquet", tmp_path / "theirs.parquet"
    receipt = genocloud.gnomad_table(made.callset, ours, labels=labels, min_people=4, exclude_samples="p07", threads=1)
    words = ["--labels", str(labels), "--min-people", "4", "--exclude-samples", "p07"]
    assert run(made, theirs, *words) == 0
    assert ours.read_bytes() == theirs.read_bytes()
    assert receipt.balance["taken"] == receipt.balance["kept"] + sum(receipt.balance["dropped"].values())
    assert receipt.figures["folded"]
    assert all(people >= 4 for people in receipt.figures["groups"].values())
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "labels.tsv",
        "ours.parquet",
        "theirs.parquet",
    ]


def test_names_and_labels_that_will_not_do_are_refused(made, tmp_path, capsys):
    assert run(made, tmp_path / "t.vcf.gz") == 5
    assert "gnomAD's table is written as .parquet" in capsys.readouterr().err
    (tmp_path / "labels.tsv").write_text("name\tsex\nann\tF\n")
    assert run(made, tmp_path / "t.parquet", "--labels", f"{tmp_path}/labels.tsv") == 3
    assert "no column `sample`" in capsys.readouterr().err
    assert not (tmp_path / "t.parquet").exists()
