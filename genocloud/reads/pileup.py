"""Run mpileup on a region and parse its output: quiet stretches, evidence for bases, evidence for indels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path

import pysam
import pysam.bcftools

from genocloud.errors import UnreadableFile
from genocloud.reads.phred import Likelihoods, with_symbolic

DEPTHS = "1,2,3,4,5,6,8,10,12,15,20,25,30,40,50,65,80,100,150,200"
"""Where mpileup's quiet stretches are cut, in reads: steps smaller than those of quality that blocks tell apart."""

MAX_DEPTH = "8000"
"""Reads over one base that count, for bases and for indels: htslib's own limit. mpileup's default of 250 drops deeper
reads, and all indels of deeper sites. Likelihoods end at 255 and are made of at most 255 reads (htslib draws them); DP
and AD count all reads up to the limit. Beyond it reads are left out."""

SETTINGS = (
    *("--gvcf", DEPTHS, "--max-depth", MAX_DEPTH, "--max-idepth", MAX_DEPTH, "--no-version"),
    *("--annotate", "FORMAT/AD,FORMAT/DP,FORMAT/ADF,FORMAT/ADR"),
    *("--config", "illumina"),
)
"""What mpileup is told; all else is its default: base-alignment quality around indels and clips; no secondary,
duplicate, failed or improperly paired reads; overlapping mates count once; indels where 2 reads and 5 % have one.

Indel models, measured with bcftools 1.24: F1 by genotype of indels (that of SNPs does not depend on them: 0.991 to
0.998), 6 simulated people at 15x, joint calls by GATK 4.6.2.0; data sets 1-3 are like test_data, 4-5 have more and
longer homopolymers with read errors in them:
                           1       2       3       4       5
    default model          0.9723  0.9584  -       0.9790  0.9868
    --config illumina      0.9849  0.9701  0.9727  0.9849  0.9856   (chosen: the best worst case, and upstream's advice)
    --indels-2.0           0.9899  0.9792  0.9783  0.9606  0.9808
With --indels-2.0 on set 1: SNPs 0.9947; without base-alignment quality (-B) 0.9953, with it everywhere (-D) 0.9937;
indels with -h 200 0.968, with -m 1 -F 0.02 0.9925 (on set 2 as before, more of them false). What is missed is mostly
insertions of 25 bases and more, which aligners clip and mpileup does not assemble.
"""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Bases start <= base < end with nothing worth a record (in mpileup's stream: no read differs from REF).

    `depth` is their smallest; `pl` are the diploid likelihoods of REF and the symbolic allele where REF/other is least.
    """

    start: int
    end: int
    depth: int
    pl: Likelihoods


@dataclass(frozen=True, slots=True, kw_only=True)
class PileupEvidence:
    """What mpileup says of the bases (or, apart, of the indels) at one position.

    `alleles` are REF and ALTs without the symbolic one, which `pl` (diploid), `forward` and `reverse` (reads by allele)
    have last; `info` is mpileup's INFO.
    """

    start: int
    alleles: tuple[str, ...]
    pl: Likelihoods
    forward: Sequence[int]
    reverse: Sequence[int]
    depth: int
    info: str

    @property
    def is_indel(self) -> bool:
        """Whether the alleles are insertions and deletions after the base, not bases."""
        return self.info.startswith("INDEL")

    def fact(self, key: str) -> str | None:
        """A value of INFO as printed."""
        return dict(item.partition("=")[::2] for item in self.info.split(";")).get(key)


def run(reads: str, reference: str, place: tuple[str, int, int], name: str | None, out: Path) -> None:
    """Write mpileup's text for a place (contig, start, end) of one sample's reads to `out`. Raises UnreadableFile."""
    regions = out.with_suffix(".bed")  # a file, because mpileup takes the colons of HLA contigs for its own elsewhere
    regions.write_text("\t".join(map(str, place)) + "\n")
    only = ("--samples", name) if name else ("--ignore-RG",)
    files = ("--fasta-ref", reference, "--regions-file", str(regions), "--output", str(out))
    try:
        pysam.bcftools.mpileup(*SETTINGS, *only, *files, reads, catch_stdout=False)
    except pysam.SamtoolsError as error:
        where = f"{place[0]}:{place[1] + 1}-{place[2]}"
        raise UnreadableFile(reads, f"mpileup failed at {where}: {error}", "check the file and its index") from error
    finally:
        regions.unlink()


def read(text: Path) -> Iterator[Quiet | PileupEvidence]:
    """The lines of an mpileup text in its order; evidence for bases comes before that for indels at one position."""
    with text.open(newline="\n") as lines:
        # mpileup's header has paths as they are, with any line feeds, to the end of its last line
        yield from map(_parse, dropwhile(lambda line: line[0] == "#" or line.count("\t") != 9, lines))


def _parse(line: str) -> Quiet | PileupEvidence:
    _, position, _, ref, alt, _, _, info, _, values = line.split("\t")
    start = int(position) - 1
    if alt == "<*>":
        likelihoods, depth, *_ = values.split(":")
        end = int(info[4 : info.index(";")]) if info.startswith("END=") else start + 1
        return Quiet(start, end, int(depth), _integers(likelihoods))
    return _evidence(start, ref, alt, info, values)


def _evidence(start: int, ref: str, alt: str, info: str, values: str) -> PileupEvidence:
    likelihoods, depth, forward, reverse, _ = values.split(":")
    fwd, rev, pl = _integers(forward), _integers(reverse), _integers(likelihoods)
    alleles = (ref, *alt.split(","))
    if alleles[-1] == "<*>":
        alleles = alleles[:-1]
    else:  # an indel, or a base with all four seen: mpileup gives no symbolic allele
        pl = with_symbolic(pl, [a + b for a, b in zip(fwd, rev, strict=True)])
        fwd, rev = [*fwd, 0], [*rev, 0]
    return PileupEvidence(
        start=start, alleles=trimmed(alleles), pl=pl, forward=fwd, reverse=rev, depth=int(depth), info=info
    )


def _integers(text: str) -> list[int]:
    return [int(value) for value in text.split(",")]


def trimmed(alleles: Sequence[str]) -> tuple[str, ...]:
    """Alleles without the bases that they all end in; at least one base is left in each."""
    most = min(map(len, alleles)) - 1
    spare = 0
    while spare < most and len({allele[-1 - spare] for allele in alleles}) == 1:
        spare += 1
    return tuple(allele[: len(allele) - spare] for allele in alleles)
