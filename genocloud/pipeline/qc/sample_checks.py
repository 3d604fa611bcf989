"""Check the samples of a callset: one pass over its shards, then the tables that follow from them together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.callset import Callset
from genocloud.pipeline.qc.shard_pass import PassTask, ShardPass, pass_over
from genocloud.pipeline.qc.site_candidates import SET_CLASSES
from genocloud.qc import Flag, flag_table
from genocloud.qc.alarms import alarm_table
from genocloud.qc.ancestry import ancestry_table
from genocloud.qc.callset_stats import CallsetStats
from genocloud.qc.components import components
from genocloud.qc.deviations import deviation_flags, outlier_table, residuals_of
from genocloud.qc.groups import Group, batch_table, groups_of
from genocloud.qc.inbreeding import homozygosity
from genocloud.qc.kinship import KingCounts, block_pairs, count_pairs, least_listed, unrelated_ibs0
from genocloud.qc.multiqc_files import Findings, multiqc_files
from genocloud.qc.packed_genotypes import PackedGenotypes
from genocloud.qc.relatives import ExpectedKinship, kinship_flags, sample_pairs, unrelated
from genocloud.qc.sample_counts import COUNTS, SampleCounts
from genocloud.qc.sample_metrics import sample_metrics
from genocloud.qc.sex import sample_sexes, sex_flags
from genocloud.qc.site_set import SiteSetOptions, highest_rank
from genocloud.qc.swaps import find_swaps, swap_flags
from genocloud.qc.tables import MENDELIAN, QcTable
from genocloud.qc.trios import COUNTED, Trio, trio_flags, trio_table
from genocloud.qc.written_tables import component_table, het_table, set_sites
from genocloud.reads import SexContigs
from genocloud.samples import PedigreePerson
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """What is known of the samples from elsewhere, and the limits.

    sexes          by sample: male, female or unknown
    batches, sites names by sample; of others the cohort's batch, and no site
    ancestry       of those of whom it is known
    pedigree       its people; none: nothing is expected of anybody's kin
    least_kinship  of the pairs that are listed; None: see kinship.least_listed
    components     how many principal components
    """

    sex_contigs: SexContigs = field(default_factory=SexContigs)
    sexes: Mapping[str, str] = field(default_factory=dict)
    ancestry: Mapping[str, str] = field(default_factory=dict)
    batches: Mapping[str, str] = field(default_factory=dict)
    sites: Mapping[str, str] = field(default_factory=dict)
    pedigree: tuple[PedigreePerson, ...] = ()
    site_set: SiteSetOptions = field(default_factory=SiteSetOptions)
    least_kinship: float | None = None
    components: int = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class CheckedSamples:
    """The tables by name, further files as text by name (None: it must not be there), and figures for the receipt."""

    tables: Mapping[str, QcTable]
    texts: Mapping[str, str | None]
    figures: Mapping[str, Any]


def check_samples(
    callset: Callset, options: CheckOptions, *, scatter: Scatter, progress: Progress, name: str
) -> CheckedSamples:
    """Check all samples of a callset; `name` begins the names of files that MultiQC reads. Raises DamagedFile."""
    trios = _trios(callset.samples, options.pedigree)
    passes = _pass_over_all(callset, options, trios, scatter, progress)
    counts = _total(passes, len(callset.samples))
    most = options.site_set.most_sites
    sets = {
        each: PackedGenotypes.joined((part.sets[each] for part in passes), len(callset.samples)).lowest(most)
        for each in SET_CLASSES
    }
    expected = ExpectedKinship.of(options.pedigree) if options.pedigree else None
    pairs = _pairs(callset.samples, sets["autosomes"], options, expected, (scatter, progress))
    vectors = components(sets["autosomes"], options.components, unrelated(len(callset.samples), pairs))
    autosomes = homozygosity(sets["autosomes"])
    tables: dict[str, QcTable] = {
        "samples": sample_metrics(callset.samples, _groupings(callset, options), counts),
        "sex": sample_sexes(callset.samples, counts, homozygosity(sets["X"]), _sexes(options)),
        "pairs": sample_pairs(callset.samples, pairs, expected, unrelated_ibs0(sets["autosomes"])),
        "het": het_table(callset.samples, autosomes),
        "components": component_table(callset.samples, vectors),
        "ancestry": ancestry_table(callset.samples, vectors, options.ancestry),
        "trios": trio_table(
            trios, sum((each.trios for each in passes), np.zeros((len(trios), len(COUNTED)), np.int64))
        ),
        "mendelian": pa.concat_tables([MENDELIAN.empty_table(), *(each.errors for each in passes)]),
        "sites": set_sites(sets.values()),
    }
    groups = groups_of(tables["samples"])
    tables |= _deviations(tables, vectors.vectors, groups)
    tables |= {"flags": _flags(tables, groups, expected)}
    tables |= {"alarms": alarm_table(tables["samples"], tables["sex"], len(sets["autosomes"]))}
    findings = Findings(
        name=name,
        tables=tables,
        counts=counts,
        sites=CallsetStats.total(each.sites for each in passes),
        summary=sum((each.summary for each in passes), np.zeros(len(COUNTS), np.int64)),
        autosomes=autosomes,
        eigenvalues=vectors.values,
        families={person.sample: person.family for person in options.pedigree},
        parents={person.sample: (person.father, person.mother) for person in options.pedigree},
    )
    figures: dict[str, Any] = {f"set_sites_{each}": len(genotypes) for each, genotypes in sets.items()}
    figures |= {
        "pairs": tables["pairs"].num_rows,
        "alarms": tables["alarms"].num_rows,
        "flags": _by_check(tables["flags"]),
    }
    return CheckedSamples(tables=tables, texts=multiqc_files(findings), figures=figures)


def _pass_over_all(
    callset: Callset, options: CheckOptions, trios: Sequence[Trio], scatter: Scatter, progress: Progress
) -> list[ShardPass]:
    tasks = [
        PassTask(
            callset=callset.of_shard(shard),
            sex_contigs=options.sex_contigs,
            site_options=options.site_set,
            highest_rank=highest_rank(options.site_set.most_sites, callset.counts["sites"]),
            trios=tuple(trios),
        )
        for shard in callset.shards
        if shard.sites.rows
    ]
    with progress.stage("qc", tasks=len(tasks), unit="shard") as stage:
        return scatter.run(pass_over, tasks, lambda _: stage.advance(tasks=1))


def _pairs(
    samples: Sequence[str],
    genotypes: PackedGenotypes,
    options: CheckOptions,
    expected: ExpectedKinship | None,
    running: tuple[Scatter, Progress],
) -> KingCounts:
    place = {sample: number for number, sample in enumerate(samples)}
    near = sorted(expected.near) if expected else []
    wanted = [(place[one], place[other]) for one, other in near if one in place and other in place]
    least = least_listed(len(genotypes)) if options.least_kinship is None else options.least_kinship
    tasks = list(block_pairs(genotypes.packed, len(samples), least, wanted))
    scatter, progress = running
    with progress.stage("kinship", tasks=len(tasks), unit="block") as stage:
        return KingCounts.joined(scatter.run(count_pairs, tasks, lambda _: stage.advance(tasks=1)))


def _deviations(
    tables: Mapping[str, QcTable], vectors: npt.NDArray[np.float64], groups: Sequence[Group]
) -> dict[str, QcTable]:
    metrics = tables["samples"]
    sexes = tables["sex"].to_pylist()
    female = np.array([row["sex"] == "female" for row in sexes], np.bool_)
    usual = np.array([row["karyotype"] in ("XX", "XY", None) for row in sexes], np.bool_)
    residuals = residuals_of(metrics, vectors, female=female, compared=usual)
    outliers = outlier_table(metrics["sample"].to_pylist(), residuals)
    return {"outliers": outliers, "batches": batch_table(groups, residuals)}


def _flags(tables: Mapping[str, QcTable], groups: Sequence[Group], expected: ExpectedKinship | None) -> schema.Flags:
    """All flags, in the samples' order, then by check; what a swap explains is flagged as a swap alone."""
    swaps = find_swaps(tables["pairs"], tables["sex"], expected)
    swapped = frozenset(name for pair in swaps for name in pair)
    flags: list[Flag] = [*swap_flags(swaps), *sex_flags(tables["sex"], swapped)]
    flags += [*kinship_flags(tables["pairs"], swapped), *trio_flags(tables["trios"], swapped)]
    flags += deviation_flags(tables["samples"], tables["outliers"], groups, tables["batches"])
    place = {sample: number for number, sample in enumerate(tables["samples"]["sample"].to_pylist())}
    return flag_table(sorted(flags, key=lambda flag: (place[flag.sample], flag)))


def _by_check(flags: schema.Flags) -> dict[str, int]:
    checks = flags["check"].to_pylist()
    return {check: checks.count(check) for check in sorted(set(checks))}


def _trios(samples: Sequence[str], pedigree: Sequence[PedigreePerson]) -> list[Trio]:
    """The trios of which all three are in the callset."""
    held = set(samples)
    trios = (Trio(person.sample, person.father, person.mother) for person in pedigree)
    return [trio for trio in trios if held >= set(trio)]


def _sexes(options: CheckOptions) -> dict[str, str]:
    """The pedigree's, where it knows; else the sheet's."""
    return {**options.sexes, **{person.sample: person.sex for person in options.pedigree if person.sex != "unknown"}}


def _total(passes: Sequence[ShardPass], samples: int) -> SampleCounts:
    out = SampleCounts.empty(samples)
    for each in passes:
        out = out.add(each.counts)
    return out


def _groupings(callset: Callset, options: CheckOptions) -> dict[str, list[str | None]]:
    """Each sample's batch (the sheet's, else the cohort's), site (where it was ingested, else the sheet's), caller."""
    described = callset.description
    batch = {sample: each for each, samples in described.batches.items() for sample in samples}
    away = {each: place.site for each, place in described.stores.items()}
    site = {sample: away.get(each, described.site) for sample, each in batch.items()}
    caller = callset.callers()
    return {
        "batch": [options.batches.get(sample) or batch[sample] for sample in callset.samples],
        "site": [site[sample] or options.sites.get(sample) for sample in callset.samples],
        "caller": [caller.get(sample) for sample in callset.samples],
    }
