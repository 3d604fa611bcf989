"""rename: rename samples in a cohort's next version; nothing is computed again."""

from collections.abc import Mapping

from genocloud import cohort, storage
from genocloud.errors import InputError
from genocloud.pipeline.cached_tables import cohort_inputs
from genocloud.pipeline.preconditions import check_twins
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.samples.names import RULE, problem_of


class BadName(InputError):
    """A name that is not valid for a sample."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"{name!a} cannot name a sample: it {problem_of(name) or 'is empty'}; {RULE}")


def rename(cohort_url: str, names: Mapping[str, str]) -> Receipt:
    """Give samples new names (by old name), all at once; the balance is in samples.

    Raises BadName, TwinInCohort, NotInForce, NameTaken or StoreError.
    """
    with receipt_of("rename") as receipt:
        for name in names.values():
            if not name or problem_of(name):
                raise BadName(name)
        before = cohort.open_cohort(cohort_url)
        check_twins(cohort_url, names.values(), (name for name in before.samples if name not in names))
        now = cohort.rename(storage.open_store(cohort_url), names)
        receipt.inputs = cohort_inputs(before)
        receipt.figures = {"cohort_version": now.version, "renamed": len(names)}
        receipt.balanced("samples", len(now.samples), len(now.samples), {})
    return receipt
