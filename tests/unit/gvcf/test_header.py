"""Headers: contigs, samples, and which caller wrote the file."""

import os
from pathlib import Path

import pytest

from genocloud import gvcf
from genocloud.gvcf.dialects import DIALECTS, detect
from genocloud.regions import Contig

SHARED = Path(os.environ.get("GENOCLOUD_SHARED", Path(__file__).resolve().parents[4] / "shared"))
CASES = Path(__file__).resolve().parents[2] / "cases" / "gvcf"


def test_contigs_are_read_whatever_the_order_of_their_fields():
    header = gvcf.read_header(str(CASES / "odd_fields.g.vcf"))
    assert header.contigs == (Contig("chr1", 2000), Contig("HLA-A*01:01", 300), Contig("chrY", 500))
    assert (header.samples, header.caller, header.symbolic, header.lines) == (("ann",), "gatk", "<NON_REF>", 6)


@pytest.mark.parametrize(
    ("folder", "caller", "symbolic"),
    [
        ("dragen/dragen.g.vcf", "dragen", "<NON_REF>"),
        ("dv_1000G_chr21_5583275/HG00096.g.vcf.gz", "deepvariant", "<*>"),
        ("strelka2/HG001.g.vcf.gz", "strelka2", ""),
        ("xAtlas/HG002.g.vcf.gz", "xatlas", ""),
        ("gatk_bp_resolution/gvcf.basepairResolution.gvcf", "gatk base-pair", "<NON_REF>"),
        ("gatk_reblocked/alreadyReblocked.chr22snippet.vcf", "gatk reblocked", "<NON_REF>"),
        ("gatk_haploid/chrY_haploid_dragen.g.vcf", "gatk reblocked", "<NON_REF>"),
        ("gatk_single_chr20_chr21/HG00268.g.vcf.gz", "gatk 3", "<NON_REF>"),
        ("gatk_multi_sample/spanningDel.combined.g.vcf", "gatk", "<NON_REF>"),
    ],
)
def test_real_callers_are_known_by_their_headers(folder, caller, symbolic):
    path = SHARED / "data/dialects" / folder
    if not path.exists():
        pytest.skip("no shared data here (GENOCLOUD_SHARED)")
    header = gvcf.read_header(str(path))
    assert (header.caller, header.symbolic) == (caller, symbolic)


@pytest.mark.parametrize(
    ("line", "caller"),
    [
        ('##SentieonCommandLine.Haplotyper=<ID=Haplotyper,Version="sentieon-genomics-202308.02">', "sentieon"),
        ("##source=Clair3", "clair3"),
        ("##source=weCall v2.0.0", "wecall"),
    ],
)
def test_callers_of_whom_no_file_is_at_hand_are_known_by_their_documented_line(line, caller):
    assert detect(f'##fileformat=VCFv4.2\n##ALT=<ID=NON_REF,Description="any">\n{line}\n').name == caller


def test_an_unknown_caller_is_unknown():
    assert detect("##fileformat=VCFv4.2\n##source=mine\n").name == "unknown"
    assert len({caller.name for caller in DIALECTS}) == len(DIALECTS)


@pytest.mark.parametrize(
    ("mark", "alt", "info", "caller"),
    [
        ("##source=HaplotypeCaller", "<NON_REF>", "END=9", "gatk"),
        ("##source=HaplotypeCaller", "<NON_REF>", "DP=5", "gatk base-pair"),
        ("##GVCFBlock0-10=minGQ=0", "<NON_REF>", "DP=5;END=9", "gatk"),
        ("##source=mine", "<*>", "END=9", "unknown"),
        ("##source=Clair3", "<NON_REF>", "DP=5", "clair3"),
        ("##GATKCommandLine=<ID=CombineGVCFs,", "<NON_REF>", "END=9", "gatk combined"),
    ],
)
def test_where_the_header_does_not_tell_the_first_records_do(mark, alt, info, caller):
    records = f"chr1\t4\t.\tA\tC,{alt}\t.\t.\tDP=3\tGT\t0/1\nchr1\t5\t.\tA\t{alt}\t.\t.\t{info}\tGT\t0/0\n"
    assert detect(f"##fileformat=VCFv4.2\n{mark}\n", records).name == caller


def written(folder: Path, *lines: str) -> str:
    path = folder / "a.g.vcf"
    title = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tann"
    path.write_text("\n".join(["##fileformat=VCFv4.2", *lines, title, ""]))
    return str(path)


def test_contigs_between_other_lines_and_contigs_that_are_only_spoken_of(tmp_path):
    declares = ["##contig=<ID=a,length=5>", "##source=Clair3", "##contig=<ID=b>", "##contig=<ID=c,length=7>"]
    spoken = '##command="sed s/x/##contig=<ID=d,length=9>/"'
    header = gvcf.read_header(written(tmp_path, spoken, *declares, spoken))
    assert (header.contigs, header.caller) == ((Contig("a", 5), Contig("c", 7)), "clair3")


def test_files_that_declare_the_same_contigs_keep_what_else_they_say(tmp_path):
    contigs = [f"##contig=<ID=chr{number},length={number + 1}>" for number in range(50)]
    first = gvcf.read_header(written(tmp_path, "##source=Clair3", *contigs))
    second = gvcf.read_header(written(tmp_path, *contigs, "##source=weCall v2.0.0", "##other"))
    assert first.contigs == second.contigs
    assert (first.caller, second.caller) == ("clair3", "wecall")
    assert (first.lines, second.lines) == (53, 54)
