"""A batch's likelihoods as distinct keys with numbers of samples along the sites: the input of the estimates."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from genocloud import schema
from genocloud.genotypes.aligned_rows import AlignedRows, site_arrays
from genocloud.kernels.key_tracks import (
    KeyTrack,
    SiteKeys,
    add_changes,
    join_tracks,
    merge_keys,
    take_sites,
    unite_keys,
)
from genocloud.kernels.likelihood_keys import summarise_rows

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LikelihoodCounts:
    """How many samples have each distinct key at the sites of a shard; merging is exact integer addition.

    track      the keys of REF against anything else, which blocks have: what changes from site to site
    site_keys  the other keys of each site
    totals     (sites, 3) int64; depth; samples with PL; samples with a variant genotype but no PL

    A key is ploidy, then the sample's own number of each merged allele and its own PL; or ploidy, -1 and the PL of REF
    against anything else. Ploidy is negative for a sample without information (kernels.likelihood_keys.REF_OR_OTHER).
    Both parts follow from the numbers of samples of all keys at each site, however these came about.
    """

    track: KeyTrack
    site_keys: SiteKeys
    totals: npt.NDArray[np.int64]


def summarise(rows: AlignedRows, alleles: schema.Alleles) -> LikelihoodCounts:
    """Reduce one batch, whose rows are aligned to the sites of ALLELES or more."""
    sites, aligned = site_arrays(alleles), rows.at_sites(alleles)
    track, site_keys, totals = summarise_rows(
        aligned.facts,
        aligned.pl,
        aligned.own,
        aligned.cover,
        sites.positions,
        sites.alleles,
        sites.stars,
        aligned.first_shared,
    )
    return LikelihoodCounts(track=KeyTrack(*track), site_keys=SiteKeys(*site_keys), totals=totals)


def merge(summaries: Sequence[LikelihoodCounts]) -> LikelihoodCounts:
    """Add up batches' summaries of one shard; their order and grouping do not matter."""
    if len(summaries) == 1:
        return summaries[0]
    sites = len(summaries[0].totals)
    tracks = [summary.track for summary in summaries]
    keys, offsets, values = _united(tracks)
    changes = add_changes(
        sites,
        len(offsets) - 1,
        np.concatenate([_rows(track.at) for track in tracks]),
        keys,
        np.concatenate([track.steps for track in tracks]),
    )
    site_keys = _joined([summary.site_keys for summary in summaries])
    site = np.concatenate([_rows(summary.site_keys.at) for summary in summaries])
    return LikelihoodCounts(
        track=KeyTrack(offsets, values, *changes),
        site_keys=SiteKeys(*merge_keys(sites, site, site_keys.offsets, site_keys.values, site_keys.counts)),
        totals=np.sum([summary.totals for summary in summaries], axis=0),
    )


def subtract(whole: LikelihoodCounts, part: LikelihoodCounts) -> LikelihoodCounts:
    """What is left of a sum of batches' summaries without one of them, as if that had not been added."""
    negative = LikelihoodCounts(
        track=part.track._replace(steps=-part.track.steps),
        site_keys=part.site_keys._replace(counts=-part.site_keys.counts),
        totals=-part.totals,
    )
    rest = merge([whole, negative])
    return replace(rest, track=_without_unused(rest.track), site_keys=_without_zeros(rest.site_keys))


def interleave(
    one: LikelihoodCounts, other: LikelihoodCounts, of_other: npt.NDArray[np.bool_], rows: Array | None = None
) -> LikelihoodCounts:
    """The summary of sites each of which is in one of two; of_other: (sites,) bool, which are in the second.

    rows  (sites of the first,) int64: which of its own they are; None: all
    """
    row = np.where(of_other, np.cumsum(of_other), np.cumsum(~of_other)) - 1
    if rows is not None:
        row[~of_other] = rows
    return select([one, other], of_other.astype(np.int64), row)


def select(summaries: Sequence[LikelihoodCounts], summary: Array, row: Array) -> LikelihoodCounts:
    """The summary of sites each of which is in one of several: (sites,) int64 its number, and the site's place there.

    The sites are in order, in each summary too.
    """
    tracks = [each.track for each in summaries]
    keys, offsets, values = _united(tracks)
    bounds = _offsets([len(each.totals) for each in summaries])
    rows = bounds[summary] + row
    at = _offsets(np.concatenate([np.diff(track.at) for track in tracks]))
    steps = np.concatenate([track.steps for track in tracks])
    changes = join_tracks(KeyTrack(offsets, values, at, keys, steps), bounds, summary, rows)
    return LikelihoodCounts(
        track=_without_unused(KeyTrack(offsets, values, *changes)),
        site_keys=SiteKeys(*take_sites(_joined([each.site_keys for each in summaries]), rows)),
        totals=np.concatenate([each.totals for each in summaries])[rows],
    )


def cut(summary: LikelihoodCounts, first: int, sites: int) -> LikelihoodCounts:
    """The summary of `sites` sites from `first` on."""
    if sites == len(summary.totals):
        return summary
    return select([summary], np.zeros(sites, np.int64), np.arange(first, first + sites))


def _united(tracks: Sequence[KeyTrack]) -> tuple[Array, Array, Array]:
    """The keys of all tracks' changes by one numbering, and the keys so numbered: offsets and values."""
    lengths = np.concatenate([np.diff(track.offsets) for track in tracks])
    numbers, offsets, values = unite_keys(_offsets(lengths), np.concatenate([track.values for track in tracks]))
    firsts = _offsets([len(track.offsets) - 1 for track in tracks])
    keys = [numbers[first + track.keys] for first, track in zip(firsts[:-1], tracks, strict=True)]
    return np.concatenate(keys), offsets, values


def _without_unused(track: KeyTrack) -> KeyTrack:
    """The track without keys that have no change."""
    lengths = np.diff(track.offsets)
    used = np.bincount(track.keys, minlength=len(lengths)) > 0
    if used.all():
        return track
    numbers = np.cumsum(used, dtype=np.int32) - np.int32(1)
    return track._replace(
        offsets=_offsets(lengths[used]), values=track.values[np.repeat(used, lengths)], keys=numbers[track.keys]
    )


def _without_zeros(keys: SiteKeys) -> SiteKeys:
    """The keys that samples have."""
    lengths, used = np.diff(keys.offsets), keys.counts != 0
    return SiteKeys(
        _offsets(used)[keys.at], _offsets(lengths[used]), keys.values[np.repeat(used, lengths)], keys.counts[used]
    )


def _joined(parts: Sequence[SiteKeys]) -> SiteKeys:
    """The keys of the parts' sites, one part after the other."""
    return SiteKeys(
        _offsets(np.concatenate([np.diff(part.at) for part in parts])),
        _offsets(np.concatenate([np.diff(part.offsets) for part in parts])),
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.counts for part in parts]),
    )


def _rows(at: Array) -> npt.NDArray[np.int32]:
    """The site of each entry of the sites' slices."""
    return np.repeat(np.arange(len(at) - 1, dtype=np.int32), np.diff(at))


def _offsets(lengths: Any) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
