"""What a region costs for ever more people: core-seconds, memory and bytes of each step, a genome and a genotype.

usage: python -m tests.benchmarks.bench_scale [--people 1000,10000] [--length 20000] [--batch-size 200]
       [--added 200] [--keep FOLDER] [--zarr]

Cohorts of `scale_cohort` are written once and kept; discover, estimate, genotype, the genotypes of a gene's region as
Arrow, and that region as a dense VCF are done anew, each in a process of its own that has done it for a few people
before: what a start takes is not counted. With --added the last people are also added to the others' callset.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from genocloud import callset
from genocloud.cohort import BATCH_SIZE, Cohort, open_cohort
from genocloud.genotypes import Model
from genocloud.pipeline.export_options import ExportOptions
from genocloud.pipeline.genotyping.row_cache import RowCache
from genocloud.pipeline.genotyping.shard_estimates import estimate_shards
from genocloud.pipeline.intervals import Intervals
from genocloud.pipeline.kernel_warmup import compile_kernels
from genocloud.pipeline.memory_model import split_to_memory
from genocloud.pipeline.planning.trial_rates import in_own_process
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.pipeline.sharding import ShardPlan, cut_genome
from genocloud.scatter.executors import Scatter, open_scatter
from genocloud.scatter.progress import Silent
from genocloud.steps.discover import discover
from genocloud.steps.export import export
from genocloud.steps.genotype import genotype
from genocloud.storage import open_store
from tests.benchmarks.costs import size
from tests.benchmarks.scale_cohort import CONTIG, ScaleCohort

STORED = ("discover", "estimate", "genotype")
"""The steps from a cohort to a stored callset."""

STEPS = (*STORED, "arrow", "vcf")

FEW = 20
"""People of the cohort with which a process is warmed up."""

ZARR = "bio2zarr"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What so many people took: receipts by step, bytes by what was stored, variants and blocks of the cohort."""

    people: int
    receipts: dict[str, Receipt]
    bytes: dict[str, int]
    variants: int
    blocks: int

    @property
    def sites(self) -> int:
        """Emitted sites."""
        return int(self.receipts["genotype"].balance["kept"])

    @property
    def core_seconds(self) -> float:
        """From the cohort to the stored callset."""
        return sum(self.receipts[step].cpu_seconds for step in STORED)

    @property
    def callset(self) -> int:
        """Bytes of the callset, all of its folders."""
        return sum(count for what, count in self.bytes.items() if what.startswith("callset"))


@dataclass(frozen=True, kw_only=True)
class Work:
    """The steps of one cohort, kept in a folder."""

    place: Path
    threads: int
    region: str

    @property
    def cohort(self) -> str:
        return str(self.place / "cohort")

    def discover(self) -> Receipt:
        with self._cohort() as (stored, cut, scatter):
            return discover(stored, cut, scatter=scatter, progress=Silent())

    def estimate(self) -> Receipt:
        with self._cohort() as (stored, cut, scatter), receipt_of("estimate") as receipt:
            cache, url = RowCache(), str(self.place / "callset")
            written = callset.written_shards(open_store(url))
            cut = split_to_memory(stored, cut, scatter, written)  # as genotype does, which then takes these estimates
            estimate_shards(stored, Model(), cut, scatter=scatter, progress=Silent(), row_cache=cache, callset_url=url)
        return receipt

    def genotype(self) -> Receipt:
        """Calling: the estimates are there."""
        with self._cohort() as (stored, cut, scatter):
            url = str(self.place / "callset")
            return genotype(stored, url, model=Model(), cut=cut, scatter=scatter, progress=Silent())

    def arrow(self) -> Receipt:
        with receipt_of("arrow") as receipt:
            rows = callset.open_callset(self.place / "callset").genotypes(self.region).num_rows
        receipt.figures["genotypes"] = rows
        return receipt

    def vcf(self) -> Receipt:
        with open_scatter(f"threads:{self.threads}") as scatter:
            options, out = (
                ExportOptions(intervals=Intervals(included=(self.region,))),
                str(self.place / "region.vcf.gz"),
            )
            return export(str(self.place / "callset"), out, scatter=scatter, progress=Silent(), options=options)

    @contextmanager
    def _cohort(self) -> Iterator[tuple[Cohort, ShardPlan, Scatter]]:
        with open_scatter(f"threads:{self.threads}") as scatter:
            stored = open_cohort(self.cohort)
            yield stored, cut_genome(stored), scatter


def measure(people: int, length: int, batch_size: int, folder: Path) -> Measured:
    """Make the cohort where it is missing, and do all steps."""
    few, work = (_prepared(count, length, batch_size, folder) for count in (FEW, people))
    receipts = {step: in_own_process(partial(_warmed, few, work, step)) for step in STEPS}
    place, stored = work.place, open_cohort(work.cohort)
    counts = [stored.receipt(batch).stored for batch in stored.batches]
    sizes = {"cohort": size(place / "cohort/batches"), "derived": size(place / "cohort/derived")}
    sizes |= {f"callset/{each.name}": size(each) for each in sorted((place / "callset").iterdir()) if each.is_dir()}
    sizes["VCF of the region"] = (place / "region.vcf.gz").stat().st_size
    return Measured(
        people=people,
        receipts=receipts,
        bytes=sizes,
        variants=sum(each["variants"] for each in counts),
        blocks=sum(each["blocks"] for each in counts),
    )


def _work(people: int, length: int, batch_size: int, folder: Path) -> Work:
    threads, place = len(os.sched_getaffinity(0)), _folder_of(people, length, batch_size, folder)
    return Work(place=place, threads=threads, region=f"{CONTIG}:{length // 4 + 1}-{length // 4 * 3}")


def _prepared(people: int, length: int, batch_size: int, folder: Path) -> Work:
    """The work on a cohort, of which nothing is done yet."""
    work = _work(people, length, batch_size, folder)
    with open_scatter(f"processes:{work.threads}") as scatter:
        ScaleCohort(length).write(work.cohort, people, scatter, batch_size)
    for old in ("cohort/derived", "callset", "region.vcf.gz.parts"):
        shutil.rmtree(work.place / old, ignore_errors=True)
    return work


def grow(people: int, added: int, length: int, batch_size: int, folder: Path) -> str:
    """What the last people cost that are added to a callset of the others, to all of them at once, which are there."""
    few, whole = (_work(count, length, batch_size, folder) for count in (FEW, people))
    work = replace(whole, place=whole.place.with_name(f"{whole.place.name}-grown"))
    shutil.rmtree(work.place, ignore_errors=True)
    for count in (people - added, people):
        with open_scatter(f"processes:{work.threads}") as scatter:
            ScaleCohort(length).write(work.cohort, count, scatter, batch_size)
        receipts = {step: in_own_process(partial(_warmed, few, work, step)) for step in STORED}
    grown, once = (callset.open_callset(each.place / "callset") for each in (work, whole))
    region = f"{CONTIG}:{length // 2 + 1}-{length // 2 + 500}"
    equal = grown.sites() == once.sites() and grown.genotypes(region) == once.genotypes(region)
    costs = ", ".join(f"{step} {receipt.cpu_seconds:.2f}" for step, receipt in receipts.items())
    total = sum(receipt.cpu_seconds for receipt in receipts.values())
    return f"  {added:,} added to {people - added:,}: {total:.2f} core-s ({costs}); equal: {equal}"


def _folder_of(people: int, length: int, batch_size: int, folder: Path) -> Path:
    return folder / "-".join(map(str, (people, length) if batch_size == BATCH_SIZE else (people, length, batch_size)))


def _warmed(few: Work, work: Work, step: str) -> Receipt:
    getattr(few, step)()
    return getattr(work, step)()


def lines(one: Measured) -> Iterator[str]:
    """What was measured, as text."""
    genotypes, reached = one.sites * one.people, one.receipts["arrow"].figures["genotypes"]
    yield f"{one.people:,} people, {one.sites:,} sites, {genotypes:,} genotypes"
    yield (
        f"  a person has {one.variants / one.people:.1f} variants and {one.blocks / one.people:.1f} blocks; "
        f"a block covers {genotypes / max(1, one.blocks):.2f} sites; "
        f"{(one.variants + one.blocks) / one.sites:,.0f} records a site"
    )
    for step, receipt in one.receipts.items():
        count = reached if step in ("arrow", "vcf") else genotypes
        yield (
            f"  {step:9} {receipt.cpu_seconds:9.2f} core-s  {receipt.seconds:8.2f} s  "
            f"{receipt.peak_memory_bytes / 1e6:7,.0f} MB  {receipt.cpu_seconds / count * 1e6:8.4f} us a genotype  "
            f"{receipt.cpu_seconds / one.people * 1e3:8.3f} ms a genome"
        )
    yield f"  store to callset {one.core_seconds / one.people * 1e3:.3f} core-ms a genome"
    for what, count in {**one.bytes, "callset": one.callset}.items():
        over = reached if what.startswith("VCF") else genotypes
        yield (
            f"  {what:18} {count:14,} bytes  {count / over:8.4f} a genotype  {count / one.people:10,.0f} a genome  "
            f"{count / one.variants:8.1f} a variant record"
        )


def ratios(first: Measured, last: Measured) -> str:
    """How a genome's costs grow from the smallest to the largest cohort."""
    seconds = last.core_seconds / last.people / (first.core_seconds / first.people)
    stored = last.callset / last.people / (first.callset / first.people)
    return (
        f"a genome among {last.people:,} to one among {first.people:,}: {seconds:.2f} times the core-seconds from "
        f"store to callset, {stored:.2f} times the callset's bytes"
    )


def zarr(place: Path) -> str:
    """Bytes of the region's VCF as VCF Zarr, made by bio2zarr in an environment of its own; or why there is none."""
    home = place.parent / ZARR
    try:
        if not home.exists():
            subprocess.run([sys.executable, "-m", "venv", str(home)], check=True, capture_output=True)
            subprocess.run(
                [str(home / "bin/pip"), "install", "-q", f"{ZARR}[vcf]"], check=True, capture_output=True, text=True
            )
        out = place / "region.zarr"
        shutil.rmtree(out, ignore_errors=True)
        subprocess.run(
            [str(home / "bin/vcf2zarr"), "convert", "-f", str(place / "region.vcf.gz"), str(out)],
            check=True,
            capture_output=True,
            text=True,
        )
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        shutil.rmtree(home, ignore_errors=True)
        return f"  VCF Zarr of the region: none ({getattr(error, 'stderr', '') or error})"
    return f"  VCF Zarr of the region {size(out):12,} bytes"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", default="1000,10000,100000", help="sizes of cohorts, commas between")
    parser.add_argument("--length", type=int, default=20_000, help="bases of the region")
    parser.add_argument("--batch-size", type=int, default=BATCH_SIZE, help="people ingested together")
    parser.add_argument("--added", type=int, default=0, help="also add so many people, some batches, to the others")
    parser.add_argument("--keep", type=Path, default=Path("results/scale"), help="where cohorts are kept")
    parser.add_argument("--zarr", action="store_true", help="also the region as VCF Zarr, by bio2zarr (by pip)")
    choice = parser.parse_args()
    choice.keep.mkdir(parents=True, exist_ok=True)
    compile_kernels(len(os.sched_getaffinity(0)), None, Silent())
    everything = []
    for people in map(int, choice.people.split(",")):
        everything.append(measure(people, choice.length, choice.batch_size, choice.keep))
        print("\n".join(lines(everything[-1])), flush=True)
        if choice.added:
            grown = grow(people, choice.added, choice.length, choice.batch_size, choice.keep)
            print(f"{grown}; all at once {everything[-1].core_seconds:.2f}", flush=True)
        if choice.zarr:
            print(zarr(_folder_of(people, choice.length, choice.batch_size, choice.keep)), flush=True)
    if len(everything) > 1:
        print(ratios(everything[0], everything[-1]))


if __name__ == "__main__":
    main()
