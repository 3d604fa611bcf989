"""The ordered pass over sites that decides which alleles and which sites are emitted."""

import numpy as np

from genocloud.kernels.kernel import kernel, uncounted

EMIT, NO_ESTIMATE, MONOMORPHIC, LOW_CONFIDENCE, ONLY_SPANNING = 0, 1, 2, 3, 4


@uncounted
def _reaching(spans, count, contig, start):
    """Drop the deletions that end before `start`: (number left, whether one covers it)."""
    left, covered = 0, False
    for k in range(count):
        if spans[k, 0] == contig and spans[k, 2] >= start:
            for field in range(3):
                spans[left, field] = spans[k, field]
            covered |= spans[k, 1] < start
            left += 1
    return left, covered


@kernel(
    "int32[::1], int32[::1], int64[::1], int64[::1], int64[::1], boolean[::1], boolean[::1], float64[::1], "
    "int64[::1], int32[::1], boolean[::1], boolean[::1], float64, int64[:,::1]"
)
def settle_sites(
    contigs, starts, ref_lengths, alt_at, alt_lengths, is_star, force_output, quals, likely_at, likely, plausible,
    forced, least, spans,
):  # fmt: skip
    """Decide sites in genome order: (verdicts (sites,) int8, kept (likely alleles,) bool, spurious (sites,) bool:
    a `*` is likely but not genuine, spans).

    contigs, starts  (sites,) int32;  ref_lengths (sites,) int64
    force_output     (sites,) bool; emitted whatever the evidence
    quals            (sites,) float64; NaN where the site was not or cannot be genotyped
    alt_at           (sites + 1,) int64; slices of alt_lengths, int64, and is_star, bool
    likely_at        (sites + 1,) int64; slices of likely, int32: numbers of the ALTs that may be kept, and of
                     plausible, bool: for the evidence, and forced, bool: whatever the evidence
    least            the least QUAL
    spans            (n, 3) int64: contig, start, end of emitted deletions from upstream; returned: of all so far

    `*` is genuine where a recorded deletion has start < position <= end.
    Source: gatk-model.md, sections 1 (recordDeletions, isVcCoveredByDeletion) and 4 (choice).
    """
    verdicts, kept = np.zeros(len(starts), np.int8), np.zeros(len(likely), np.bool_)
    spurious = np.zeros(len(starts), np.bool_)
    reach, before = len(spans), spans
    spans = np.empty((reach + len(likely), 3), np.int64)
    for k in range(reach):
        for field in range(3):
            spans[k, field] = before[k, field]
    for site in range(len(starts)):
        reach, genuine = _reaching(spans, reach, contigs[site], starts[site])
        first, alts, others, any_forced = alt_at[site] - 1, 0, 0, False
        for k in range(likely_at[site], likely_at[site + 1]):
            any_forced |= forced[k]
        if np.isnan(quals[site]) and not any_forced:
            verdicts[site] = NO_ESTIMATE
            continue
        for k in range(likely_at[site], likely_at[site + 1]):
            kept[k] = genuine or not is_star[first + likely[k]]
            spurious[site] |= not kept[k]
            alts += kept[k] and plausible[k]
            others += kept[k] and plausible[k] and not is_star[first + likely[k]]
        if force_output[site] or any_forced:
            verdicts[site] = EMIT
        elif alts == 0:
            verdicts[site] = MONOMORPHIC
        elif quals[site] < least:
            verdicts[site] = LOW_CONFIDENCE
        elif others == 0:
            verdicts[site] = ONLY_SPANNING
        for k in range(likely_at[site], likely_at[site + 1]):
            kept[k] &= verdicts[site] == EMIT
            lost = ref_lengths[site] - alt_lengths[first + likely[k]]
            if not kept[k] or lost <= 0:
                continue
            spans[reach, 0], spans[reach, 1], spans[reach, 2] = contigs[site], starts[site], starts[site] + lost
            reach += 1
    return verdicts, kept, spurious, spans[:reach].copy()
