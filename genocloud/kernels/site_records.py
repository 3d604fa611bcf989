"""Which of a sample's records speak at each site of GLnexus's model: over it, or beside it with one of its ALTs."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genocloud.kernels.cell_runs import CellRuns
from genocloud.kernels.kernel import compiled, kernel
from genocloud.kernels.vcf_fields import pointer

NO_DATA, PART = 0, 1
"""Numbers of the cells without any record, and with one that does not reach over the site where it must."""
FIRST_BLOCK = 2
"""From here on two cells for each kind of block: at ordinary sites, and at those of one lost ALT."""


class RecordAlleles(NamedTuple):
    """Sites sorted by start, and the alleles of records that each has.

    starts, stops  (sites,) int64
    lows, highs    (sites,) int64; the range of all records that may have one of the alleles
    alone          (sites,) uint8; the site is of one lost ALT
    at             (sites + 1,) int64; each site's slice of the alleles that records write
    begins, ends, numbers  (alleles,) int64: the range of the record, and the site's allele that it is
    texts          (alleles + 1,) int64, (bytes,) uint8; the bases in its place
    alts           (sites + 1,) int64; each site's slice of its ALTs
    """

    starts: npt.NDArray[np.int64]
    stops: npt.NDArray[np.int64]
    lows: npt.NDArray[np.int64]
    highs: npt.NDArray[np.int64]
    alone: npt.NDArray[np.uint8]
    at: npt.NDArray[np.int64]
    begins: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]
    texts: tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]
    alts: npt.NDArray[np.int64]


class RecordPlaces(NamedTuple):
    """Variant records sorted by sample and start; then the kinds of blocks, with an ALT of no text.

    starts, stops  (records,) int64; as far as REF reaches
    cuts           (records,) int64; where a later record of the sample begins, if that is before
    reaches        (records,) int64; the largest stop of a sample's records so far
    bounds         (samples + 1,) int64
    alts           (records + 1,) int64, (alts + 1,) int64, (bytes,) uint8; see schema.string_lists
    """

    starts: npt.NDArray[np.int64]
    stops: npt.NDArray[np.int64]
    cuts: npt.NDArray[np.int64]
    reaches: npt.NDArray[np.int64]
    bounds: npt.NDArray[np.int64]
    alts: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.uint8]]


class SiteCells(NamedTuple):
    """Cells (site, sample) that are called on their own, and the records that speak there.

    sites    (cells,) int64
    spanned  (cells,) uint8; records that follow one another reach over the whole site
    at       (cells + 1,) int64; each cell's slice of `members`
    members  int64; numbers of records, by start
    """

    sites: npt.NDArray[np.int64]
    spanned: npt.NDArray[np.uint8]
    at: npt.NDArray[np.int64]
    members: npt.NDArray[np.int64]


@compiled
def bare_alleles(sites):
    """RecordAlleles as vcf_fields.pointer has them."""
    return RecordAlleles(
        pointer(sites.starts),
        pointer(sites.stops),
        pointer(sites.lows),
        pointer(sites.highs),
        pointer(sites.alone),
        pointer(sites.at),
        pointer(sites.begins),
        pointer(sites.ends),
        pointer(sites.numbers),
        (pointer(sites.texts[0]), pointer(sites.texts[1])),
        pointer(sites.alts),
    )


@compiled
def bare_places(records):
    """RecordPlaces as vcf_fields.pointer has them."""
    return RecordPlaces(
        pointer(records.starts),
        pointer(records.stops),
        pointer(records.cuts),
        pointer(records.reaches),
        pointer(records.bounds),
        (pointer(records.alts[0]), pointer(records.alts[1]), pointer(records.alts[2])),
    )


@compiled
def allele_number(sites, site, records, record, alt):
    """The site's number of an ALT (0-based) of a record; -1 where the site has none of it."""
    place = records.alts[0][record] + alt
    first, size = records.alts[1][place], records.alts[1][place + 1] - records.alts[1][place]
    for allele in range(sites.at[site], sites.at[site + 1]):
        if sites.begins[allele] != records.starts[record] or sites.ends[allele] != records.stops[record]:
            continue
        begin = sites.texts[0][allele]
        same = sites.texts[0][allele + 1] - begin == size
        for k in range(size if same else 0):
            same = same and sites.texts[1][begin + k] == records.alts[2][first + k]
        if same:
            return sites.numbers[allele]
    return np.int64(-1)


@kernel()
def deletion_alts(refs, alts, reach_over):
    """Which ALTs are the beginning of a longer REF that their record reaches over: (ALTs,) bool.

    refs        (rows + 1,) int64, (bytes,) uint8; see schema.strings
    alts        as in RecordPlaces
    reach_over  (rows,) bool; the record ends where REF does
    """
    out = np.zeros(len(alts[1]) - 1, np.bool_)
    for row in range(len(reach_over)):
        first, size = refs[0][row], refs[0][row + 1] - refs[0][row]
        for alt in range(alts[0][row], alts[0][row + 1]):
            begin, length = alts[1][alt], alts[1][alt + 1] - alts[1][alt]
            same = reach_over[row] and length < size
            for k in range(length if same else 0):
                same = same and alts[2][begin + k] == refs[1][first + k]
            out[alt] = same
    return out


@compiled
def _has_allele(sites, site, records, record):
    for alt in range(records.alts[0][record + 1] - records.alts[0][record]):
        if allele_number(sites, site, records, record, alt) >= 0:
            return True
    return False


@compiled
def _grown(array, size):
    """The array, or a copy in one of twice the size that is needed."""
    if size <= len(array):
        return array
    out = np.empty(2 * size, array.dtype)
    out[: len(array)] = array
    return out


@compiled
def _records_at(sites, site, records, first, end, far, out):
    """Write into `out` the rows of first:end (one sample's) that speak at a site, the last first; how many."""
    low, high = min(sites.lows[site], sites.starts[site]), sites.highs[site]
    bound = max(high, sites.stops[site])
    row, count = end - 1, 0
    while row >= first and records.starts[row] >= bound:
        row -= 1
    while row >= first and records.reaches[row] > low:
        start, stop = records.starts[row], records.stops[row]
        near = start >= low - far
        over = (
            stop > sites.starts[site] and start < sites.stops[site] and (near or records.cuts[row] > sites.starts[site])
        )
        if over or (stop > low and start < high and _has_allele(sites, site, records, row)):
            out[count] = row
            count += 1
        if not near:  # records before it were cut short by it
            break
        row -= 1
    return count


@kernel()
def find_site_records(sites, records, blocks, kinds, whole_only, far):
    """The records that speak in each cell: (CellRuns, SiteCells).

    blocks      RowPlaces; their numbers are those of their kinds
    kinds       number of kinds of blocks; kind k is record `variants + k`
    whole_only  a block that does not reach over the whole site leaves it without a call
    far         bases before a site's first allele where a record may begin that another one cuts short

    Several blocks, or any variant, make a cell of its own: the runs have NO_DATA, PART, two cells for each kind of
    block, then the numbers of those.
    """
    samples, variants, own = len(blocks.bounds) - 1, records.bounds[-1], FIRST_BLOCK + 2 * kinds
    columns, firsts, stops = np.empty(64, np.int32), np.empty(64, np.int32), np.empty(64, np.int32)
    numbers, count = np.empty(64, np.int32), 0
    cell_sites, spanned, at = np.empty(64, np.int64), np.empty(64, np.uint8), np.zeros(65, np.int64)
    members, cells, used = np.empty(64, np.int64), 0, 0
    most = 1
    for sample in range(samples):
        most = max(most, records.bounds[sample + 1] - records.bounds[sample])
    rows = np.empty(most, np.int64)
    count_sites, (sites, records) = len(sites.starts), (bare_alleles(sites), bare_places(records))
    for sample in range(samples):
        block, last_block = np.int64(blocks.bounds[sample]), blocks.bounds[sample + 1]
        first, last, after = records.bounds[sample], records.bounds[sample + 1], records.bounds[sample]
        current = np.int64(-1)
        for site in range(count_sites):
            start, stop = sites.starts[site], sites.stops[site]
            while block < last_block and blocks.stops[block] <= start:
                block += 1
            end = block
            while end < last_block and blocks.starts[end] < stop:
                end += 1
            bound = max(sites.highs[site], stop)
            while after < last and records.starts[after] < bound:
                after += 1
            rows_here = 0
            if after > first and records.reaches[after - 1] > min(sites.lows[site], start):
                rows_here = _records_at(sites, site, records, first, after, far, rows)
            number = np.int64(NO_DATA)
            if rows_here == 0 and end - block == 1:
                whole = blocks.starts[block] <= start and blocks.stops[block] >= stop
                number = FIRST_BLOCK + 2 * np.int64(blocks.numbers[block]) + sites.alone[site]
                if whole_only and not whole:
                    number = np.int64(PART)
            elif rows_here + end - block > 0:
                number = own + cells
                cell_sites, spanned, at = (
                    _grown(cell_sites, cells + 1),
                    _grown(spanned, cells + 1),
                    _grown(at, cells + 2),
                )
                members = _grown(members, used + rows_here + end - block)
                cell_sites[cells], spanned[cells] = site, 0
                row, each, begin, finish = rows_here - 1, block, np.int64(0), np.int64(-1)
                while row >= 0 or each < end:
                    if each == end or (row >= 0 and records.starts[rows[row]] <= blocks.starts[each]):
                        members[used] = rows[row]
                        here, until = records.starts[rows[row]], records.stops[rows[row]]
                        row -= 1
                    else:
                        members[used] = variants + blocks.numbers[each]
                        here, until = np.int64(blocks.starts[each]), np.int64(blocks.stops[each])
                        each += 1
                    if finish < 0 or here > finish:
                        begin, finish = here, until
                    finish = max(finish, until)
                    spanned[cells] |= begin <= start and finish >= stop
                    used += 1
                cells += 1
                at[cells] = used
            if number != current:
                if count == len(columns):
                    columns, firsts, stops, numbers = (
                        _grown(columns, count + 1),
                        _grown(firsts, count + 1),
                        _grown(stops, count + 1),
                        _grown(numbers, count + 1),
                    )
                columns[count], firsts[count], numbers[count], current = sample, site, number, number
                if site:
                    stops[count - 1] = site
                count += 1
        if count_sites:
            stops[count - 1] = count_sites
    runs = CellRuns(columns[:count].copy(), firsts[:count].copy(), stops[:count].copy(), numbers[:count].copy())
    return runs, SiteCells(
        cell_sites[:cells].copy(), spanned[:cells].copy(), at[: cells + 1].copy(), members[:used].copy()
    )
