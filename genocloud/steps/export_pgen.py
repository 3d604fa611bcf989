"""export_pgen: write a callset as PLINK 2's files, shard by shard, joined by one writer."""

from collections.abc import Sequence
from dataclasses import dataclass

from genocloud import storage
from genocloud.callset import (
    PGEN,
    Callset,
    HaploidMen,
    PgenPart,
    PlinkPerson,
    check_names,
    join_pgen,
    open_callset,
    pgen_files,
    pgen_shard,
    shards_in,
)
from genocloud.pipeline.export_options import ExportOptions
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.pipeline.sample_files import file_size
from genocloud.reads import SexContigs
from genocloud.regions import Contig, Region
from genocloud.samples import PedigreePerson, read_pedigree
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress


@dataclass(frozen=True, kw_only=True)
class _PgenTask:
    shard: Callset
    out_url: str
    regions: list[Region] | None
    haploid: HaploidMen


def export_pgen(
    source: str | Callset,
    out_url: str,
    *,
    scatter: Scatter,
    progress: Progress,
    options: ExportOptions = ExportOptions(),  # noqa: B008 (frozen)
    pedigree: str | None = None,
    par: Sequence[str] = (),
) -> Receipt:
    """Write OUT.pgen, OUT.pvar.zst and OUT.psam, OUT.pgen last. The balance is in ALTs; `*` is no variant.

    pedigree  a .ped or .fam file: parents and sexes of .psam. Men's heterozygous genotypes on X outside its
              pseudo-autosomal regions, and on Y, are then no calls
    par       X's pseudo-autosomal regions, such as chrX:10001-2781479; none: known by X's length

    Finished shards are kept in OUT.pgen.parts until the end, so that a killed run resumes. Raises NothingForPlink,
    MissingPackage, NotForFormat, and what `export` raises.
    """
    PGEN.check(out_url)
    options.check(out_url)
    persons = read_pedigree(pedigree) if pedigree else ()
    with storage.file_lock(out_url), receipt_of("export") as receipt:
        callset = options.chosen(open_callset(source))
        check_names(out_url, callset.samples)
        callset.check_reach()
        wanted = options.intervals.inside(callset.contigs)
        inside = None if wanted is None else list(wanted)
        haploid = _haploid_men(callset.contigs, persons, SexContigs.with_par_texts(par, callset.contigs))
        tasks = [
            _PgenTask(shard=shard, out_url=out_url, regions=inside, haploid=haploid)
            for shard in shards_in(callset, inside)
        ]
        with progress.stage("export", tasks=len(tasks), unit="shard") as stage:
            parts = scatter.run(_export_shard, tasks, lambda part: stage.advance(tasks=1, sites=part.counts.sites))
        people = {
            person.sample: PlinkPerson(sex=person.sex, father=person.father, mother=person.mother) for person in persons
        }
        counts = join_pgen(callset, parts, out_url, inside, people)
        receipt.inputs = {shard.sites.name: f"sha256:{shard.sites.sha256}" for shard in callset.shards}
        receipt.vouch(*pgen_files(out_url))
        receipt.figures = {"sites": counts.sites, "genotypes": counts.variants * len(callset.samples)}
        receipt.figures["bytes_stored"] = file_size(out_url)
        receipt.balanced("alts", counts.alts, counts.variants, {"spanning_deletion": counts.spanning})
    return receipt


def _haploid_men(contigs: Sequence[Contig], persons: Sequence[PedigreePerson], special: SexContigs) -> HaploidMen:
    regions = []
    for number, contig in enumerate(contigs):
        if contig.name in special.y:
            regions.append(Region(number, 0, contig.length))
        if contig.name in special.x:
            shared = sorted(special.par_of(contig))
            starts, ends = [0, *(end for _, end in shared)], [*(start for start, _ in shared), contig.length]
            pairs = zip(starts, ends, strict=True)
            regions += [Region(number, start, end) for start, end in pairs if start < end]
    men = frozenset(person.sample for person in persons if person.sex == "male")
    return HaploidMen(men=men, regions=tuple(regions) if men else ())


def _export_shard(task: _PgenTask) -> PgenPart:
    return pgen_shard(task.shard, task.out_url, task.regions, task.haploid)
