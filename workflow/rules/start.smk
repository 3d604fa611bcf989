# Before any job: the config against its schema, the sample sheet and every file it names; one folder, one run.

import fcntl
import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from shlex import quote
from shutil import which

# Snakemake would load pandas (0.4 s) to see whether a rule's params are tables of it: ours never are.
sys.modules.setdefault("pandas", None)

import psutil
from snakemake.utils import validate

from genocloud import callset, costs, federation, regions, samples
from genocloud import storage as stores  # `storage` is a word of Snakemake's
from genocloud.errors import GenocloudError, InputError, UnreadableFile, did_you_mean, mistyped
from genocloud.reads.ploidy import SexContigs, copies

RECEIPT = "results/inputs/inputs.json"
RUN_MARK = "GENOCLOUD_RUN"
SLURM_NAME = "genocloud"  # begins the name of each of our jobs in Slurm's queue
OWN_JOB = os.environ.get("SLURM_JOB_ID")  # that this very run may be; the executor plugin takes it away later
GRACE_SECONDS = 10
SNAKEMAKE_MB = 400  # of two processes that stand around the command of a job of Slurm's, measured
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
INSIDE = ("intervals", "interval_padding", "exclude_intervals", "interval_exclusion_padding")
WHERE = (*INSIDE, "include_non_variant_sites", "force_output_intervals")
UNFIT = re.compile(r"[{}\x00-\x1f\x7f]")
NOT_IN_PATHS = "which neither Snakemake nor a sample sheet takes in a path"
UNFIT_REMEDY = "rename it, or put a link with another name in its place"
MANY = 1000  # samples; fewer are looked into too fast for a progress display
STEPS_IN_PARTS = ("discover", "genotype")
TBI_BP = 2**29  # a tabix index reaches no further


class BadConfig(InputError):
    """The config holds a key or a value that it may not hold."""

    file = "config"

    def __init__(self, place, problem, remedy):
        self.place, self.problem, self.remedy = place, problem, remedy
        super().__init__(": ".join(filter(None, [self.file, place, f"{problem}; {remedy}"])))


include: "profile.smk"


def checked_config():
    """The config with the schema's defaults filled in. Raises BadConfig."""
    hold_to_schema(config, "../schemas/config.schema.yaml", BadConfig)
    return config


def hold_to_schema(settings, schema, error_class):
    """Fill in the schema's defaults. Raises `error_class` for the first thing that may not stand there."""
    try:
        validate(settings, schema)
    except WorkflowError as error:
        mistake = error.__context__
        place = re.sub(r"\['([^']+)'\]", r".\1", mistake.json_path).removeprefix("$").removeprefix(".")
        keys = mistake.schema.get("properties")
        remedy = f"the keys are {', '.join(keys)}" if keys else mistake.schema.get("description", f"see {schema[3:]}")
        remedy += mistyped(mistake.message, keys or ())
        raise error_class(place, mistake.message, remedy) from None


def check_texts():
    """Refuse what a rule's files and settings cannot hold: Snakemake takes braces for wildcards. Raises BadConfig."""
    for place, text in texts_of(config):
        if bad := UNFIT.search(text):
            raise BadConfig(place, f"{text!r} holds {bad[0]!r}, {NOT_IN_PATHS}", UNFIT_REMEDY)


def check_paths(people):
    """The same for the sheet's paths. Raises BadRow."""
    for person in people:
        for path in filter(None, [person.gvcf, person.reads]):
            if bad := UNFIT.search(path):
                problem = f"sample {person.sample}: {path!r} holds {bad[0]!r}, {NOT_IN_PATHS}"
                raise samples.BadRow(config["samples"], person.line, person.sample, problem, UNFIT_REMEDY)


def texts_of(value, place=""):
    """(place, text) of every text among the config's values."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from texts_of(each, f"{place}.{key}".lstrip("."))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from texts_of(each, f"{place}[{number}]")


def check_prices():
    """Read the price tables that the config names. Raises BadPrices."""
    named = [config["prices"], *(site.get("prices") for site in config.get("sites", {}).values())]
    for table in filter(None, named):
        costs.read_prices(costs.find_prices(table, "config.yaml"))


def checked_people(sheet, caller):
    """The rows of the sample sheet by name, each with a source that the caller can use. Raises SheetError."""
    people = samples.read_sheet(sheet)
    check_paths(people)
    for person in people:
        if person.reads and caller == "none":
            problem = f"sample {person.sample} comes as reads, and the config says `caller: none`"
            raise samples.BadRow(sheet, person.line, person.sample, problem, "give a gVCF, or choose a caller")
    return {person.sample: person for person in people}


def people_here(people, hybrid):
    """Those whose files lie at the site that coordinates: all, where there is but one. Raises BadRow for other sites."""
    if hybrid is None:
        return list(people)
    known = [site.name for site in hybrid.sites]
    for person in people:
        if (person.site or hybrid.coordinator) not in known:
            problem = f"sample {person.sample} lies at the site {person.site!r}, which the config does not have"
            remedy = f"its sites are {', '.join(known)}{did_you_mean(person.site, known)}"
            raise samples.BadRow(config["samples"], person.line, person.sample, problem, remedy)
        if person.reads and (person.site or hybrid.coordinator) != hybrid.coordinator:
            problem = f"sample {person.sample} comes as reads at the site {person.site}"
            remedy = "call it there (genocloud call), and give its gVCF"
            raise samples.BadRow(config["samples"], person.line, person.sample, problem, remedy)
    here = next(site for site in hybrid.sites if site.name == hybrid.coordinator)
    config["callset"] = here.callset
    return [person for person in people if (person.site or here.name) == here.name]


def sites_to_export():
    """Of samples at several sites: those whose genotypes may be read here, as options, if there are others."""
    if not HYBRID or all(site.policy == "may_leave" or site.name == HYBRID.coordinator for site in HYBRID.sites):
        return ""
    known = [site.name for site in HYBRID.sites if site.policy == "may_leave" or site.name == HYBRID.coordinator]
    return " ".join(f"--site {name}" for name in known)


def check_files():
    """Look into every file before the first job, unless nothing changed since an earlier run did. Raises InputError."""
    reads = [person.reads for person in PEOPLE.values() if person.reads]
    if config["caller"] in ("gatk", "deepvariant") and CALLED and (far := remote([config["reference"], *reads])):
        problem = f"{config['caller']} is run on files of this machine, and {far[0]} is none"
        raise BadConfig("caller", problem, "copy reads and reference here, or use bcftools")
    if config["caller"] == "gatk" and CALLED and not Path(DICTIONARY).exists():
        remedy = f"make it: gatk CreateSequenceDictionary -R {config['reference']}"
        raise UnreadableFile(DICTIONARY, "GATK needs this file", remedy)
    by_environment = workflow.deployment_settings.deployment_method  # conda or a container will bring it
    if config["caller"] == "gatk" and CALLED and not (by_environment or which("gatk")):
        remedy = "put GATK's launcher on the PATH, or run with --sdm conda or --sdm apptainer"
        raise BadConfig("caller", "there is no program gatk on the PATH", remedy)
    if workflow.is_main_process and not HYBRID and not is_checked():
        look_into_files()


def files_of_call(wildcards):
    """What a person is called from."""
    return [PEOPLE[wildcards.sample].reads, *REFERENCE_FILES]


def look_into_files():
    # Imported here, for the readers take seconds to load and a run with nothing to do should not wait for them.
    from genocloud.scatter.executors import open_scatter
    from genocloud.scatter.progress_display import open_progress
    from genocloud.steps.inputs import check_inputs
    from genocloud.pipeline.intervals import Intervals

    with open_scatter("threads:4") as scatter, open_progress(quiet=len(PEOPLE) < MANY) as progress:
        where = Intervals(
            tuple(config["intervals"]),
            config["interval_padding"],
            excluded=tuple(config["exclude_intervals"]),
            exclusion_padding=config["interval_exclusion_padding"],
        )
        check_inputs(config["samples"], config["reference"], scatter, progress, where)


def is_checked():
    """Whether the receipt of an earlier check is newer than every file that the run reads."""
    try:
        checked = Path(RECEIPT).stat().st_mtime
        return all(age < checked for age in (*(Path(file).stat().st_mtime for file in local(READ)), *ages(READ)))
    except (OSError, stores.StoreFailed):
        return False


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

    One process, whose threads share what they read, within the job's memory. A small cohort is done in the job's own
    process: a cluster takes some 2 s to start and end. As it hangs on resources, Snakemake does not count it among the
    settings whose change makes a job run again.
    """
    return resources.get("scatter", here_by_default(threads, room_of(wildcards, resources)))


def here_by_default(threads, room):
    """Where tasks run if no profile says."""
    return f"threads:{threads}" if SMALL else f"local:processes=1,threads={threads},memory={room}MB"


def memory_of(wildcards, resources):
    """The job's memory as the budget of tasks that run in its own process; Dask's workers have limits of their own."""
    apart = resources.get("scatter", here_by_default(1, 1)).startswith(("local", "tcp", "tls", "slurm", "kubernetes"))
    return "" if apart else f"--memory {room_of(wildcards, resources)}MB"


def room_of(wildcards, resources):
    """The job's memory, MB; less what Snakemake itself takes there, where a batch system counts that too."""
    return resources.mem_mb - (SNAKEMAKE_MB if workflow.remote_exec else 0)


def is_small():
    """Whether the samples' files are so small together that jobs side by side would cost more than they save.

    Files with a URL, or not on this machine, count as large.
    """
    return not HYBRID and samples.are_small(HERE, config["small_cohort_bytes"])


def part_option(wildcards):
    """The part of the genome that a job does, as an option; none for the whole."""
    return "" if is_whole(wildcards.part) else f"--part {wildcards.part}"


def is_whole(part):
    """Whether this stands for the whole genome: a step's own name does; parts' begin with a number."""
    return part in STEPS_IN_PARTS


def receipts_of(step):
    """What a step's jobs leave: a receipt for each part of the genome, or that of the whole step."""
    return [f"results/{step}/{part}.json" for part in PARTS or [step]]


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
    if which("squeue"):
        cancel_orphans()
    orphans = [process for process in psutil.process_iter() if is_ours(process)]
    for orphan in orphans:
        with suppress(psutil.NoSuchProcess):  # Slurm may have ended it meanwhile
            orphan.kill()
    psutil.wait_procs(orphans, timeout=GRACE_SECONDS)
    if orphans:
        print(f"genocloud: ended what a killed run had left behind: {len(orphans)} processes", file=sys.stderr)


def cancel_orphans():
    """The same for its jobs in Slurm's queue: ours by name (profiles/slurm) and folder. They go on when a run is killed.

    They would do no harm, as a job may run twice, but do the same work beside the new ones.
    """
    try:
        rows = [row.split("|", 2) for row in asked("squeue", "--noheader", "--user", str(os.getuid()), "-o", "%A|%j|%Z")]
        here = {job for job, name, folder in rows if name.startswith(SLURM_NAME) and folder == str(Path.cwd())}
        orphans = sorted(here - {OWN_JOB})
        if orphans:
            asked("scancel", *orphans)
            print(f"genocloud: cancelled what a killed run had left in the queue: {len(orphans)} jobs", file=sys.stderr)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"genocloud: Slurm does not tell what a killed run may have left in its queue ({error})", file=sys.stderr)


def asked(*words):
    """What a command of Slurm's answers, by lines."""
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()


def is_ours(process):
    try:
        return process.environ().get(RUN_MARK) == str(Path.cwd())
    except psutil.Error:
        return False


def tell_summary():
    """Print the report's summary, if this run is the one that wrote it."""
    receipt = Path("results/report/report.json")
    if receipt.exists() and receipt.stat().st_mtime > psutil.Process().create_time():
        summary = stores.open_file(REPORT_FILES[1]).read().decode()
        print(f"{summary}  vcf      {config['vcf']}", file=sys.stderr)


os.environ.update(PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH')}")  # this Python's genocloud

try:
    if workflow.is_main_process:
        check_profiles()
    config = checked_config()
    check_texts()
    check_prices()
    if config["audit"]:
        os.environ.update(GENOCLOUD_AUDIT=config["audit"])  # jobs inherit it
    PEOPLE = checked_people(config["samples"], config["caller"])
    HYBRID = federation.config_of(config) if config.get("sites") else None
    HERE = people_here(PEOPLE.values(), HYBRID)
    CALLED = [person.sample for person in PEOPLE.values() if person.reads]
    GIVEN = [person.gvcf for person in HERE if person.gvcf]
    WHERE_TEXTS = config["intervals"] + config["exclude_intervals"] + config["force_output_intervals"]
    WHERE_FILES = [text for text in WHERE_TEXTS if Path(text).is_file() or remote([text])]
    REFERENCE_FILES = [config["reference"], f"{config['reference']}.fai"]
    DICTIONARY = str(Path(config["reference"]).with_suffix(".dict"))
    READ = [config["samples"], *REFERENCE_FILES, *(person.gvcf or person.reads for person in HERE)]
    READ += [*WHERE_FILES, *filter(None, [config["dbsnp"]])]
    callset.check_vcf_url(config["vcf"])
    check_files()
    CONTIGS = regions.contigs_from_fai(stores.open_file(REFERENCE_FILES[1]).read().decode())
    INDEX = "csi" if config["vcf"].endswith(".bcf") or max(contig.length for contig in CONTIGS) > TBI_BP else "tbi"
    VCF_FILES = [config["vcf"], f"{config['vcf']}.{INDEX}"]
    REPORT_FILES = [config["report"]]
    REPORT_FILES += [config["report"].removesuffix(".html") + end for end in (".txt", ".samples.tsv", ".samples.json")]
    GENOTYPED = "results/hybrid/hybrid.json" if HYBRID else "results/genotype/genotype.json"
    stores.make_private()
    SMALL = is_small()
    PARTS = [] if SMALL else [part.name for part in regions.parts(CONTIGS, config["part_bp"])]
    if workflow.is_main_process:
        ages([*WHERE_FILES, config["dbsnp"]])  # or one that is not there would be told by Snakemake, in its own way
        drop_void_receipts()
        drop_other_parts()
    PAR = [regions.parse_region(text, CONTIGS) for text in config["par"]]
    SEX_CONTIGS = SexContigs.with_par([(CONTIGS[region.contig].name, region.start, region.end) for region in PAR])
    CHECKED = "results/hybrid/samples.tsv" if HYBRID else RECEIPT
except GenocloudError as error:
    print(f"genocloud: {error}", file=sys.stderr)
    sys.exit(error.exit_code)


wildcard_constraints:
    sample="|".join(re.escape(sample) for sample in CALLED) or "nobody",
    sex="male|female|unknown",
    part="|".join(re.escape(part) for part in {*STEPS_IN_PARTS, *PARTS}),
