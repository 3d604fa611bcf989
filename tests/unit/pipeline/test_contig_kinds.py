"""Which contigs are looked at, and which of their bases count, on human references and others."""

from genocloud.pipeline.screening.contig_kinds import MOST_AUTOSOMES, ContigKinds, counted_stretches
from genocloud.regions import Contig, Region

GRCH38 = [Contig(f"chr{name}", 156_040_895) for name in [*range(1, 23), "X"]]
GRCH38 += [Contig("chrY", 57_227_415), Contig("chrM", 16_569), Contig("chr1_KI270706v1_random", 175_055)]
Y = 23


def test_human_contigs_are_known_by_name():
    for contigs in (GRCH38, [Contig(contig.name.removeprefix("chr"), contig.length) for contig in GRCH38]):
        kinds = ContigKinds.of(contigs)
        assert (kinds.autosomes, kinds.x, kinds.y, kinds.mt) == (tuple(range(22)), (22,), (Y,), (24,))
        assert kinds.all == tuple(range(25))


def test_without_numbers_all_others_are_autosomes():
    kinds = ContigKinds.of([Contig("chr2L", 90), Contig("X", 80), Contig("MT", 9), Contig("scaffold", 10)])
    assert (kinds.autosomes, kinds.x, kinds.mt) == ((0, 3), (1,), (2,))


def test_of_very_many_scaffolds_the_longest_are_looked_at():
    kinds = ContigKinds.of([Contig(str(number), 1000 + number) for number in range(5000)])
    assert kinds.autosomes == tuple(range(5000 - MOST_AUTOSOMES, 5000))


def test_of_y_its_sequence_counts_and_of_all_the_targets():
    kinds = ContigKinds.of(GRCH38)
    assert counted_stretches(0, GRCH38, kinds, None) is None
    assert counted_stretches(Y, GRCH38, kinds, None) == [(2_781_479, 26_673_214)]
    targets = [Region(0, 5, 9), Region(Y, 0, 10), Region(Y, 2_781_470, 2_781_480), Region(Y, 26_000_000, 57_227_415)]
    assert counted_stretches(0, GRCH38, kinds, targets) == [(5, 9)]
    assert counted_stretches(1, GRCH38, kinds, targets) == []
    assert counted_stretches(Y, GRCH38, kinds, targets) == [(2_781_479, 2_781_480), (26_000_000, 26_673_214)]
    other = [Contig("Y", 1000)]
    assert counted_stretches(0, other, ContigKinds.of(other), None) is None
