"""Laws: the kernels of genotype order, alleles, alignment and likelihoods agree with their slow twins."""

from itertools import groupby, pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from genocloud.kernels import alleles, dictionary, genotype_order, merged_likelihoods, row_alignment
from tests.support import genotypes as twin
from tests.support.kernel_twins import both

BASES = st.text("ACG", min_size=1, max_size=4)


def text_arrays(texts):
    """Offsets and bytes, as schema.strings gives them."""
    offsets = np.cumsum([0, *map(len, texts)]).astype(np.int64)
    return offsets, np.frombuffer("".join(texts).encode(), np.uint8).copy()


def list_arrays(lists):
    return np.cumsum([0, *map(len, lists)]).astype(np.int64), *text_arrays([text for each in lists for text in each])


@both(genotype_order.genotype_index)
@given(count=st.integers(1, 5), ploidy=st.integers(1, 4))
@settings(deadline=None)
def test_genotypes_are_numbered_in_vcf_order(run, count, ploidy):
    every = twin.genotypes(count, ploidy)
    assert [run(np.array(genotype), ploidy) for genotype in every] == list(range(len(every)))
    assert genotype_order.count_genotypes(count, ploidy) == len(every)


@both(genotype_order.advance)
@given(count=st.integers(1, 5), ploidy=st.integers(1, 4))
@settings(deadline=None)
def test_advance_walks_in_vcf_order(run, count, ploidy):
    genotype = np.zeros(ploidy, np.int64)
    for expected in twin.genotypes(count, ploidy):
        assert tuple(genotype) == expected
        run(genotype, ploidy)


@both(genotype_order.write_genotype)
@given(count=st.integers(1, 5), ploidy=st.integers(1, 4))
@settings(deadline=None)
def test_a_place_gives_its_genotype_back(run, count, ploidy):
    for index, genotype in enumerate(twin.genotypes(count, ploidy)):
        out = np.full(ploidy + 2, -7, np.int8)
        run(index, ploidy, out, 1)
        assert out.tolist() == [-7, *genotype, -7]


def test_absurd_ploidies_do_not_overflow():
    assert genotype_order.count_genotypes(50, 200) == genotype_order.MANY


@both(merged_likelihoods.project)
@given(data=st.data(), ploidy=st.integers(1, 4), own_count=st.integers(1, 4))
@settings(deadline=None)
def test_project(run, data, ploidy, own_count):
    own = data.draw(st.lists(st.integers(0, own_count - 1), min_size=1, max_size=4))
    size = len(twin.genotypes(own_count, ploidy))
    pl = data.draw(st.lists(st.integers(0, 3000), min_size=size, max_size=size))
    expected = twin.project(pl, own, ploidy)
    out = np.full(1 + len(expected), -7, np.int32)
    count = run(np.array([7, *pl], np.int32), 1, np.array(own, np.int32), len(own), ploidy, out, 1)
    assert (count, out.tolist()) == (len(expected), [-7, *expected])


@both(alleles.is_deletion)
@given(ref=BASES, alt=BASES | st.sampled_from(["*", "<NON_REF>", "<DEL>"]))
@settings(deadline=None)
def test_is_deletion(run, ref, alt):
    refs, alts = (np.frombuffer(f"G{text}G".encode(), np.uint8) for text in (ref, alt))
    assert run(refs, 1, 1 + len(ref), alts, 1, 1 + len(alt)) == twin.is_deletion(ref, alt)


@both(alleles.match_alleles)
@given(data=st.data(), ref=st.text("ACG", min_size=2, max_size=4))
@settings(deadline=None)
def test_own_alleles_find_their_merged_ones(run, data, ref):
    """Records of prefixes of REF; the site's alleles are theirs, extended, in any order, and one that nobody has."""
    lengths = data.draw(st.lists(st.integers(1, len(ref)), min_size=1, max_size=4))
    records = [(ref[:n], [*data.draw(st.lists(BASES | st.just("*"), max_size=3, unique=True)), "<*>"]) for n in lengths]
    named = {twin.extended(alt, own, ref) for own, alts in records for alt in alts if alt != "<*>"} | {ref + "TTTTT"}
    merged = data.draw(st.permutations(sorted(named)))
    starts = np.array([9 if n == 0 else 5 for n in range(len(records))], np.int32)
    refs, lists = text_arrays([own for own, _ in records]), list_arrays([alts for _, alts in records])
    site = (np.array([2, 5], np.int32), *text_arrays(["A", ref]), *list_arrays([["C"], merged]))
    own_at, own, numbers = run(starts, refs[0], *lists, *site)
    assert own_at[0] == -1
    for n, (own_ref, alts) in list(enumerate(records))[1:]:
        wanted = [0] + [-1] * len(merged)
        for number, alt in enumerate(alts[:-1], start=1):
            wanted[merged.index(twin.extended(alt, own_ref, ref)) + 1] = number
        assert own[own_at[n] : own_at[n] + len(wanted)].tolist() == wanted
        merged_numbers = numbers[lists[0][n] : lists[0][n + 1]].tolist()
        assert merged_numbers == [
            *(merged.index(twin.extended(alt, own_ref, ref)) + 1 for alt in alts[:-1]),
            len(merged) + 1,
        ]


LENGTHS = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4), st.booleans()), max_size=8)


@both(row_alignment.cover_sites)
@given(
    samples=st.lists(LENGTHS, min_size=1, max_size=3),
    positions=st.sets(st.integers(0, 40), max_size=12),
    data=st.data(),
)
@settings(deadline=None)
def test_the_covering_row(run, samples, positions, data):
    """Rows of each sample, variants and blocks in any order, do not overlap; some cover nothing.

    A run is of one row, of rows with one number without a gap, or of sites between two rows.
    """
    rows = []
    for sample, steps in enumerate(samples):
        place = 0
        for gap, length, empty in steps:
            number = data.draw(st.integers(0, 2))
            rows.append((sample, place + gap, place + gap + length * (not empty), number, data.draw(st.booleans())))
            place += gap + length
    places = np.array(sorted(positions), np.int32)
    cover = run(
        places,
        np.arange(len(samples), dtype=np.int32),
        *(row_places([row for row in rows if row[4] == kind], len(samples)) for kind in (False, True)),
    )
    expected = []
    for column in range(len(samples)):
        own = sorted((row for row in rows if row[0] == column), key=lambda row: (row[1], not row[4]))
        stretch = np.cumsum([0, *(a[2] != b[1] or a[3] != b[3] for a, b in pairwise(own))])
        labels = []
        for position in places:
            covering = twin.covering_row([row[1:3] for row in own], position)
            before = sum(row[1] <= position for row in own)
            labels.append((stretch[covering], own[covering][3]) if covering >= 0 else (-1 - before, -1))
        for label, group in groupby(range(len(places)), key=labels.__getitem__):
            sites = list(group)
            expected.append((column, sites[0], sites[-1] + 1, label[1]))
    assert list(zip(*(column.tolist() for column in cover), strict=True)) == expected


def row_places(rows, samples):
    starts, stops, numbers = (np.array([row[k] for row in rows], np.int32) for k in (1, 2, 3))
    bounds = np.searchsorted(np.array([row[0] for row in rows], np.int32), np.arange(samples + 1))
    return row_alignment.RowPlaces(starts, stops, bounds, numbers)


@both(row_alignment.number_blocks)
@given(
    blocks=st.lists(st.tuples(st.integers(-2, 1), st.integers(0, 2**31 - 1)), max_size=20), copies=st.integers(1, 90)
)
@settings(deadline=None)
def test_blocks_that_say_the_same_have_one_number(run, blocks, copies):
    many = [(a + copy % 45, b) for copy in range(copies) for a, b in blocks]
    with np.errstate(over="ignore"):
        numbers, firsts = run(np.array(many, np.int32).reshape(-1, 2).T.copy())
    distinct = list(dict.fromkeys(many))
    assert [distinct[number] for number in numbers] == many
    assert [many[first] for first in firsts] == distinct
    assert firsts.tolist() == [many.index(block) for block in distinct]


@both(dictionary.number_words)
@given(texts=st.lists(st.lists(st.integers(-1, 3), max_size=3), max_size=200))
@settings(deadline=None)
def test_words_are_numbered_by_first_appearance(run, texts):
    offsets = np.cumsum([0, *map(len, texts)]).astype(np.int64)
    with np.errstate(over="ignore"):
        numbers, firsts = run(offsets, np.array([value for each in texts for value in each], np.int8))
    seen = list(dict.fromkeys(map(tuple, texts)))
    assert [seen[number] for number in numbers] == [tuple(each) for each in texts]
    assert [tuple(texts[first]) for first in firsts] == seen


@both(dictionary.number_rows)
@given(
    rows=st.lists(
        st.tuples(st.integers(-3, 1), st.integers(0, 1), st.lists(st.integers(0, 2), max_size=2)), max_size=99
    ),
    copies=st.integers(1, 40),
)
@settings(deadline=None)
def test_rows_are_numbered_by_first_appearance(run, rows, copies):
    rows = [(first + copy % 30, second, tuple(values)) for copy in range(copies) for first, second, values in rows]
    columns = np.array([row[:2] for row in rows], np.int32).reshape(-1, 2).T.copy()
    offsets = np.cumsum([0, *(len(row[2]) for row in rows)]).astype(np.int64)
    with np.errstate(over="ignore"):
        numbers, firsts = run(columns, offsets, np.array([value for row in rows for value in row[2]], np.int32))
    seen = list(dict.fromkeys(rows))
    assert [seen[number] for number in numbers] == rows
    assert [rows[first] for first in firsts] == seen
