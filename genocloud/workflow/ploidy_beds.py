"""BED files of a sex's haploid, diploid and pseudo-autosomal stretches, for callers that take them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from genocloud.reads.ploidy import Copies, Sex, SexContigs, copies
from genocloud.regions import Contig


def stretches(contigs: Sequence[Contig], sex: Sex, sex_contigs: SexContigs) -> list[tuple[str, Copies]]:
    """(contig, its stretch with a number of copies), in genome order."""
    return [(contig.name, stretch) for contig in contigs for stretch in copies(contig, sex, sex_contigs)]


def haploid_contigs(rows: Iterable[tuple[str, Copies]]) -> list[str]:
    """Contigs with one copy, at least in part."""
    return sorted({contig for contig, stretch in rows if stretch.ploidy == 1})


def write_ploidy_beds(rows: Sequence[tuple[str, Copies]], output: Any) -> None:
    """Write where there is one copy, where two, and where two on a contig that is haploid elsewhere.

    `output` has the paths `haploid`, `diploid` and `par`.
    """
    diploid = [row for row in rows if row[1].ploidy == 2]
    _write_bed(output.haploid, [row for row in rows if row[1].ploidy == 1])
    _write_bed(output.diploid, diploid)
    _write_bed(output.par, [row for row in diploid if row[0] in haploid_contigs(rows)])


def _write_bed(path: str, rows: Iterable[tuple[str, Copies]]) -> None:
    Path(path).write_text("".join(f"{contig}\t{stretch.start}\t{stretch.end}\n" for contig, stretch in rows))
