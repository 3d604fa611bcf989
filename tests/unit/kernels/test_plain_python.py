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
genocloud.joint(["ann.g.vcf", "bob.g.vcf"], reference="ref.fasta", out="{out}.vcf.gz", threads=1)
"""


def joint(folder: Path, out: str, **variables: str) -> list[str]:
    """The records of a joint run in a process of its own."""
    command = [sys.executable, "-W", "ignore::RuntimeWarning", "-c", JOINT.format(out=out)]
    subprocess.run(command, cwd=folder, env=os.environ | variables, check=True)
    lines = gzip.decompress((folder / f"{out}.vcf.gz").read_bytes()).decode().splitlines()
    return [line for line in lines if not line.startswith("#")]


def test_a_joint_run_needs_no_compiler(tmp_path):
    bases = "ACGT" * (LENGTH // 4)
    (tmp_path / "ref.fasta").write_text(f">chr1\n{bases}\n")
    (tmp_path / "ref.fasta.fai").write_text(f"chr1\t{LENGTH}\t6\t{LENGTH}\t{LENGTH + 1}\n")
    for name, alt in (("ann", "C"), ("bob", "G")):
        lines = HEADER.format(name=name, alt=alt).splitlines()
        rows = [line if line.startswith("##") else line.replace(" ", "\t") for line in lines]
        (tmp_path / f"{name}.g.vcf").write_text("\n".join(rows) + "\n")
    plain = joint(tmp_path, "plain", NUMBA_DISABLE_JIT="1")
    assert [line.split("\t")[1:5] for line in plain] == [["101", ".", "A", "C,G"]]
    assert [cell.split(":")[0] for cell in plain[0].split("\t")[9:]] == ["0/1", "0/2"]
    assert joint(tmp_path, "compiled") == plain
