"""One pass over a shard of a callset: what quality control needs of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genocloud import schema
from genocloud.callset import Callset
from genocloud.pipeline.qc.site_candidates import Candidates
from genocloud.pipeline.qc.trio_counts import count_trios
from genocloud.pipeline.screening.contig_kinds import ContigKinds
from genocloud.qc.allele_classes import SiteAlleles
from genocloud.qc.callset_stats import CallsetStats
from genocloud.qc.packed_genotypes import PackedGenotypes
from genocloud.qc.sample_counts import CLASSES, Counts, SampleCounts, ShardCounts
from genocloud.qc.site_set import SiteSetOptions
from genocloud.qc.tables import MendelianSites
from genocloud.qc.trios import Trio, site_table
from genocloud.reads import SexContigs
from genocloud.regions import Contig

READ = ("GT", "AD", "DP", "GQ")
"""The columns of GENOTYPES that are read."""

SITE_COLUMNS = ("contig", "pos", "ref", "alts", "filter", "DB", "AC", "AN", "InbreedingCoeff")
"""The columns of SITES that are read."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ShardPass:
    """What a shard adds.

    counts   of all samples, in the callset's order
    sets     by class of contig: the genotypes at the sites that kinship and sex may be computed from
    trios    (trios, COUNTED) Mendelian counts
    errors   MENDELIAN
    summary  (COUNTS,) Picard's, over sites
    sites    bcftools', over sites and all genotypes' depths
    """

    counts: SampleCounts
    summary: Counts
    sites: CallsetStats
    sets: Mapping[str, PackedGenotypes]
    trios: Counts
    errors: MendelianSites


@dataclass(frozen=True, kw_only=True)
class PassTask:
    """A callset cut to one shard, so that a task need not read a manifest of thousands."""

    callset: Callset
    sex_contigs: SexContigs
    site_options: SiteSetOptions
    highest_rank: int
    trios: tuple[Trio, ...] = ()


def pass_over(task: PassTask) -> ShardPass:
    """Count a shard. Raises DamagedFile."""
    (shard,) = task.callset.shards
    sites = task.callset.sites(columns=SITE_COLUMNS)
    alleles = SiteAlleles.of(sites)
    classes = contig_classes(sites, task.callset.contigs, task.sex_contigs)
    row = {sample: place for place, sample in enumerate(task.callset.samples)}
    under_way = ShardCounts(alleles=alleles, classes=classes, out=SampleCounts.empty(len(row)))
    candidates = Candidates.of(
        sites, alleles, classes, options=task.site_options, highest_rank=task.highest_rank, samples=len(row)
    )
    for batch in task.callset.batches(shard, READ):
        rows = np.array([row[sample] for sample in batch.samples], np.int64)
        under_way.add(rows, batch.distinct, batch.runs)
        candidates.add(rows, batch.distinct, batch.runs)
    counts, summary = under_way.finish()
    site_counts = CallsetStats.of(alleles, under_way.depths)
    is_autosome = classes == CLASSES.index("autosomes")
    trios = count_trios(task.callset, is_autosome, ~alleles.filtered, task.trios)
    return ShardPass(
        counts=counts,
        summary=summary,
        sites=site_counts,
        sets=candidates.chosen(),
        trios=trios.by_trio,
        errors=site_table(sites, np.flatnonzero(is_autosome), trios),
    )


def contig_classes(sites: schema.Sites, contigs: Sequence[Contig], sexes: SexContigs) -> npt.NDArray[np.int8]:
    """The place in CLASSES of each site's contig; -1 in X's pseudo-autosomal regions and on other contigs."""
    kinds = ContigKinds.of(contigs)
    known = dict(zip(CLASSES, (kinds.autosomes, kinds.x, kinds.y, kinds.mt), strict=True))
    words = sites["contig"].combine_chunks()
    names, codes = words.dictionary.to_pylist(), schema.numbers(words.indices)
    starts = schema.numbers(sites["pos"]).astype(np.int64) - 1
    out = np.full(len(codes), -1, np.int8)
    for place, numbers in enumerate(known.values()):
        for contig in (contigs[number] for number in numbers):
            if contig.name in names:
                out[codes == names.index(contig.name)] = place
    for contig in (contigs[number] for number in kinds.x):
        if contig.name in names:
            here = codes == names.index(contig.name)
            for start, end in sexes.par_of(contig):
                out[here & (starts >= start) & (starts < end)] = -1
    return out
