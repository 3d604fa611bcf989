"""Models: trained as GATK's script does, stored, and applied."""

import logging
import sys
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from genocloud import annotations, schema
from genocloud.errors import PackageMissing
from genocloud.filters import vets
from genocloud.filters.vets.forest import grow
from tests.support import callset_tables as make

GOLD = vets.Resource.parse("gold,training=true,calibration=true", "gold.vcf.gz")


@pytest.mark.parametrize(("rows", "columns"), [(2, 1), (3, 4), (100, 6), (256, 2), (1000, 6)])
def test_scores_are_scikit_learns_to_the_last_bit(rows: int, columns: int) -> None:
    """The pipeline of isolation-forest.py."""
    from sklearn.ensemble import IsolationForest
    from sklearn.impute import SimpleImputer

    random = np.random.default_rng(rows)
    values, others = (np.round(random.normal(size=(n, columns)), 2) for n in (rows, 500))
    values[1:][random.random((rows - 1, columns)) < 0.2] = np.nan
    others[random.random(others.shape) < 0.2] = np.nan
    imputer = SimpleImputer(strategy="median")
    model = IsolationForest(random_state=0).fit(imputer.fit_transform(values))
    assert grow(values).scores(others).tolist() == model.score_samples(imputer.transform(others)).tolist()


def sites(seed: int = 1, count: int = 300) -> pa.Table:
    return make.as_table(make.site_rows(Random(seed), "chr1", range(1, count), 0.1), annotations.SITES)


def labels_of(table: pa.Table, by_allele: bool) -> pa.Array:
    """Every second site is known."""
    rows = zip(*(table[name].to_pylist() for name in ("pos", "ref", "alts")), strict=True)
    known = [(pos, ".", ref, tuple(alts)) for pos, ref, alts in rows if pos % 2]
    return vets.label_alleles(table, [(GOLD, known)], by_allele)


@pytest.mark.parametrize("names", [vets.ALLELE_ANNOTATIONS, vets.SITE_ANNOTATIONS])
def test_a_stored_model_scores_alike_and_shards_do_not_matter(names: tuple[str, ...]) -> None:
    names, table = vets.annotation_names(names), sites()
    by_allele = vets.is_by_allele(names)
    rows = vets.labelled_rows(table, labels_of(table, by_allele), names)
    parts = [table.slice(0, 100), table.slice(100)]
    cut = pa.concat_tables([vets.labelled_rows(part, labels_of(part, by_allele), names) for part in parts])
    assert rows.to_pydict().__repr__() == cut.to_pydict().__repr__()
    model = vets.train(rows, names)
    again = vets.TrainedModel.of_table(model.table())
    assert model.table().equals(again.table())
    whole = vets.score(table, model)
    assert whole.equals(pa.concat_tables([vets.score(part, again) for part in parts]))
    assert whole.equals(vets.score(pa.concat_tables(parts), model))  # in two chunks
    for row, scored in zip(table.to_pylist(), whole.to_pylist(), strict=True):
        judged = [not row["filter"] and not (by_allele and alt == "*") for alt in row["alts"]]
        assert [each is not None for each in scored["SCORE"]] == judged
        assert [each is not None for each in scored["CALIBRATION_SENSITIVITY"]] == judged
        assert by_allele or len(set(scored["SCORE"])) == 1


def test_a_type_without_a_model_has_no_scores() -> None:
    names, table = vets.annotation_names(["AS_QD"]), sites()
    model = vets.train(vets.labelled_rows(table, labels_of(table, True), names), names, [vets.SNP])
    scored = vets.score(table, model)
    alts = [(row["ref"], alt, row["filter"]) for row in table.to_pylist() for alt in row["alts"]]
    judged = [len(ref) == len(alt) and alt != "*" and not filters for ref, alt, filters in alts]
    assert [each is not None for row in scored["SCORE"].to_pylist() for each in row] == judged
    assert vets.best_alleles(scored).tolist() == [
        max((score, -n) for n, score in enumerate(row) if score is not None)[1] * -1 if any(row) else -1
        for row in scored["SCORE"].to_pylist()
    ]


@pytest.mark.parametrize("names", [["AS_QD", "AS_SOR"], ["QD"]])
def test_nothing_to_judge(names: list[str]) -> None:
    """No sites; sites without ALTs; sites that are all filtered; `*` alone."""
    model = vets.train(rows_of([[1.0] * len(names), [2.0] * len(names)]), names, [vets.SNP])
    place = {"contig": "chr1", "pos": 1, "ref": "A"}
    some = make.as_table(
        [place | {"alts": []}, place | {"alts": ["C"], "filter": "LowQual;ExcessHet"}], annotations.SITES
    )
    for table, lists in ((some.slice(0, 0), []), (some, [[], [None]])):
        scored = vets.score(table, model)
        assert scored.schema == schema.ALLELE_SCORES
        assert [scored[name].to_pylist() for name in scored.column_names] == [lists] * 3
        assert vets.best_alleles(scored).tolist() == [-1] * len(lists)
        labels = pa.array([["training"] * len(each) for each in lists], schema.STRINGS)
        assert len(vets.labelled_rows(table, labels, names)) == 0
    with pytest.raises(vets.TooFewRows):
        vets.train(schema.LABELLED_ROWS.empty_table(), names)
    star = vets.score(make.as_table([place | {"alts": ["*"], "filter": "PASS"}], annotations.SITES), model)
    assert (star["SCORE"].to_pylist() == [[None]]) == vets.is_by_allele(names)


def rows_of(values: list[list[float]], **columns: Any) -> pa.Table:
    flags = {"snp": True, "training": True, "calibration": False} | columns
    return pa.Table.from_pylist([flags | {"values": each} for each in values], schema.LABELLED_ROWS)


def test_models_without_rows_or_values_are_refused() -> None:
    rows = rows_of([[1.0, np.nan], [2.0, np.nan]])
    with pytest.raises(vets.NoValues, match="SNP model: none of the training variants has QD"):
        vets.train(rows, ("FS", "QD"), [vets.SNP])
    with pytest.raises(vets.TooFewRows, match="INDEL model: 0 training variants"):
        vets.train(rows, ("FS", "QD"), [vets.INDEL])
    with pytest.raises(vets.TooFewRows, match="SNP model: 1 training variants"):
        vets.train(rows.slice(1), ("FS", "QD"), [vets.SNP])


def test_what_decides_nothing_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        model = vets.train(rows_of([[1.0, 3.0], [2.0, 3.0]]), ("FS", "QD"), [vets.SNP])
    assert "the same QD" in caplog.text
    assert "no variant is labelled calibration=true" in caplog.text
    scored = vets.score(sites(), vets.TrainedModel.of_table(model.table()))
    assert scored["CALIBRATION_SENSITIVITY"].combine_chunks().flatten().null_count == len(
        scored["SCORE"].combine_chunks().flatten()
    )


def test_without_scikit_learn_the_remedy_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(PackageMissing, match=r"scikit-learn is not installed; pip install 'genocloud\[filters\]'"):
        vets.train(rows_of([[1.0], [2.0]]), ("QD",), [vets.SNP])
