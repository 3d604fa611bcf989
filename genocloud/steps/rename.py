"""rename: samples go by other names from a cohort's next version on; nothing is computed again."""

from collections.abc import Mapping

from genocloud import cohort, objects
from genocloud.errors import InputError
from genocloud.samples.sheet import BAD_IN_NAME
from genocloud.steps.receipts import Receipt, receipt_of
from genocloud.steps.shards import cohort_inputs


class BadName(InputError):
    """A name that no sample can have."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"{name!r} cannot name a sample; use letters, digits, `_`, and `-` or `.` after the first character"
        )


def rename(cohort_url: str, names: Mapping[str, str]) -> Receipt:
    """Give samples new names (by old name), all at once; the balance is in samples.

    Raises BadName, NotInForce, NameTaken or StoreError.
    """
    with receipt_of("rename") as receipt:
        for name in names.values():
            if not name or BAD_IN_NAME.search(name):
                raise BadName(name)
        opened = cohort.open_cohort(cohort_url)
        now = cohort.rename(objects.open_store(cohort_url), names)
        receipt.inputs = cohort_inputs(opened)
        receipt.figures = {"cohort_version": now.version, "renamed": len(names)}
        receipt.balanced("samples", len(now.samples), len(now.samples), {})
    return receipt
