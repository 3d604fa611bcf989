"""The people's true genotypes as VCF text: one record per position, phased, haploid where a person is."""

from collections import defaultdict
from collections.abc import Iterator

from simulate.genome import Reference
from simulate.people import Haplotype, Person, Variant

STAR = "*"


def truth_lines(reference: Reference, people: dict[str, Person]) -> Iterator[str]:
    """A whole VCF."""
    yield "##fileformat=VCFv4.2\n"
    yield '##FILTER=<ID=PASS,Description="All filters passed">\n'
    yield '##FORMAT=<ID=GT,Number=1,Type=String,Description="True genotype; * where a deletion took the base away">\n'
    for contig, sequence in reference.contigs.items():
        yield f"##contig=<ID={contig},length={len(sequence)}>\n"
    yield "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *people]) + "\n"
    for contig in reference.contigs:
        yield from _contig_lines(contig, people)


def _contig_lines(contig: str, people: dict[str, Person]) -> Iterator[str]:
    starting: dict[int, set[Variant]] = defaultdict(set)
    for person in people.values():
        for haplotype in person.haplotypes.get(contig, []):
            for variant in haplotype:
                starting[variant.pos].add(variant)
    for pos, variants in sorted(starting.items()):
        ref = max((variant.ref for variant in variants), key=len)
        numbers = {v: i for i, v in enumerate(sorted(variants, key=lambda v: (v.ref, v.alt)), start=1)}
        alts = [variant.alt + ref[len(variant.ref) :] for variant in numbers]
        genotypes = [_genotype(person, contig, pos, numbers) for person in people.values()]
        if any(str(len(alts) + 1) in genotype.split("|") for genotype in genotypes):
            alts.append(STAR)
        columns = [contig, str(pos + 1), ".", ref, ",".join(alts), ".", "PASS", ".", "GT", *genotypes]
        yield "\t".join(columns) + "\n"


def _genotype(person: Person, contig: str, pos: int, numbers: dict[Variant, int]) -> str:
    ploidy = person.ploidy(contig, pos)
    haplotypes = person.haplotypes.get(contig, [])[:ploidy]
    return "|".join(str(_allele(haplotype, pos, numbers)) for haplotype in haplotypes) or "."


def _allele(haplotype: Haplotype, pos: int, numbers: dict[Variant, int]) -> int:
    """Number of the haplotype's allele at `pos`; one past the last where it is deleted."""
    for variant in haplotype:
        if variant in numbers:
            return numbers[variant]
        if variant.pos < pos < variant.end:
            return len(numbers) + 1
    return 0
