"""What becomes of mpileup's evidence: records, quiet stretches, or nothing where a deletion speaks."""

from genocloud.reads.pileup import PileupEvidence, Quiet, trimmed
from genocloud.reads.records import PileupCaller, Record

I16 = "I16=0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0"
REFERENCE_LIKE = Quiet(90, 120, 20, [0, 60, 255])


def bases(start, alleles, pl, depths, info=I16):
    return PileupEvidence(
        start=start,
        alleles=tuple(alleles),
        pl=pl,
        forward=depths,
        reverse=[0] * len(depths),
        depth=sum(depths),
        info=info,
    )


def indels(start, alleles, pl, depths):
    return bases(start, alleles, pl, depths, f"INDEL;{I16}")


def het(ref, alt, start=100):
    return bases(start, [ref, alt], [180, 0, 190, 210, 220, 255], [10, 10, 0])


def deletion(start, ref, alt, pl=(150, 0, 160, 180, 190, 220)):
    return indels(start, [ref, alt], list(pl), [9, 9, 0])


def calls(stream, ploidy=2):
    caller = PileupCaller(ploidy=ploidy, start=0, end=1000)
    return list(caller.calls(stream)), caller.outcomes


def test_a_base_is_deleted_by_alleles_that_lack_it():
    """A deletion keeps its first base."""
    (record,), _ = calls([deletion(100, "ATT", "A")])
    alt = record.site.alleles.index("A")
    assert [alt in record.deletes(base) for base in range(99, 105)] == [False, False, True, True, False, False]


def test_a_single_weak_read_stays_in_a_quiet_stretch_with_the_likelihoods_folded():
    made, outcomes = calls([bases(100, "GA", [0, 6, 120, 15, 123, 124], [5, 1, 0])])
    assert made == [Quiet(100, 101, 6, [0, 6, 120])]
    assert outcomes == {"below_floor": 1}


def test_a_lone_read_is_a_record_where_it_makes_hom_ref_unlikely():
    made, outcomes = calls([bases(100, "GA", [37, 3, 0, 37, 3, 37], [0, 1, 0])])
    assert isinstance(made[0], Record)
    assert outcomes == {"recorded": 1}


def test_two_reads_of_many_are_below_the_floor():
    made, _ = calls([bases(100, "GA", [0, 20, 200, 60, 210, 250], [38, 2, 0])])
    assert made == [Quiet(100, 101, 40, [0, 20, 200])]


def test_an_alt_below_the_floor_beside_one_above_it_goes_to_the_symbolic_allele():
    pl = [180, 0, 190, 185, 170, 200, 210, 220, 230, 255]
    (record,), _ = calls([bases(100, "GAT", pl, [10, 10, 1, 0])])
    assert record.site.alleles == ("G", "A")
    assert record.pl == [180, 0, 190, 185, 170, 200]
    assert record.site.depths == (10, 10, 1)
    assert (record.called, record.gq, record.depth) == ((0, 1), 99, 21)


def test_an_unknown_reference_base_has_no_record():
    made, _ = calls([bases(100, "NA", [200, 30, 0, 200, 30, 200], [0, 10, 0])])
    assert isinstance(made[0], Quiet)


def test_in_one_copy_a_half_and_half_site_is_called_by_its_homozygous_likelihoods():
    (record,), _ = calls([het("G", "A")], ploidy=1)
    assert (record.called, record.pl) == ((0,), [0, 10, 75])


def test_an_indel_takes_the_bases_likelihoods_from_the_stretch_that_ends_before_it():
    before = Quiet(90, 100, 20, [0, 30, 255])
    quiet, record = calls([before, deletion(100, "GAC", "G")])[0]
    assert quiet == before
    assert record.site.alleles == ("GAC", "G")
    assert record.pl[3] == min(150 + 30, 180)
    assert record.deletion_end == 103


def test_a_stretch_of_the_indels_own_base_gives_way_to_its_record():
    (record,), _ = calls([Quiet(100, 101, 20, [0, 60, 255]), deletion(100, "GA", "G")])
    assert isinstance(record, Record)


def test_a_base_and_an_indel_at_one_position_are_one_record():
    (record,), outcomes = calls([het("G", "A"), deletion(100, "GTC", "G")])
    assert record.site.alleles == ("GTC", "ATC", "G")
    assert record.called == (1, 2)
    assert record.site.depths == (0, 10, 9, 0)
    assert outcomes == {"recorded": 2}


def test_a_haplotype_with_both_is_listed_where_the_likeliest_genotype_has_it():
    base = bases(100, "GA", [255, 60, 0, 255, 60, 255], [0, 20, 0])
    indel = indels(100, ["G", "GTT"], [255, 50, 0, 255, 50, 255], [0, 19, 0])
    (record,), _ = calls([base, indel])
    assert record.site.alleles[record.called[0]] == "ATT"
    assert record.called[0] == record.called[1]


def test_a_called_deletion_covers_the_bases_it_deletes():
    after = Quiet(101, 120, 10, [0, 30, 255])
    record, quiet = calls([deletion(100, "GACT", "G"), after])[0]
    assert record.called == (0, 1)
    assert quiet == Quiet(104, 120, 10, [0, 30, 255])


def test_a_deletion_that_is_not_called_hides_nothing():
    after = Quiet(101, 120, 10, [0, 30, 255])
    made, _ = calls([deletion(100, "GACT", "G", (0, 5, 160, 30, 190, 220)), after])
    assert made[0].called == (0, 0)
    assert made[1] == after


def test_a_base_on_the_other_copy_of_a_heterozygous_deletion_shares_its_record_with_a_star():
    looks_homozygous = bases(102, "CT", [195, 21, 0, 195, 21, 195], [0, 7, 0])
    (_, record), outcomes = calls([deletion(100, "GACT", "G"), looks_homozygous])
    assert record.site.alleles == ("C", "T", "*")
    assert record.called == (1, 2)
    assert record.site.depths == (0, 7, 9, 0)
    assert outcomes == {"recorded": 2}


def test_under_a_homozygous_deletion_stray_bases_give_no_record():
    hom = deletion(100, "GACT", "G", (255, 60, 0, 255, 60, 255))
    made, outcomes = calls([hom, bases(102, "CT", [40, 6, 0, 40, 6, 40], [0, 2, 0])])
    assert len(made) == 1
    assert outcomes == {"recorded": 1, "under_deletion": 1}


def test_evidence_outside_the_tile_is_context_and_not_counted():
    caller = PileupCaller(ploidy=2, start=0, end=100)
    assert len(list(caller.calls([het("G", "A", 100)]))) == 1
    assert not caller.outcomes


def test_alleles_are_trimmed_to_what_differs():
    assert trimmed(["TAAAAAA", "TAAAAAAA"]) == ("T", "TA")
    assert trimmed(["CTTT", "CTT", "C"]) == ("CTTT", "CTT", "C")
    assert trimmed(["GTT"]) == ("G",)
