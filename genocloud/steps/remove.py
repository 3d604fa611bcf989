"""remove: remove samples from a cohort's next version; their rows stay for earlier versions."""

from collections.abc import Sequence

from genocloud import cohort, storage
from genocloud.pipeline.cached_tables import cohort_inputs
from genocloud.pipeline.receipts import Receipt, receipt_of


def remove(cohort_url: str, names: Sequence[str]) -> Receipt:
    """Make samples inactive; the balance is in samples. Raises NotInForce or StoreError.

    It is not for withdrawn consent: `erase` is.
    """
    with receipt_of("remove") as receipt:
        before = cohort.open_cohort(cohort_url)
        now = cohort.remove(storage.open_store(cohort_url), frozenset(names))
        receipt.inputs = cohort_inputs(before)
        receipt.figures = {"cohort_version": now.version, "samples": len(now.samples)}
        receipt.balanced("samples", len(set(names)) + len(now.samples), len(now.samples), {"removed": len(set(names))})
    return receipt
