"""What became of the alleles that were discovered: kept, or dropped for a reason."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.genotypes import settling

KEPT = "kept"
TOO_MANY, UNLIKELY, SPURIOUS = "too many at the site", "not likely", "`*` of no deletion that is put out"
"""Why one ALT is dropped; others are dropped with their site, for its reason."""
_ONE_BY_ONE = {KEPT, *settling.REASONS.values()}
"""What can be said of sites whose ALTs were judged one by one."""


def allele_fates(settled: pa.Table) -> Counter[str]:
    """How many ALTs of SETTLED are KEPT, and how many dropped by reason; together all that were discovered."""
    reasons = pc.fill_null(settled["reason"].cast(schema.STRING).combine_chunks(), KEPT).dictionary_encode()
    words, which = reasons.dictionary.to_pylist(), reasons.indices.to_numpy()
    judged = np.array([word in _ONE_BY_ONE for word in words], bool)[which]
    seen, likely = np.asarray(pc.list_value_length(settled["alts"])), schema.numbers(settled["likely"])
    genotyped, spurious = np.maximum(schema.numbers(settled["genotyped"]), likely), schema.numbers(settled["spurious"])
    fates = Counter(
        {
            TOO_MANY: int((seen - genotyped)[judged].sum()),
            UNLIKELY: int((genotyped - likely)[judged].sum()),
            SPURIOUS: int(np.count_nonzero(spurious[judged])),
        }
    )
    rest = np.where(judged, likely - spurious, seen)
    together = np.bincount(which, rest, len(words)).astype(np.int64)
    return fates + Counter(dict(zip(words, together.tolist(), strict=True)))
