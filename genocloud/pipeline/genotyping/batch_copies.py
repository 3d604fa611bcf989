"""Copies of X, Y and MT that a cohort's samples have by their sexes, for models that read records by these."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, cast, get_args

import numpy as np

from genocloud.cohort import Batch, Cohort
from genocloud.genotypes import Model, SampleCopies
from genocloud.pipeline.preconditions import active_tallies
from genocloud.pipeline.sharding import Shard
from genocloud.reads.ploidy import Copies, Sex, SexContigs, copies
from genocloud.regions import Contig

log = logging.getLogger(__name__)

_USUAL = SexContigs()


def copies_in_batch(cohort: Cohort, batch: Batch, shard: Shard, model: Model) -> SampleCopies | None:
    """The copies that a batch's samples have along the shard's axis; None where records stay as they are."""
    if not model.rules.copies_by_sex:
        return None
    sexes = [_sex(tally.sex) for tally in cohort.receipt(batch).tallies]
    special = SexContigs.with_par_texts(model.par, cohort.contigs)
    by_sex = {sex: _copies_along(cohort, shard, sex, special) for sex in set(sexes)}
    starts = np.array(sorted(set().union(*by_sex.values())), np.int64)
    at_starts = {
        sex: np.array([*of.values()], np.int8)[np.searchsorted([*of], starts, side="right") - 1]
        for sex, of in by_sex.items()
    }
    of_samples = np.stack([at_starts[sex] for sex in sexes], axis=1)
    if (of_samples == 2).all():
        return None
    begins = np.append(True, (np.diff(of_samples, axis=0) != 0).any(axis=1))
    return SampleCopies(starts[begins], of_samples[begins])


def _copies_along(cohort: Cohort, shard: Shard, sex: str, special: SexContigs) -> dict[int, int]:
    """The copies that people of a sex have of the contigs of a shard, by where on the axis a stretch begins."""
    out: dict[int, int] = {}
    for contig, begin in zip(*cohort.layout.axis(shard.region.contig).starts(shard.region), strict=True):
        out[int(begin)] = 0
        out |= {int(begin) + each.start: each.ploidy for each in _copies(cohort.contigs[contig], sex, special)}
    return out


@lru_cache(1 << 14)
def _copies(contig: Contig, sex: str, special: SexContigs) -> Sequence[Copies]:
    return copies(contig, cast("Sex", sex), special)


def _sex(noted: str) -> str:
    """A sample's sex as its batch's receipt has it; an earlier genocloud noted none."""
    return noted or "unknown"


def sex_figures(sexes: Iterable[str], model: Model) -> dict[str, Any]:
    """A receipt's entry for a model that reads records by sex: how many samples have which."""
    counts = Counter(map(_sex, sexes))
    return {"sexes": {sex: counts[sex] for sex in get_args(Sex)}} if model.rules.copies_by_sex else {}


def cohort_sex_figures(cohort: Cohort, model: Model) -> dict[str, Any]:
    """`sex_figures` of a cohort; logs how many samples are of unknown sex where there are records on X."""
    sexes = Counter(_sex(tally.sex) for _, tally in active_tallies(cohort))
    if model.rules.copies_by_sex and sexes["unknown"] and _has_x(cohort):
        log.warning(
            "%s of %s samples are of unknown sex: their records on X stay diploid; to change that, give the sheet the "
            "column `sex`, and ingest these samples again (--replace)",
            f"{sexes['unknown']:,}",
            f"{sexes.total():,}",
        )
    return sex_figures(sexes.elements(), model)


def _has_x(cohort: Cohort) -> bool:
    x = {str(number) for number, contig in enumerate(cohort.contigs) if contig.name in _USUAL.x}
    return any(x & cohort.receipt(batch).ploidies.keys() for batch in cohort.batches)
