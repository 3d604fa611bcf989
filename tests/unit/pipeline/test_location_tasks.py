"""What a location says of its records counts every active sample, and no other."""

from genocloud import cohort
from genocloud.pipeline.hybrid.location_tasks import record_balance
from genocloud.storage import open_store
from tests.support.stored_cohorts import one_batch, store_in

RECORDS = 6
"""Records of each sample of `one_batch`."""


def test_the_balance_has_the_records_of_every_active_sample(tmp_path):
    everybody = record_balance(one_batch(tmp_path, "cab"))
    assert (everybody["unit"], everybody["taken"]) == ("records", 3 * RECORDS)
    assert everybody["taken"] == everybody["kept"] + sum(everybody["dropped"].values())
    without = cohort.remove(open_store(store_in(tmp_path)), ["a"])
    assert record_balance(without)["taken"] == 2 * RECORDS
