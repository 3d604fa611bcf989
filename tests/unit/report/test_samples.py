"""All samples' numbers as TSV and JSON: the same, with nothing for what cannot be computed."""

import csv
import io
import json

from genocloud.report.people import people_of
from genocloud.report.samples import COLUMNS, sample_rows, samples_json, samples_tsv
from genocloud.report.statistics import Statistics


def test_both_tables_say_the_same() -> None:
    counted = Statistics.empty(["ann", "bob", "山田"])
    counted.sample_counts[0] = [100, 600, 200, 90, 5, 5, 27_000, 900, 45_000, 900]
    counted.sample_counts[1] = [600, 300, 100, 0, 0, 0, 0, 0, 0, 0]
    rows = sample_rows(counted, people_of(counted))
    assert json.loads(samples_json(rows)) == rows
    read = list(csv.DictReader(io.StringIO(samples_tsv(rows)), delimiter="\t"))
    assert [tuple(row) for row in read] == [COLUMNS] * 3
    assert read[0] == {
        "sample": "ann", "call_rate": "0.9", "missing": "100", "hom_ref": "600", "het": "200", "hom_alt": "90",
        "haploid_ref": "5", "haploid_alt": "5", "het_hom": "2.222222", "mean_dp": "30.0", "mean_gq": "50.0",
        "flags": "",
    }  # fmt: skip
    assert (read[1]["het_hom"], read[1]["mean_dp"]) == ("", "")
    assert rows[1]["flags"] == ["call rate 40.00% (median 65.00%)"]
    assert read[1]["flags"] == "call rate 40.00% (median 65.00%)"
