"""Expressions over sites: bcftools decides what they say; those that cannot be read are named."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pysam.bcftools
import pytest

from genocloud import callset
from genocloud.filters import AlleleValues, BadExpression, Expression
from tests.support import small_callset

COLUMNS = {
    "QD": np.array([1.0, 3.0, np.nan]),
    "QUAL": np.array([10.0, 50.0, 30.0]),
    "TYPE": np.array(["snp", "indel", "snp"], object),
    "ID": np.array(["rs1", "", ""], object),
    "DB": np.array([1.0, 0.0, 0.0]),
}


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("QD < 2", [1, 0, 0]),
        ("INFO/QD<2 || QUAL>=50", [1, 1, 0]),
        ("QD<2|QUAL>=50", [1, 1, 0]),
        ("!(QD < 2)", [0, 1, 1]),
        ('TYPE="snp" && QUAL > 20', [0, 0, 1]),
        ("TYPE='snp' & QUAL > 20", [0, 0, 1]),
        ('TYPE != "snp"', [0, 1, 0]),
        ('QD = "."', [0, 0, 1]),
        ('QD != "."', [1, 1, 0]),
        ('ID == "."', [0, 1, 1]),
        ("QD != 1", [0, 1, 1]),
        ("DB", [1, 0, 0]),
        ("!DB && QUAL < 40", [0, 0, 1]),
        ("(QUAL - 10) * 2 >= QD / 0.1", [0, 1, 0]),
        ("-QUAL < -2.5e1", [0, 1, 1]),
        ("QUAL / 0 > 1", [1, 1, 1]),
        ("1 < 2", [1, 1, 1]),
    ],
)
def test_each_allele_is_judged(text, truth):
    assert Expression(text).holds(COLUMNS).astype(int).tolist() == truth


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("QD <", "cannot be read"),
        ("", "cannot be read"),
        ("QD[0] < 1", "from '[0] < 1' on"),
        ("1 < QD < 3", "two sides"),
        ("QD + 1", "compares values"),
        ("QD < (QUAL > 1)", "two sides"),
        ("3", "compares values"),
        ("max(QD) < 3", "compares values"),
        ('"a" + 1 < 2', "computes with a text"),
        ('QD < "x"', "a text with a number"),
        ("QDD < 2", "no QDD; did you mean QD?"),
        ("(" * 500 + "QD < 1" + ")" * 500, "cannot be read"),
    ],
)
def test_what_cannot_be_judged_is_named(text, problem):
    with pytest.raises(BadExpression, match="expression") as error:
        Expression(text).holds(COLUMNS)
    assert problem in str(error.value)


NAMES = ["QUAL", "AN", "INFO/DP", "FS", "SOR", "INFO/QD", "MQ", "ReadPosRankSum", "N_ALT"]


def comparison(chance: random.Random) -> str:
    name, sign = chance.choice(NAMES), chance.choice(["<", "<=", ">", ">=", "=", "!="])
    return f"{name}{sign}{chance.choice([0, 0.5, 1, 3, 10, 200, 1e6])}"


def condition(chance: random.Random, depth: int = 0) -> str:
    if depth == 3 or chance.random() < 0.3:
        return comparison(chance)
    parts = [condition(chance, depth + 1) for _ in range(2)]
    return f"({chance.choice(['&&', '||']).join(parts)})"


@pytest.mark.parametrize("seed", range(12))
def test_bcftools_takes_the_same_sites(tmp_path: Path, seed: int) -> None:
    """Over columns of sites; values are compared as the file has them."""
    made = small_callset.write(f"memory://{tmp_path}", seed=seed)
    file = str(tmp_path / "calls.vcf.gz")
    made = replace(made, shards=made.shards[1:])  # the first contig is too long for tabix
    callset.write_vcf(made, file)
    chance = random.Random(seed)
    sites = made.sites()
    with pysam.VariantFile(file) as records:
        printed = [dict(record.info) | {"QUAL": record.qual} for record in records]
    values = AlleleValues(sites)
    columns = {"N_ALT": values["N_ALT"][values.offsets[:-1]]}
    for name in ("QUAL", "AN", "DP", "FS", "SOR", "QD", "MQ", "ReadPosRankSum"):
        columns[name] = np.array([np.nan if one.get(name) is None else one[name] for one in printed], float)
    for _ in range(8):
        text = condition(chance)
        taken = pysam.bcftools.query("-f", "%POS\n", "-i", text, file)
        expected = sorted(map(int, taken.split()))
        assert sorted(sites["pos"].filter(pa.array(Expression(text).holds(columns))).to_pylist()) == expected, text
