"""A cohort as files, called by the real GATK and by genocloud's commands."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pysam

GATK = Path(__file__).resolve().parents[1] / "anchors" / "gatk" / "gatk"
GENOCLOUD = Path(sys.executable).with_name("genocloud")
BOTH_GROUPS = ("-G", "StandardAnnotation", "-G", "AS_StandardAnnotation")
_FORMATS = {"AD": ("R", "Integer"), "PL": ("G", "Integer"), "SB": ("4", "Integer")}
_FORMATS |= dict.fromkeys(("DP", "GQ", "MIN_DP", "PS"), ("1", "Integer"))
_FORMATS |= dict.fromkeys(("GT", "PGT", "PID"), ("1", "String"))
_INFOS = {"RAW_MQandDP": ("2", "Integer")}
_INFOS |= dict.fromkeys(("DP", "END", "MQ0"), ("1", "Integer"))
_INFOS |= dict.fromkeys(
    ("BaseQRankSum", "ClippingRankSum", "MQRankSum", "ReadPosRankSum", "MQ", "ExcessHet"), ("1", "Float")
)
_INFOS |= dict.fromkeys(
    ("AS_SB_TABLE", "AS_RAW_MQ", "AS_RAW_BaseQRankSum", "AS_RAW_MQRankSum", "AS_RAW_ReadPosRankSum"), ("1", "String")
)
HEADER = [
    "##fileformat=VCFv4.2",
    *(f'##FORMAT=<ID={name},Number={number},Type={kind},Description="d">' for name, (number, kind) in _FORMATS.items()),
    *(f'##INFO=<ID={name},Number={number},Type={kind},Description="d">' for name, (number, kind) in _INFOS.items()),
    '##ALT=<ID=NON_REF,Description="d">',
]


def write_reference(contigs: Mapping[str, str], folder: Path) -> None:
    """ref.fa with its index and its dictionary; `contigs` are their bases by name."""
    text, index = "", ""
    for name, bases in contigs.items():
        text += f">{name}\n"
        index += f"{name}\t{len(bases)}\t{len(text)}\t{len(bases)}\t{len(bases) + 1}\n"
        text += bases + "\n"
    (folder / "ref.fa").write_text(text)
    (folder / "ref.fa.fai").write_text(index)
    lengths = "".join(f"@SQ\tSN:{name}\tLN:{len(bases)}\n" for name, bases in contigs.items())
    (folder / "ref.dict").write_text(f"@HD\tVN:1.6\n{lengths}")


def write_cohort(contigs: Mapping[str, str], records: Mapping[str, Sequence[str]], folder: Path) -> None:
    """A reference, each sample's VCF lines as an indexed gVCF, and a sample map."""
    folder.mkdir(exist_ok=True)
    write_reference(contigs, folder)
    declared = [f"##contig=<ID={name},length={len(bases)}>" for name, bases in contigs.items()]
    for sample, lines in records.items():
        columns = f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{sample}"
        gvcf = folder / f"{sample}.g.vcf"
        gvcf.write_text("\n".join([*HEADER, *declared, columns, *lines]) + "\n")
        pysam.tabix_index(str(gvcf), preset="vcf")
    (folder / "map.tsv").write_text("".join(f"{sample}\t{folder}/{sample}.g.vcf.gz\n" for sample in records))


def run(program: Path, *words: str | int | Path, **variables: str) -> str:
    """Run a program, which must end well; what it said on standard error. It sees `variables` in its environment."""
    environment = os.environ | {"JAVA_OPTS": "-Xmx2g"} | variables
    done = subprocess.run([program, *map(str, words)], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


def gatk_import(folder: Path, intervals: Sequence[str]) -> None:
    """GenomicsDBImport of a written cohort, into its folder.

    Not by the sample map: GATK then reads the header of the first sample alone, and drops what only others declare.
    """
    gatk_options = [word for interval in intervals for word in ("-L", interval)]
    gatk_options += [
        word for line in (folder / "map.tsv").read_text().splitlines() for word in ("-V", line.split("\t")[1])
    ]
    one_file = ("--merge-contigs-into-num-partitions", 1)
    run(GATK, "GenomicsDBImport", "--genomicsdb-workspace-path", folder / "db", *gatk_options, *one_file)


def gatk_genotype(folder: Path, out: str, intervals: Sequence[str], *options: str) -> Path:
    """GenotypeGVCFs of an imported cohort."""
    gatk_options = [word for interval in intervals for word in ("-L", interval)]
    vcf = folder / out
    run(
        GATK,
        "GenotypeGVCFs",
        "-R",
        folder / "ref.fa",
        "-V",
        f"gendb://{folder / 'db'}",
        "-O",
        vcf,
        *gatk_options,
        *options,
    )
    return vcf


def joint(folder: Path, out: str, *options: str) -> Path:
    """`genocloud joint` of a written cohort, fused."""
    vcf = folder / out
    run(GENOCLOUD, "joint", folder / "map.tsv", "--reference", folder / "ref.fa", "-o", vcf, *options)
    return vcf


def in_steps(folder: Path, out: str, window_bp: int, batch_size: int, *options: str) -> Path:
    """The same step by step, in shards of `window_bp` bases and batches of `batch_size` samples."""
    cohort, callset, vcf = folder / f"{out}.cohort", folder / f"{out}.callset", folder / out
    stored = ("--window-bp", window_bp, "--batch-size", batch_size)
    run(GENOCLOUD, "ingest", cohort, folder / "map.tsv", "--reference", folder / "ref.fa", *stored)
    run(GENOCLOUD, "discover", cohort)
    run(GENOCLOUD, "genotype", cohort, callset, *options)
    run(GENOCLOUD, "export", callset, vcf)
    return vcf
