"""Counts of the discovered ALTs by outcome: kept, or dropped for a reason."""

from collections import Counter

import numpy as np
import pyarrow.compute as pc

from genocloud import schema
from genocloud.genotypes import settling

KEPT = "kept"
TOO_MANY, UNLIKELY, SPURIOUS = "too many at the site", "not likely", "`*` of no emitted deletion"
"""Reasons to drop a single ALT; the other ALTs are dropped with their site, for its reason."""
_ONE_BY_ONE = {KEPT, *settling.REASONS.values()}
"""Outcomes of sites whose ALTs were judged one by one."""


def allele_outcomes(settled: schema.Settled) -> Counter[str]:
    """Count the ALTs of SETTLED that are KEPT and those dropped, by reason; the sum is all discovered ALTs."""
    reasons = pc.fill_null(settled["reason"].cast(schema.STRING).combine_chunks(), KEPT).dictionary_encode()
    reasons_, which = reasons.dictionary.to_pylist(), reasons.indices.to_numpy()
    judged = np.array([word in _ONE_BY_ONE for word in reasons_], bool)[which]
    seen, likely = np.asarray(pc.list_value_length(settled["alts"])), schema.numbers(settled["likely"])
    genotyped, spurious = np.maximum(schema.numbers(settled["genotyped"]), likely), schema.numbers(settled["spurious"])
    outcomes = Counter(
        {
            TOO_MANY: int((seen - genotyped)[judged].sum()),
            UNLIKELY: int((genotyped - likely)[judged].sum()),
            SPURIOUS: int(np.count_nonzero(spurious[judged])),
        }
    )
    rest = np.where(judged, likely - spurious, seen)
    together = np.bincount(which, rest, len(reasons_)).astype(np.int64)
    return outcomes + Counter(dict(zip(reasons_, together.tolist(), strict=True)))
