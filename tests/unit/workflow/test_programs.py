"""A caller's program leaves a whole gVCF and a receipt that balances, or neither."""

import gzip
import json
import re
import subprocess
from dataclasses import replace
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import pysam
import pytest

from genocloud import json_digest
from genocloud.errors import InputError
from genocloud.gvcf import SampleNotChosen
from genocloud.reads import SexContigs, count_reads
from genocloud.regions import Contig
from genocloud.shipped_files import SCHEMAS
from genocloud.storage import StoreFailed
from genocloud.workflow.called_gvcf import CalledSample, take, take_called
from genocloud.workflow.caller_script import ProgramRun, caller_script, read_run, script_of
from genocloud.workflow.callers import CALLER_PROGRAMS, ProgramJob
from genocloud.workflow.ploidy_beds import stretches
from genocloud.yaml_schema import read_schema
from tests.conftest import DATA

AGAIN = "this gVCF is removed, and the next run calls the sample again"
GVCF = DATA / "gvcf/p07.g.vcf.gz"
GATK_LINE = '##GATKCommandLine=<ID=HaplotypeCaller,CommandLine="HaplotypeCaller --input a",Version="4.6.2.0",Date="x">'
LAUNCHES = {caller.name: caller.launch for caller in CALLER_PROGRAMS if caller.launch}
READS = DATA / "reads/p04.cram"


def run_script(folder: Path, *commands: list[str]) -> tuple[int, Path, Path]:
    """The exit code of a script of these commands, its gVCF, and its file `run`."""
    gvcf, run = folder / "p07.g.vcf.gz", folder / "p07.txt"
    script = script_of(list(commands), str(folder / "p07"), str(gvcf), str(run))
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    return done.returncode, gvcf, run


def test_a_program_leaves_its_gvcf_its_commands_and_their_cost(tmp_path):
    busy = ["bash", "-c", "for ((i = 0; i < 200000; i++)); do :; done; echo a word >&2"]
    code, gvcf, run = run_script(tmp_path, busy, ["cp", str(GVCF), f"{tmp_path}/p07/whole.g.vcf.gz"])
    assert code == 0
    assert gvcf.read_bytes() == GVCF.read_bytes()
    assert not (tmp_path / "p07").exists()
    cost = read_run(run)
    assert cost.command.splitlines()[1] == f"cp {GVCF} {tmp_path}/p07/whole.g.vcf.gz"
    assert cost.seconds > 0
    assert cost.cpu_seconds > 0


@pytest.mark.parametrize("failing", [["false"], ["bash", "-c", "kill -9 $$"], ["no-such-program"]])
def test_a_program_that_fails_leaves_no_gvcf(tmp_path, failing):
    """Also before a command that would go well."""
    half = ["cp", str(GVCF), f"{tmp_path}/p07/whole.g.vcf.gz"]
    code, gvcf, _ = run_script(tmp_path, half, failing, ["true"])
    assert code > 0
    assert not gvcf.exists()


def test_a_program_that_writes_nothing_fails(tmp_path):
    code, gvcf, _ = run_script(tmp_path, ["true"])
    assert (code > 0, gvcf.exists()) == (True, False)


def test_a_comma_may_stand_in_the_cost(tmp_path):
    (tmp_path / "run").write_text("a\nb\n12,500 3,250 0,250\n")
    assert read_run(tmp_path / "run") == ProgramRun("a\nb", 12.5, 3.5)


def called(gvcf: Path, sample: str = "p07", program: str = "gatk") -> CalledSample:
    with pysam.FastaFile(str(DATA / "reference.fa")) as fasta:
        contigs = tuple(map(Contig, fasta.references, fasta.lengths))
    return CalledSample(
        sample=sample,
        program=program,
        reads_url=str(READS),
        reference_url=str(DATA / "reference.fa"),
        stretches=stretches(contigs, "male", SexContigs.with_par([("chrX", 0, 12_000)])),
        gvcf=gvcf,
        run=ProgramRun("gatk HaplotypeCaller", 1000.0, 2000.0),
    )


@pytest.fixture
def written(tmp_path):
    """A gVCF as a program left it."""
    (tmp_path / "written.g.vcf.gz").write_bytes(GVCF.read_bytes())
    return tmp_path / "written.g.vcf.gz"


def test_the_receipt_balances_and_vouches_for_the_gvcf(tmp_path, written):
    final, url = tmp_path / "final.g.vcf.gz", tmp_path / "final.json"
    title, _, rest = gzip.decompress(GVCF.read_bytes()).decode().partition("\n")
    with pysam.BGZFile(str(written), "wb") as out:
        out.write(f"{title}\n{GATK_LINE}\n{rest}".encode())
    content = written.read_bytes()
    take(called(written), final, str(url))
    receipt = json_digest.open_json(url.read_bytes())
    assert not written.exists()
    assert final.read_bytes() == content
    records = [line.split("\t") for line in rest.splitlines() if not line.startswith("#")]
    blocks = sum(columns[4] == "<NON_REF>" for columns in records)
    figures, balance = receipt["figures"], receipt["balance"]
    assert (receipt["step"], balance["unit"], balance["taken"]) == ("call", "records", len(records))
    assert balance["kept"] + sum(balance["dropped"].values()) == len(records)
    assert (figures["variants"], figures["blocks"]) == (len(records) - blocks, blocks)
    assert (figures["program"], figures["program_version"]) == ("gatk", "4.6.2.0")
    assert figures["reads"] == sum(
        1 for _ in pysam.AlignmentFile(str(READS), reference_filename=str(DATA / "reference.fa"))
    )
    assert (figures["contigs"], figures["contigs_with_records"], figures["regions"]) == (5, 5, 6)
    assert figures["bases"] == 150_000 + 110_000 + 80_000 + 30_000 + 16_500
    assert receipt["outputs"] == {str(final): figures["gvcf_bytes"]} == {str(final): len(content)}
    assert figures["gvcf_sha256"] == sha256(content).hexdigest()
    assert receipt["command"] == "gatk HaplotypeCaller"
    assert 1000 < receipt["seconds"] < 1100
    assert 2000 < receipt["cpu_seconds"] < 2100
    assert receipt["inputs"].keys() == {"reference", "reads"}


@pytest.mark.parametrize("bytes_lost", [28, 1000], ids=["the end's mark", "half a block"])
def test_a_truncated_gvcf_has_no_receipt_and_no_final_name(tmp_path, written, bytes_lost):
    written.write_bytes(GVCF.read_bytes()[:-bytes_lost])
    with pytest.raises(InputError):
        take(called(written), tmp_path / "final.g.vcf.gz", str(tmp_path / "final.json"))
    assert list(tmp_path.iterdir()) == [], "the bad one is removed, for the next run to call again"


def test_a_gvcf_of_another_sample_is_refused(tmp_path, written):
    with pytest.raises(SampleNotChosen):
        take(called(written, "p04"), tmp_path / "final.g.vcf.gz", str(tmp_path / "final.json"))
    assert list(tmp_path.iterdir()) == []


def test_a_gvcf_stays_where_something_else_is_wrong(tmp_path, written, monkeypatch):
    """The reads are gone, or the receipt cannot be written: it took days, and is as good as before."""
    final, url = tmp_path / "final.g.vcf.gz", str(tmp_path / "final.json")
    with pytest.raises(InputError):
        take(replace(called(written), reads_url=str(tmp_path / "no.cram")), final, url)
    assert written.read_bytes() == GVCF.read_bytes()

    def full(receipt, url):
        raise StoreFailed(url, "no space left", "make room")

    monkeypatch.setattr("genocloud.workflow.called_gvcf.write_receipt", full)
    with pytest.raises(StoreFailed):
        take(called(written), final, url)
    assert written.read_bytes() == GVCF.read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == ["written.g.vcf.gz"]


@pytest.mark.parametrize(("sample", "says_again"), [("p04", True), ("p07", False)], ids=["bad", "reads gone"])
def test_the_message_says_that_the_sample_is_called_again(tmp_path, written, capsys, sample, says_again):
    (tmp_path / "run").write_text("gatk\n1 1 1\n")
    study = SimpleNamespace(
        samples={sample: SimpleNamespace(sample=sample, reads="no.cram" if sample == "p07" else READS, sex="male")},
        settings={"caller": "gatk", "reference": str(DATA / "reference.fa")},
        stretches=lambda sex: called(written).stretches,
    )
    paths = SimpleNamespace(gvcf=str(written), run=str(tmp_path / "run"))
    final = SimpleNamespace(gvcf=str(tmp_path / "final"), receipt=str(tmp_path / "final.json"))
    for attempt in (1, 2):
        with pytest.raises(InputError):
            take_called(study, SimpleNamespace(sample=sample), paths, final, tmp_path / "log")
        assert (AGAIN in capsys.readouterr().err) is says_again
        assert len((tmp_path / "log").read_text().splitlines()) == attempt, "a retry keeps what the first one said"


def test_no_work_folder_is_anothers_output(tmp_path):
    """It was: the folder of a sample `a.g.vcf.gz` was the gVCF of `a`, and was removed first."""
    launch = replace(LAUNCHES["gatk"], commands=lambda job: folders.append(job.folder) or [["true"]])
    folders, outputs = [], []
    for name in ("a", "a.g.vcf.gz", "a.txt"):
        study = SimpleNamespace(
            samples={name: SimpleNamespace(sample=name, reads="a.bam", sex="male")},
            settings={"reference": "ref.fa"},
            stretches=lambda sex: [],
            ploidy_beds=lambda wildcards: {},
        )
        output = SimpleNamespace(gvcf=f"results/call/program/{name}.g.vcf.gz", run=f"results/call/program/{name}.txt")
        job = {"wildcards": SimpleNamespace(sample=name), "output": output, "threads": 1}
        caller_script(study, launch, **job, resources=SimpleNamespace(mem_mb=1000))
        outputs += [output.gvcf, output.run]
    assert len({*folders, *outputs}) == 9


def test_programs_share_no_outcome():
    settings = {"deepvariant_model": "WGS", "deepvariant_version": "1.9.0"}
    plain = [
        replace(caller, launch=caller.launch and replace(caller.launch, settings=())) for caller in CALLER_PROGRAMS
    ]
    outcomes = [caller.outcome(settings) for caller in plain]
    assert all(first != second for first, second in combinations(outcomes, 2))
    for caller in plain:
        if caller.launch:
            other = replace(caller, launch=replace(caller.launch, image="another:1.0"))
            assert other.outcome(settings) != caller.outcome(settings)
    by_name = {caller.name: caller for caller in CALLER_PROGRAMS}
    assert by_name["deepvariant"].outcome(settings) != by_name["deepvariant"].outcome(
        settings | {"deepvariant_model": "WES"}
    )


def test_a_version_that_the_header_does_not_say_is_empty(tmp_path, written):
    take(called(written, program="deepvariant"), tmp_path / "a.g.vcf.gz", str(tmp_path / "a.json"))
    assert json.loads((tmp_path / "a.json").read_text())["figures"]["program_version"] == ""


def test_deepvariants_version_stands_in_its_header():
    assert LAUNCHES["deepvariant"].version.search("##fileformat=VCFv4.2\n##DeepVariant_version=1.9.0\n")[1] == "1.9.0"


def test_reads_of_a_bam_are_counted_by_its_index_with_those_not_aligned(tmp_path):
    header = {"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": [{"SN": "chr1", "LN": 1000}]}
    with pysam.AlignmentFile(str(tmp_path / "a.bam"), "wb", header=header) as out:
        for number, contig in enumerate((0, 0, -1)):
            read = pysam.AlignedSegment(out.header)
            read.query_name, read.query_sequence, read.reference_id = str(number), "ACGT", contig
            read.flag, read.reference_start = (0, 10) if contig == 0 else (4, -1)
            read.cigarstring = "4M" if contig == 0 else None
            out.write(read)
    pysam.index(str(tmp_path / "a.bam"))
    assert count_reads(str(tmp_path / "a.bam")) == 3


def test_what_a_programs_outcome_depends_on_are_keys_of_the_config():
    keys = read_schema(SCHEMAS / "config.schema.yaml")["properties"]
    assert all(key in keys for launch in LAUNCHES.values() for key in launch.settings)
    assert LAUNCHES["deepvariant"].container({"deepvariant_version": "1.9.0"}) == "docker://google/deepvariant:1.9.0"


@pytest.mark.parametrize("name", LAUNCHES)
def test_commands_name_the_jobs_files(name):
    job = ProgramJob(
        sample="ann",
        reads="ann.cram",
        reference="ref.fa",
        beds={kind: f"{kind}.bed" for kind in ("haploid", "diploid", "par")},
        haploid_contigs=["chrM"],
        ploidies=[1, 2],
        folder="work",
        threads=3,
        memory_mb=4000,
        settings=SimpleNamespace(__getitem__=str) if name == "gatk" else {"deepvariant_model": "WGS"},
    )
    text = "\n".join(" ".join(command) for command in LAUNCHES[name].commands(job))
    assert all(
        re.search(rf"\b{re.escape(word)}\b", text) for word in ("ann.cram", "ref.fa", "haploid.bed", "diploid.bed")
    )
    assert "work/whole.g.vcf.gz" in text
