# Before any job: the config against its schema, the sample sheet and every file it names; one folder, one run.

import fcntl
import os
import re
import sys
from pathlib import Path
from shlex import quote
from shutil import which

import psutil
from snakemake.utils import validate

from genocloud import objects, regions, samples
from genocloud.errors import GenocloudError, InputError, UnreadableFile
from genocloud.reads.ploidy import SexContigs, copies

RECEIPT = "results/inputs/inputs.json"
RUN_MARK = "GENOCLOUD_RUN"
GRACE_SECONDS = 10
MODEL = (
    "stand_call_conf",
    "heterozygosity",
    "indel_heterozygosity",
    "heterozygosity_stdev",
    "max_alternate_alleles",
    "annotation_group",
    "annotate_with_num_discovered_alleles",
    "allow_old_rms_mapping_quality_annotation_data",
)
WHERE = ("intervals", "interval_padding", "include_non_variant_sites", "force_output_intervals")
MANY = 1000  # samples; fewer are looked into too fast for a progress display
TBI_BP = 2**29  # a tabix index reaches no further


class BadConfig(InputError):
    """The config holds a key or a value that it may not hold."""

    def __init__(self, place, problem, remedy):
        self.place, self.problem, self.remedy = place, problem, remedy
        super().__init__(": ".join(filter(None, ["config", place, f"{problem}; {remedy}"])))


def checked_config():
    """The config with the schema's defaults filled in. Raises BadConfig."""
    try:
        validate(config, "../schemas/config.schema.yaml")
    except WorkflowError as error:
        mistake = error.__context__
        place = mistake.json_path.removeprefix("$").removeprefix(".")
        keys = mistake.schema.get("properties")
        remedy = f"the keys are {', '.join(keys)}" if keys else mistake.schema["description"]
        raise BadConfig(place, mistake.message, remedy) from None
    return config


def checked_people(sheet, caller):
    """The rows of the sample sheet by name, each with a source that the caller can use. Raises SheetError."""
    people = samples.read_sheet(sheet)
    for person in people:
        if person.reads and caller == "none":
            problem = f"sample {person.sample} comes as reads, and the config says `caller: none`"
            raise samples.BadRow(sheet, person.line, person.sample, problem, "give a gVCF, or choose a caller")
    return {person.sample: person for person in people}


def check_files():
    """Look into every file before the first job, unless nothing changed since an earlier run did. Raises InputError."""
    if config["caller"] == "gatk" and CALLED and not Path(DICTIONARY).exists():
        remedy = f"make it: gatk CreateSequenceDictionary -R {config['reference']}"
        raise UnreadableFile(DICTIONARY, "GATK needs this file", remedy)
    by_environment = workflow.deployment_settings.deployment_method  # conda or a container will bring it
    if config["caller"] == "gatk" and CALLED and not (by_environment or which("gatk")):
        remedy = "put GATK's launcher on the PATH, or run with --sdm conda or --sdm apptainer"
        raise BadConfig("caller", "there is no program gatk on the PATH", remedy)
    if workflow.is_main_process and not is_checked():
        look_into_files()


def look_into_files():
    # Imported here, for the readers take seconds to load and a run with nothing to do should not wait for them.
    from genocloud.scatter.executors import open_scatter
    from genocloud.scatter.progress import open_progress
    from genocloud.steps.inputs import check_inputs

    with open_scatter("threads:4") as scatter, open_progress(quiet=len(PEOPLE) < MANY) as progress:
        check_inputs(config["samples"], config["reference"], scatter, progress)


def is_checked():
    """Whether the receipt of an earlier check is newer than every local file that the run reads."""
    files = [config["samples"], *REFERENCE_FILES, *(person.gvcf or person.reads for person in PEOPLE.values())]
    try:
        checked = Path(RECEIPT).stat().st_mtime
        return all(Path(file).stat().st_mtime < checked for file in local(files))
    except OSError:
        return False


def local(files):
    """Those files whose age Snakemake can see; what has a URL is looked at by the steps."""
    return [file for file in files if "://" not in file]


def options(*names):
    """Settings of the config as options of a command: `batch_size: 200` becomes `--batch-size 200`.

    A list gives its option several times; true gives it alone; false, or an empty text, not at all.
    """
    return [each for name in names for each in spelt(f"--{name.replace('_', '-')}", config[name])]


def spelt(option, value):
    if isinstance(value, bool) or value == "":
        return [option] * bool(value)
    return [f"{option} {quote(str(each))}" for each in (value if isinstance(value, list) else [value])]


def scatter_of(wildcards, threads, resources):
    """Where a step's tasks run: what the profile says (resource `scatter`), else a Dask cluster on this machine.

    One process, whose threads share what they read, within the job's memory. As it hangs on resources, Snakemake does
    not count it among the settings whose change makes a job run again.
    """
    return resources.get("scatter", f"local:processes=1,threads={threads},memory={resources.mem_mb}MB")


def memory_of(wildcards, resources):
    """The job's memory as the budget of tasks that run in its own process; Dask's workers have limits of their own."""
    apart = resources.get("scatter", "local").startswith(("local", "tcp", "tls"))
    return "" if apart else f"--memory {resources.mem_mb}MB"


def stretches_of(sex):
    """(contig, its stretch with a number of copies) for a person of this sex, in genome order."""
    return [(contig.name, stretch) for contig in CONTIGS for stretch in copies(contig, sex, SEX_CONTIGS)]


def haploid_contigs(sex):
    """Contigs of which a person of this sex has one copy, at least in part."""
    return sorted({contig for contig, stretch in stretches_of(sex) if stretch.ploidy == 1})


def write_stretches(sex, output):
    """Write, as BED, where there is one copy, where there are two, and where two on a contig that is haploid elsewhere."""
    diploid = [row for row in stretches_of(sex) if row[1].ploidy == 2]
    write_bed(output.haploid, [row for row in stretches_of(sex) if row[1].ploidy == 1])
    write_bed(output.diploid, diploid)
    write_bed(output.par, [row for row in diploid if row[0] in haploid_contigs(sex)])


def write_bed(path, stretches):
    rows = [f"{contig}\t{stretch.start}\t{stretch.end}\n" for contig, stretch in stretches]
    Path(path).write_text("".join(rows))


def hold_folder():
    """Let one run at a time work in this folder, and end the jobs that a killed run has left behind.

    Snakemake's own lock outlives a kill -9 and then has to be removed by hand. The kernel's lock dies with its process:
    the profiles turn the former off (nolock), and this one stands in its place.
    """
    lock = os.open(".snakemake/genocloud.lock", os.O_CREAT | os.O_WRONLY)  # open, and so held, until this process ends
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"genocloud: another run is at work in {Path.cwd()}; wait for it, or use another --directory")
    end_orphans()
    os.environ.update({RUN_MARK: str(Path.cwd())})  # jobs inherit it


def end_orphans():
    """End what carries this folder's mark: jobs of a run that is no more, for we hold its lock."""
    orphans = [process for process in psutil.process_iter() if is_ours(process)]
    for orphan in orphans:
        orphan.kill()
    psutil.wait_procs(orphans, timeout=GRACE_SECONDS)
    if orphans:
        print(f"genocloud: ended what a killed run had left behind: {len(orphans)} processes", file=sys.stderr)


def is_ours(process):
    try:
        return process.environ().get(RUN_MARK) == str(Path.cwd())
    except psutil.Error:
        return False


def tell_summary():
    """Print the report's summary, if this run is the one that wrote it."""
    summary = Path("results/report.txt")
    if summary.exists() and summary.stat().st_mtime > psutil.Process().create_time():
        print(f"{summary.read_text()}  vcf      results/callset.vcf.gz", file=sys.stderr)


os.environ.update(PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH')}")  # this Python's genocloud

try:
    config = checked_config()
    PEOPLE = checked_people(config["samples"], config["caller"])
    CALLED = [person.sample for person in PEOPLE.values() if person.reads]
    WHERE_FILES = [text for text in config["intervals"] + config["force_output_intervals"] if Path(text).is_file()]
    REFERENCE_FILES = [config["reference"], f"{config['reference']}.fai"]
    DICTIONARY = str(Path(config["reference"]).with_suffix(".dict"))
    check_files()
    CONTIGS = regions.contigs_from_fai(objects.open_file(REFERENCE_FILES[1]).read().decode())
    PAR = [regions.parse_region(text, CONTIGS) for text in config["par"]]
    SEX_CONTIGS = SexContigs.with_par([(CONTIGS[region.contig].name, region.start, region.end) for region in PAR])
    PARTS = [part.name for part in regions.parts(CONTIGS, config["part_bp"])]
except GenocloudError as error:
    print(f"genocloud: {error}", file=sys.stderr)
    sys.exit(error.exit_code)

INDEX = "csi" if max(contig.length for contig in CONTIGS) > TBI_BP else "tbi"


wildcard_constraints:
    sample="|".join(re.escape(sample) for sample in CALLED) or "nobody",
    sex="male|female|unknown",
    part="|".join(re.escape(part) for part in PARTS),
