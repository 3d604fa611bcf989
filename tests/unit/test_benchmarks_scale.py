"""What the benchmark of large cohorts says of what it measured."""

import pytest

from genocloud.pipeline.receipts import Receipt
from tests.benchmarks.bench_scale import STEPS, Measured, lines, measure, ratios


def measured(people: int, seconds: float, size: int) -> Measured:
    receipts = {step: Receipt(step, cpu_seconds=seconds, figures={"genotypes": 5 * people}) for step in STEPS}
    receipts["genotype"].balanced("sites", 10, 10, {})
    stored = {"cohort": 3 * size, "callset/genotypes": size, "callset/sites": size}
    return Measured(people=people, receipts=receipts, bytes=stored, variants=20 * people, blocks=5 * people)


def test_a_genome_of_the_largest_cohort_is_set_against_one_of_the_smallest():
    text = ratios(measured(100, 1.0, 1000), measured(1000, 20.0, 30_000))
    assert "2.00 times the core-seconds" in text
    assert "3.00 times the callset's bytes" in text


def test_costs_are_those_of_a_genotype_and_of_a_genome():
    text = "\n".join(lines(measured(100, 1.0, 1000)))
    assert "a block covers 2.00 sites" in text
    assert "1000.0000 us a genotype" in text
    assert "2,000 bytes    2.0000 a genotype          20 a genome" in text


@pytest.mark.slow
def test_all_steps_are_measured_anew(tmp_path):
    first, second = (measure(30, 2_000, 20, tmp_path) for _ in range(2))
    assert first.sites == second.sites > 0
    assert first.bytes == second.bytes
    assert first.receipts.keys() == set(STEPS)
