"""Makes the test data: `python test_data/make.py OUT --seed 1`; equal seeds and programs give equal bytes."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pysam
from simulate.deepvariant import gvcf_lines
from simulate.genome import LOW_COVERAGE, PAR_BP, Reference, make_reference
from simulate.people import READS_KEPT, Person, make_people
from simulate.reads import interleaved_fastq
from simulate.truth import truth_lines

GATK = Path(__file__).resolve().parents[1] / "tests" / "anchors" / "gatk" / "gatk"
FASTA_LINE_BP = 60
ANNOTATION_GROUPS = ("StandardAnnotation", "AS_StandardAnnotation", "StandardHCAnnotation")


@dataclass(frozen=True)
class Places:
    """Where results go, where scratch goes, and the programs."""

    out: Path
    scratch: Path
    gatk: Path

    @property
    def reference(self) -> Path:
        """The indexed FASTA."""
        return self.out / "reference.fa"


def main() -> None:
    """Parse the command line, look for the programs, write everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder for the data")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--gatk", type=Path, default=GATK, help="launcher of GATK 4.6.2.0")
    parser.add_argument(
        "--everything",
        action="store_true",
        help="also gVCFs of the people given as reads, in OUT/extra",
    )
    arguments = parser.parse_args()
    missing = missing_programs(arguments.gatk)
    if missing:
        sys.exit("make.py needs " + "; ".join(missing))
    # Runs this short are over before the optimising compiler pays for itself.
    os.environ.setdefault("JAVA_OPTS", "-Xmx2g -XX:+UseSerialGC -XX:TieredStopAtLevel=1")
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        make(Places(arguments.out, Path(scratch), arguments.gatk), arguments.seed, arguments.everything)


def missing_programs(gatk: Path) -> list[str]:
    """What has to be installed first, one phrase each."""
    missing = [f"{name} on PATH" for name in ("bwa", "java") if not shutil.which(name)]
    if not gatk.exists():
        missing.append(f"the GATK launcher (none at {gatk}; see --gatk)")
    elif not Path(os.environ.get("GATK_LIB", gatk.parent / "lib")).is_dir():
        missing.append(f"GATK's jars (cd {gatk.parent} && mvn -B -q dependency:copy-dependencies)")
    return missing


def make(places: Places, seed: int, everything: bool) -> None:
    """Every file of the data set; each part draws from its own stream of the seed."""
    genome_rng, people_rng, reads_rng = np.random.default_rng(seed).spawn(3)
    reference = make_reference(genome_rng)
    people = make_people(people_rng, reference)
    write_reference(places.reference, reference)
    # htslib finds reference bases by checksum here; given the FASTA, it would write that path into CRAM headers.
    os.environ["REF_PATH"] = str(places.scratch / "%s")
    for contig, sequence in reference.contigs.items():
        (places.scratch / reference.md5(contig)).write_text(sequence)
    write_sheets(places.out, people)
    write_vcf(places.out / "truth.vcf.gz", truth_lines(reference, people))
    for kind in ("reads", "gvcf", "deepvariant") + (("extra",) if everything else ()):
        (places.out / kind).mkdir(exist_ok=True)
    indexed = places.scratch / "reference.fa"
    shutil.copy(places.reference, indexed)
    run(["bwa", "index", str(indexed)])

    def make_person(person: Person, rng: np.random.Generator) -> None:
        alignments = align(rng, reference, person, indexed)
        if person.name in READS_KEPT:
            cram = places.out / "reads" / f"{person.name}.cram"
            write_alignments(reference, alignments, cram)
            lines = gvcf_lines(cram, places.reference, person.name, lambda contig, pos: person.ploidy(contig, pos) < 2)
            write_vcf(places.out / "deepvariant" / f"{person.name}.g.vcf.gz", lines)
        if everything or person.name not in READS_KEPT:
            bam = places.scratch / f"{person.name}.bam"
            write_alignments(reference, alignments, bam)
            folder = "extra" if person.name in READS_KEPT else "gvcf"
            call(places, person, bam, places.out / folder / f"{person.name}.g.vcf.gz")

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(make_person, people.values(), reads_rng.spawn(len(people))))


def run(command: list[str]) -> None:
    """A program, quiet unless it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")


def write_reference(fasta: Path, reference: Reference) -> None:
    """FASTA, .fai and .dict; the .dict without the UR that would name this machine's folder."""
    with fasta.open("w") as out:
        for contig, sequence in reference.contigs.items():
            out.write(f">{contig}\n")
            out.writelines(sequence[i : i + FASTA_LINE_BP] + "\n" for i in range(0, len(sequence), FASTA_LINE_BP))
    pysam.faidx(str(fasta))
    with fasta.with_suffix(".dict").open("w") as out:
        out.write("@HD\tVN:1.6\n")
        for entry in sequence_lines(reference):
            out.write("@SQ\t" + "\t".join(f"{key}:{value}" for key, value in entry.items()) + "\n")


def sequence_lines(reference: Reference) -> list[dict[str, str | int]]:
    """The @SQ lines of a SAM header."""
    return [
        {"SN": contig, "LN": len(sequence), "M5": reference.md5(contig)}
        for contig, sequence in reference.contigs.items()
    ]


def write_sheets(out: Path, people: dict[str, Person]) -> None:
    """samples.tsv, pedigree.ped and the two BED files."""
    rows = ["sample\treads\tgvcf\tsex"]
    for person in people.values():
        reads = f"reads/{person.name}.cram" if person.name in READS_KEPT else ""
        gvcf = "" if reads else f"gvcf/{person.name}.g.vcf.gz"
        rows.append(f"{person.name}\t{reads}\t{gvcf}\t{person.sex}")
    (out / "samples.tsv").write_text("\n".join(rows) + "\n")
    (out / "pedigree.ped").write_text("trio\tchild\tfather\tmother\t1\t0\n")
    (out / "par.bed").write_text(f"chrX\t0\t{PAR_BP}\n")
    (out / "low_coverage.bed").write_text("{}\t{}\t{}\n".format(*LOW_COVERAGE))


def write_vcf(path: Path, lines: Iterable[str]) -> None:
    """BGZF text and its tabix index."""
    with pysam.BGZFile(str(path), "wb") as out:
        for line in lines:
            out.write(line.encode())
    pysam.tabix_index(str(path), preset="vcf", force=True)


def align(rng: np.random.Generator, reference: Reference, person: Person, indexed: Path) -> list[pysam.AlignedSegment]:
    """Reads mapped by bwa mem, sorted, with the tags nobody reads taken off."""
    fastq, sam = (indexed.with_name(f"{person.name}.{kind}") for kind in ("fq", "sam"))
    with fastq.open("w") as out:
        out.writelines(interleaved_fastq(rng, reference, person))
    group = f"@RG\\tID:{person.name}\\tSM:{person.name}\\tPL:ILLUMINA\\tLB:{person.name}"
    # -K: batches, and with them the insert size estimates, must not depend on the number of threads.
    run(["bwa", "mem", "-K", "100000000", "-p", "-R", group, "-o", str(sam), str(indexed), str(fastq)])
    with pysam.AlignmentFile(str(sam)) as source:
        alignments = [slim(alignment) for alignment in source]
    fastq.unlink()
    sam.unlink()
    return sorted(alignments, key=lambda a: (a.reference_id % 2**32, a.reference_start))


def slim(alignment: pysam.AlignedSegment) -> pysam.AlignedSegment:
    """Only the read group stays: NM and MD follow from the reference, the rest serves no caller here."""
    alignment.set_tags([("RG", alignment.get_tag("RG"))])
    return alignment


def write_alignments(reference: Reference, alignments: list[pysam.AlignedSegment], path: Path) -> None:
    """CRAM or BAM by the path's ending, with index; no path and no command line in the header."""
    name = path.stem
    header = {
        "HD": {"VN": "1.6", "SO": "coordinate"},
        "SQ": sequence_lines(reference),
        "RG": [{"ID": name, "SM": name, "PL": "ILLUMINA", "LB": name}],
        "PG": [{"ID": "bwa", "PN": "bwa", "VN": bwa_version()}],
    }
    mode = "wc" if path.suffix == ".cram" else "wb"
    options = [b"version=3.0", b"level=9"] if path.suffix == ".cram" else None
    with pysam.AlignmentFile(str(path), mode, header=header, format_options=options) as out:
        for alignment in alignments:
            out.write(pysam.AlignedSegment.from_dict(alignment.to_dict(), out.header))
    if path.suffix == ".cram":
        name_cram(path)
    pysam.index(str(path))


def name_cram(path: Path) -> None:
    """Put the bare file name into the file definition's 20-byte id, where htslib writes the start of the whole path."""
    with path.open("r+b") as cram:
        cram.seek(len(b"CRAM") + 2)
        cram.write(path.name.encode()[:20].ljust(20, b"\0"))


def bwa_version() -> str:
    """As bwa states it on its usage page."""
    usage = subprocess.run(["bwa"], capture_output=True, text=True, check=False).stderr
    return next(line.split()[1] for line in usage.splitlines() if line.startswith("Version:"))


def call(places: Places, person: Person, bam: Path, gvcf: Path) -> None:
    """HaplotypeCaller once per ploidy, the two results merged in reference order."""
    parts = []
    for ploidy, regions in ploidy_regions(places.reference, person).items():
        part = places.scratch / f"{person.name}.ploidy{ploidy}.g.vcf"
        intervals = [word for region in regions for word in ("-L", region)]
        groups = [word for group in ANNOTATION_GROUPS for word in ("-G", group)]
        files = ["-R", str(places.reference), "-I", str(bam), "-O", str(part)]
        threads = ["--native-pair-hmm-threads", "1"]
        run(
            [
                str(places.gatk),
                "HaplotypeCaller",
                "-ERC",
                "GVCF",
                "-ploidy",
                str(ploidy),
                *groups,
                *files,
                *intervals,
                *threads,
            ]
        )
        parts.append(part)
    write_vcf(gvcf, merged(parts, pysam.FastaFile(str(places.reference)).references))


def ploidy_regions(reference: Path, person: Person) -> dict[int, list[str]]:
    """Ploidy to GATK intervals; a woman has no Y."""
    if person.sex == "female":
        return {2: ["chr1", "chr2", "chrX"], 1: ["chrM"]}
    x_end = pysam.FastaFile(str(reference)).get_reference_length("chrX")
    return {2: ["chr1", "chr2", f"chrX:1-{PAR_BP}"], 1: [f"chrX:{PAR_BP + 1}-{x_end}", "chrY", "chrM"]}


def merged(parts: list[Path], contigs: tuple[str, ...]) -> Iterator[str]:
    """One header without command lines, then all records in order."""
    rank = {contig: number for number, contig in enumerate(contigs)}
    header: list[str] = []
    records: list[str] = []
    for part in parts:
        with part.open() as lines:
            for line in lines:
                (header if line.startswith("#") else records).append(line)
    yield from dict.fromkeys(sorted((h for h in header if keeps(h)), key=lambda h: h.startswith("#CHROM")))
    yield from sorted(records, key=lambda r: (rank[r.split("\t", 2)[0]], int(r.split("\t", 2)[1])))


def keeps(header_line: str) -> bool:
    """Command lines hold paths and the time."""
    return not header_line.startswith("##GATKCommandLine")


if __name__ == "__main__":
    main()
