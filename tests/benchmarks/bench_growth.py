"""What it costs to add samples to a callset, against making it of all of them at once, in core-seconds of one process.

usage: python tests/benchmarks/bench_growth.py SAMPLES.tsv --reference REF.fa [--added 100]

The sheet's last samples are added to the others' cohort and callset; ingest, discover and genotype are measured, once
the kernels are compiled: no start-up, no export. The model is the one that fits the gVCFs; the tables must be those of
a callset made at once.
"""

import argparse
import tempfile
import time
from pathlib import Path

import pyarrow as pa

from genocloud import callset, cohort, pipeline, steps
from genocloud.genotypes import Model
from genocloud.pipeline.chosen_model import chosen_model
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent

Costs = dict[str, float]


def run(work: Path, samples: list[str], reference: str, model: Model) -> Costs:
    """Core-seconds of each step, for samples that join what `work` has."""
    sheet, url, scatter, progress = work / "samples.tsv", str(work / "cohort"), Inline(), Silent()
    sheet.write_text("".join(samples))
    began = [time.process_time()]
    steps.ingest(url, str(sheet), reference, options=pipeline.IngestOptions(), scatter=scatter, progress=progress)
    began.append(time.process_time())
    stored_cohort = cohort.open_cohort(url)
    cut = pipeline.cut_genome(stored_cohort)
    steps.discover(stored_cohort, cut, scatter=scatter, progress=progress)
    began.append(time.process_time())
    fitting = chosen_model(stored_cohort, model, "")
    steps.genotype(stored_cohort, str(work / "callset"), model=fitting, cut=cut, scatter=scatter, progress=progress)
    began.append(time.process_time())
    return {name: began[n + 1] - began[n] for n, name in enumerate(("ingest", "discover", "genotype"))}


def tables(work: Path) -> list[pa.Table]:
    stored_callset = callset.open_callset(str(work / "callset"))
    return [plain(table) for table in (stored_callset.sites(), stored_callset.genotypes())]


def plain(table: pa.Table) -> pa.Table:
    words = [field.with_type(pa.string()) if pa.types.is_dictionary(field.type) else field for field in table.schema]
    return table.cast(pa.schema(words)).combine_chunks()


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sheet", type=Path, help="sample and gVCF, no header")
    parser.add_argument("--reference", required=True)
    parser.add_argument("--added", type=int, default=100)
    parser.add_argument("--annotation-group", action="append", default=[])
    choice = parser.parse_args()
    samples = choice.sheet.read_text().splitlines(keepends=True)
    model = Model(annotation_groups=("StandardAnnotation", *choice.annotation_group))
    with tempfile.TemporaryDirectory() as folder:
        warm, grown, full = (Path(folder) / name for name in ("warm", "grown", "full"))
        for work in (warm, grown, full):
            work.mkdir()
        run(warm, samples[:3], choice.reference, model)
        run(warm, samples[3:5], choice.reference, model)
        whole = run(full, samples, choice.reference, model)
        run(grown, samples[: -choice.added], choice.reference, model)
        before = size(grown / "callset")
        added = run(grown, samples[-choice.added :], choice.reference, model)
        equal = tables(grown) == tables(full)
        sizes = [size(work / name) for work in (full, grown) for name in ("callset", "cohort/derived")]
    for name in whole:
        print(f"{name:10} {added[name]:8.2f} of {whole[name]:8.2f} core-s")
    ratio = sum(added.values()) / sum(whole.values())
    print(f"{choice.added} samples added to {len(samples) - choice.added}: {ratio:.1%} of all at once; equal: {equal}")
    print(f"bytes at once: callset {sizes[0]:,}, derived {sizes[1]:,}; grown: callset {sizes[2]:,} (before {before:,})")


if __name__ == "__main__":
    main()
