"""Laws of intervals and forced sites through the steps: cut anyhow, fused or not, they give the same lines."""

import gzip

from genocloud import pipeline, steps
from genocloud.cohort import open_cohort
from genocloud.genotypes import Model
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Silent
from tests.conftest import DATA, sample_map

REFERENCE = str(DATA / "reference.fa")
PLACES = ("chr1:5000-5400", "chr1:6100-6150", "chrX:100-300")


def lines(path):
    return [row for row in gzip.decompress(path.read_bytes()).decode().splitlines() if not row.startswith("##")]


def in_steps(folder, sheet, intervals):
    """Small batches, and windows that cut the first of PLACES; each command on its own."""
    out, progress = folder / "steps.vcf.gz", Silent()
    places = str(folder / "cohort"), str(folder / "callset")
    with open_scatter("threads:2") as scatter:
        steps.ingest(
            places[0],
            sheet,
            REFERENCE,
            options=pipeline.IngestOptions(batch_size=2, window_bp=5_200),
            scatter=scatter,
            progress=progress,
        )
        stored_cohort = open_cohort(places[0])
        cut = pipeline.cut_genome(stored_cohort, targets=intervals.targets(stored_cohort.contigs))
        steps.discover(
            stored_cohort, cut, scatter=scatter, progress=progress, reference=pipeline.read_reference(REFERENCE)
        )
        steps.genotype(stored_cohort, places[1], model=Model(), cut=cut, scatter=scatter, progress=progress)
        steps.export(places[1], str(out), scatter=scatter, progress=progress)
    return lines(out)


def test_all_sites_of_intervals_do_not_depend_on_cuts(tmp_path, gvcfs):
    sheet = str(sample_map(tmp_path, gvcfs[:5]))
    intervals = pipeline.Intervals(included=PLACES, padding=3, non_variant=True)
    out = tmp_path / "joint.vcf.gz"
    steps.joint(
        pipeline.JointOptions(listed=sheet, reference_url=REFERENCE, out_url=str(out), intervals=intervals),
        progress=Silent(),
    )
    fused = lines(out)
    assert len(fused) > 600
    assert in_steps(tmp_path, sheet, intervals) == fused


def test_forced_intervals_add_their_sites_to_those_of_a_plain_run(tmp_path, made, gvcfs):
    bed, out = tmp_path / "some.bed", tmp_path / "forced.vcf.gz"
    bed.write_text("chr1\t4999\t5400\nchrX\t99\t200\n")
    intervals = pipeline.Intervals(force_output=(str(bed),))
    steps.joint(
        pipeline.JointOptions(
            listed=str(sample_map(tmp_path, gvcfs)), reference_url=REFERENCE, out_url=str(out), intervals=intervals
        ),
        progress=Silent(),
    )
    plain, forced = lines(made.vcf), lines(out)
    assert set(plain) <= set(forced)
    added = [row.split("\t") for row in forced if row not in set(plain)]
    assert {row[0] for row in added} == {"chr1", "chrX"}
    assert all(row[4] == "." or row[6] == "LowQual" for row in added)
    assert len(added) > 300
