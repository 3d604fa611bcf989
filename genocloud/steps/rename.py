"""rename: samples go by other names from a cohort's next version on; nothing is computed again."""

from collections.abc import Iterable, Mapping

from genocloud import cohort, objects
from genocloud.errors import InputError
from genocloud.samples.names import RULE, looks_of, problem_of
from genocloud.steps.receipts import Receipt, receipt_of
from genocloud.steps.shards import cohort_inputs


class BadName(InputError):
    """A name that no sample can have."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"{name!a} cannot name a sample: it {problem_of(name) or 'is empty'}; {RULE}")


class TwinInCohort(InputError):
    """A name that looks like that of somebody else in the cohort."""

    def __init__(self, cohort_url: str, name: str, twin: str) -> None:
        self.cohort_url, self.name, self.twin = cohort_url, name, twin
        super().__init__(
            f"{cohort_url}: sample name {name!a} differs from {twin!a}, which the cohort holds, only by case or by how "
            "letters are encoded; choose another name"
        )


def check_twins(cohort_url: str, new: Iterable[str], present: Iterable[str]) -> None:
    """Refuse new names that look like those of the cohort's other samples; raises TwinInCohort."""
    looks = {looks_of(name): name for name in present}
    for name in new:
        if looks.get(looks_of(name), name) != name:
            raise TwinInCohort(cohort_url, name, looks[looks_of(name)])


def rename(cohort_url: str, names: Mapping[str, str]) -> Receipt:
    """Give samples new names (by old name), all at once; the balance is in samples.

    Raises BadName, TwinInCohort, NotInForce, NameTaken or StoreError.
    """
    with receipt_of("rename") as receipt:
        for name in names.values():
            if not name or problem_of(name):
                raise BadName(name)
        opened = cohort.open_cohort(cohort_url)
        check_twins(cohort_url, names.values(), (name for name in opened.samples if name not in names))
        now = cohort.rename(objects.open_store(cohort_url), names)
        receipt.inputs = cohort_inputs(opened)
        receipt.figures = {"cohort_version": now.version, "renamed": len(names)}
        receipt.balanced("samples", len(now.samples), len(now.samples), {})
    return receipt
