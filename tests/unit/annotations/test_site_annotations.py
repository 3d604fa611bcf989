"""Annotations compute the columns that they declare; raw data of their own add up, are stored and are exchanged."""

import numpy as np
import pytest

from genocloud import annotations, genotypes, sites
from genocloud.genotypes import raw_annotations
from genocloud.kernels import raw_sums
from tests.support.called_genotypes import genotype_table
from tests.support.cohort_strategies import SAMPLES, WHOLE
from tests.support.joint_cohorts import CONTIGS, cohort
from tests.support.joint_path import batch_of


def site_data(count: int = 3) -> annotations.SiteData:
    """Sites of one ALT without any data."""
    return annotations.SiteData(
        qual=np.full(count, 50.0),
        sums={name: np.zeros((count, width), np.int64) for name, width in raw_annotations.sum_widths().items()},
        medians={name: np.full(count, np.nan) for name in annotations.MEDIANS},
        alt_offsets=np.arange(count + 1),
        allele_counts=np.zeros(2 * count, np.int64),
        mleac=np.zeros(count, np.int32),
        carried=np.zeros(count, bool),
        samples=10,
        settings=genotypes.Model(),
    )


@pytest.mark.parametrize("annotation", annotations.SITE_ANNOTATIONS, ids=lambda each: each.columns[0].name)
def test_an_annotation_computes_the_columns_that_it_declares(annotation):
    for count in (0, 3):
        columns = annotation.finalise(site_data(count))
        assert {name: column.type for name, column in columns.items()} == {
            column.name: column.type for column in annotation.columns
        }
        assert all(len(column) == count for column in columns.values())
        assert all(column.null_count == count for name, column in columns.items() if not name.startswith("MLEA"))


def test_columns_of_info_are_sorted_and_declared_once():
    names = [column.name for column in annotations.SITE_COLUMNS]
    info = [column.name for column in annotations.SITE_COLUMNS if column.vcf.startswith("INFO/")]
    assert len(set(names)) == len(names)
    assert info == sorted(info)
    every = (*annotations.SITE_ANNOTATIONS, *annotations.ALLELE_ANNOTATIONS)
    assert {column.name for each in every for column in each.columns} | {"DB", "FORCED", "NDA"} == set(info)


def test_sums_have_names_of_their_own():
    own = [annotation.sums[0] for annotation in annotations.SITE_ANNOTATIONS if annotation.sums]
    assert len({*own, *raw_sums.SUMS}) == len(own) + len(raw_sums.SUMS)


class DeepCarriers(annotations.Annotation):
    """Carriers with so much depth, and their depth."""

    sums = ("deep_carriers", 2)

    def count(self, calls):
        carries = np.array([(calls.gt[a:b] > 0).any() for a, b in zip(calls.gt_at, calls.gt_at[1:], strict=False)])
        deep = carries & (calls.dp >= 10)
        return np.stack([deep, np.where(deep, calls.dp, 0)], axis=1).astype(np.int64)


def called(members: list[list[int]]) -> tuple[list[genotypes.RawAnnotations], genotypes.BatchGenotypes, object]:
    """Raw annotations of each batch of a random cohort, the first batch's genotypes, and the emitted sites."""
    rows = list(cohort(3, SAMPLES).values())
    tables = [batch_of([rows[rank] for rank in batch]) for batch in members]
    ranks = [np.array(batch, np.int32) for batch in members]
    seen = [sites.observe(table[0], rank, WHOLE) for table, rank in zip(tables, ranks, strict=True)]
    alleles = sites.unify([each[0] for each in seen], [each[1] for each in seen])
    lines = [genotypes.align_rows(*table, rank, alleles) for table, rank in zip(tables, ranks, strict=True)]
    model = genotypes.Model(stand_call_conf=10.0, annotation_groups=("StandardAnnotation", "AS_StandardAnnotation"))
    estimates = genotypes.estimate([genotypes.summarise(each, alleles) for each in lines], alleles, model)
    settled = next(genotypes.settle([estimates], model))
    results = [
        genotypes.call(
            each,
            [f"s{rank}" for rank in batch],
            genotypes.emitted(settled),
            CONTIGS,
            genotypes.DefaultPloidies.everywhere(np.full(len(batch), 2, np.int8)),
            model=model,
        )
        for each, batch in zip(lines, members, strict=True)
    ]
    return [raw for _, raw in results], results[0][0], genotypes.emitted(settled)


def own(raw: genotypes.RawAnnotations):
    return raw_annotations.by_name(raw.totals, raw_annotations.sum_widths())["deep_carriers"]


def test_sums_of_an_annotations_own_add_up_are_stored_and_are_exchanged(monkeypatch):
    before = raw_annotations.layout()
    plain, _, _ = called([list(range(SAMPLES))])
    monkeypatch.setattr(raw_annotations, "SITE_ANNOTATIONS", (*annotations.SITE_ANNOTATIONS, DeepCarriers()))
    assert raw_annotations.layout() == (before[0] + 2, *before[1:], "deep_carriers")
    members = [list(range(4)), list(range(4, SAMPLES))]
    parts, _, emitted = called(members)
    (whole,), cells, _ = called([list(range(SAMPLES))])
    rows = genotype_table(cells).to_pylist()
    expected = [[0, 0] for _ in range(len(emitted))]
    for number, row in enumerate(rows):
        if row["GT"].strip("./|0") and (row["DP"] or 0) >= 10:
            expected[number // SAMPLES][0] += 1
            expected[number // SAMPLES][1] += row["DP"]
    assert own(whole).tolist() == expected
    assert sum(carriers for carriers, _ in expected) > 0
    assert (own(genotypes.add(parts)) == own(whole)).all()
    assert (whole.totals[:, : before[0]] == plain[0].totals).all()
    for part, batch in zip(parts, members, strict=True):
        ranks = np.array(batch, np.int32)
        stored = genotypes.shares_of(genotypes.shares_table(part, emitted, ranks), ranks)
        sent = genotypes.summed_of(genotypes.summed_table(part, emitted), len(batch))
        assert (stored.totals == part.totals).all()
        assert (sent.totals == part.totals).all()
