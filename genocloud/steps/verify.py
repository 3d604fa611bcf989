"""verify: read a cohort, a callset or a gVCF completely and compare it with its checksums and receipts."""

from collections.abc import Sequence

from genocloud import cohort, gvcf, storage
from genocloud.callset import DamagedFile, NoCallset, open_callset
from genocloud.cohort.manifest import lost_versions
from genocloud.cohort.verifying import Checked, Damage
from genocloud.errors import MANY, StoreError
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.pipeline.store_verification import check_callset, check_cohort
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress


class Damaged(StoreError):
    """Objects of a store that differ from what was written; `damage` lists all of them."""

    def __init__(self, url: str, damage: Sequence[Damage], checked: int) -> None:
        self.url, self.damage = url, tuple(damage)
        examples = "; ".join(f"{each.url}: {each.problem}" for each in self.damage[:MANY])
        more = "; ..." if len(self.damage) > MANY else ""
        super().__init__(
            f"{url}: {len(self.damage):,} of {checked:,} objects are damaged: {examples}{more}; restore them, "
            "or make them again"
        )


def verify(url: str, *, scatter: Scatter, progress: Progress) -> Receipt:
    """Check what is at a URL; the balance is in objects. Raises Damaged, or the InputError of a bad gVCF."""
    with receipt_of("verify") as receipt:
        checked = _look(url, scatter, progress)
        if checked.damage:
            raise Damaged(url, checked.damage, checked.objects)
        receipt.figures = {"bytes": checked.bytes, "rows": checked.rows}
        receipt.balanced("objects", checked.objects, checked.objects, {})
    return receipt


def _look(url: str, scatter: Scatter, progress: Progress) -> Checked:
    try:
        return check_callset(open_callset(url), scatter, progress)
    except NoCallset:
        pass
    except DamagedFile as error:
        return Checked(objects=1, damage=(Damage(error.url, error.problem),))
    store = storage.open_store(url)
    is_cohort = cohort.versions(store) or lost_versions(store)
    return check_cohort(store, scatter, progress) if is_cohort else _gvcf(url)


def _gvcf(url: str) -> Checked:
    """Read every record, and decode those of the first sample."""
    header = gvcf.read_header(url)
    rows = sum(rows.read for rows in gvcf.read_rows(url, header.contigs, header.samples[0]))
    with storage.open_file(url) as file:
        return Checked(objects=1, bytes=file.seek(0, 2), rows=rows)
