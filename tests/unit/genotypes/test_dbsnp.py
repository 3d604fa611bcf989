"""Which known records name which sites, as GATK 4.6.2.0 does it (each case was seen in a run of it)."""

import pyarrow as pa
import pytest

from genocloud import annotations
from genocloud.genotypes import with_names


def site(pos, ref, alts, name=None):
    values = {"contig": "chr1", "pos": pos, "ref": ref, "alts": alts.split(",") if alts else [], "id": name}
    columns = [pa.array([values.get(field.name)], field.type) for field in annotations.SITES]
    return pa.table(columns, annotations.SITES)


def known(pos, name, ref, alts):
    return pos, name, ref, tuple(alts.split(","))


@pytest.mark.parametrize(
    ("ref", "alts", "records", "named"),
    [
        ("T", "C", [known(9, "rs1", "T", "C")], "rs1"),
        ("C", "G", [known(9, "rs1", "C", "A")], None),
        ("C", "G,A", [known(9, "rs1", "C", "G,T"), known(9, "rs2", "C", "A")], "rs1;rs2"),
        ("TGCT", "T", [known(9, "rs1", "TGCT", "T"), known(9, "rs2", "TGC", "T")], "rs1"),
        ("TGTA", "T,CGTA", [known(9, "rs1", "TGTA", "T"), known(9, "rs2", "T", "C")], "rs1;rs2"),
        ("A", "ATT", [known(9, "rs1", "A", "ATT"), known(9, "rs2", "AG", "ATTG")], "rs1;rs2"),
        ("TTCATC", "T,TATC", [known(9, "rs1", "TTC", "T"), known(9, "rs2", "TTCATC", "T,TT")], "rs1;rs2"),
        ("G", "*,C", [known(9, "rs1", "G", "C"), known(9, "rs2", "G", "<DEL>")], "rs1"),
        ("G", "C", [known(9, "rs1;rs2", "G", "C"), known(9, "rs3", "GA", "CA")], "rs1;rs2;rs3"),
        ("G", "", [known(9, "rs1", "G", "C")], None),
        ("G", "C", [known(10, "rs1", "G", "C")], None),
    ],
)
def test_names(ref, alts, records, named):
    (row,) = with_names(site(9, ref, alts), records).to_pylist()
    assert (row["id"], row["DB"]) == (named, True if named else None)


def test_a_known_record_without_a_name_says_only_that_it_is_known():
    (row,) = with_names(site(9, "G", "C"), [known(9, ".", "G", "C")]).to_pylist()
    assert (row["id"], row["DB"]) == (None, True)


def test_a_site_keeps_its_own_name():
    for own, whole in (("x1", "x1;rs1"), ("rs1", "rs1"), ("rs12", "rs12")):
        (row,) = with_names(site(9, "G", "C", own), [known(9, "rs1", "G", "C")]).to_pylist()
        assert row["id"] == whole
