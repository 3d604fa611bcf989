"""Kernels run as plain Python, too (NUMBA_DISABLE_JIT), for debuggers and coverage: a joint run says the same."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

LENGTH = 1000
HEADER = """##fileformat=VCFv4.2
##FORMAT=<ID=GT,Number=1,Type=String,Description="">
##FORMAT=<ID=AD,Number=R,Type=Integer,Description="">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="">
##FORMAT=<ID=PL,Number=G,Type=Integer,Description="">
##INFO=<ID=DP,Number=1,Type=Integer,Description="">
##INFO=<ID=END,Number=1,Type=Integer,Description="">
##contig=<ID=chr1,length=1000>
#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT {name}
chr1 1 . A <NON_REF> . . END=100 GT:DP:GQ:PL 0/0:30:90:0,90,900
chr1 101 . A {alt},<NON_REF> 500 . DP=30 GT:AD:DP:GQ:PL 0/1:15,15,0:30:99:400,0,400,445,445,890
chr1 102 . C <NON_REF> . . END=1000 GT:DP:GQ:PL 0/0:30:90:0,90,900
"""
JOINT = """
import genocloud
for model in ("gatk", "glnexus"):
    preset = "gatk_unfiltered" if model == "glnexus" else ""
    out = f"{out}.{{model}}.vcf.gz"
    genocloud.joint(["ann.g.vcf", "bob.g.vcf"], reference="ref.fasta", out=out, threads=1, model=model, preset=preset)
"""


def joint(folder: Path, out: str, **variables: str) -> list[str]:
    """The records of joint runs by two models in a process of its own."""
    command = [sys.executable, "-W", "ignore::RuntimeWarning", "-c", JOINT.format(out=out)]
    subprocess.run(command, cwd=folder, env=os.environ | variables, check=True)
    files = (gzip.decompress((folder / f"{out}.{model}.vcf.gz").read_bytes()) for model in ("gatk", "glnexus"))
    return [line for text in files for line in text.decode().splitlines() if not line.startswith("#")]


def test_a_joint_run_needs_no_compiler(tmp_path):
    bases = "ACGT" * (LENGTH // 4)
    (tmp_path / "ref.fasta").write_text(f">chr1\n{bases}\n")
    (tmp_path / "ref.fasta.fai").write_text(f"chr1\t{LENGTH}\t6\t{LENGTH}\t{LENGTH + 1}\n")
    for name, alt in (("ann", "C"), ("bob", "G")):
        lines = HEADER.format(name=name, alt=alt).splitlines()
        rows = [line if line.startswith("##") else line.replace(" ", "\t") for line in lines]
        (tmp_path / f"{name}.g.vcf").write_text("\n".join(rows) + "\n")
    plain = joint(tmp_path, "plain", NUMBA_DISABLE_JIT="1")
    assert [line.split("\t")[1:5] for line in plain] == [
        ["101", ".", "A", "C,G"],
        ["101", "chr1_101_A_C;chr1_101_A_G", "A", "C,G"],
    ]
    for line in plain:
        assert [cell.split(":")[0] for cell in line.split("\t")[9:]] == ["0/1", "0/2"]
    assert joint(tmp_path, "compiled") == plain
