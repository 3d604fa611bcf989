"""Laws of reading anything: framing does not matter, and damaged bytes are refused by name or wholly accounted for."""

import os
import subprocess
import sys
from functools import reduce
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud import gvcf
from genocloud.errors import InputError
from genocloud.gvcf.dialects import DIALECTS, UNKNOWN
from genocloud.regions import Contig
from tests.fuzz import laws, seeds
from tests.fuzz.changes import KINDS, Change
from tests.support.examples import examples
from tests.support.gvcf_strategies import CONTIGS, pieces
from tests.support.gvcf_strategies import texts as valid_texts

pytestmark = pytest.mark.timeout(120)

SEEDS = [text.encode() for text in seeds.texts()]
MANY, SOME, FEW = (examples(number) for number in (400, 100, 30))

cuts = st.lists(st.integers(0, 100_000), max_size=8)
sizes = st.integers(0, 40) | st.integers(0, 600)
places = st.integers(0, 10_000)
changes = st.lists(st.builds(Change, st.sampled_from(KINDS), places, sizes, places), min_size=1, max_size=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> laws.Folder:
    """For the seeds."""
    return laws.Folder(tmp_path_factory.mktemp("seeds"), seeds.CONTIGS, seeds.SAMPLE)


@pytest.fixture(scope="module")
def other(tmp_path_factory) -> laws.Folder:
    """For generated texts."""
    return laws.Folder(tmp_path_factory.mktemp("texts"), CONTIGS, "bob")


def damaged(data: bytes, damage: list[Change]) -> bytes:
    return reduce(lambda changed, change: change(changed), damage, data)


def blocks(text: bytes, edges: list[int], draw) -> bytes:
    """The text as BGZF: blocks of any size and level, empty ones and ones with a second extra field among them."""
    parts = []
    for piece in pieces(text, edges):
        parts.append(laws.block(piece, draw(st.integers(0, 9)), draw(st.sampled_from([b"", b"", b"abc"]))))
        parts += [laws.END_BLOCK] * draw(st.integers(0, 1))
    return b"".join(parts) + laws.END_BLOCK


def members(text: bytes, edges: list[int], draw) -> bytes:
    """The text as members of ordinary gzip, empty ones among them."""
    parts = [laws.member(piece, draw(st.integers(0, 9)), b"a") for piece in pieces(text, edges)]
    return b"".join(part + (laws.member(b"") if draw(st.booleans()) else b"") for part in parts)


@FEW
@given(valid_texts(), cuts, st.data())
def test_frames_of_any_kind_read_as_the_plain_text(other, text, edges, data):
    expected = other.read(text.encode())
    for frame in (blocks, members):
        assert other.read(frame(text.encode(), edges, data.draw), "a.g.vcf.gz") == expected


@FEW
@given(valid_texts())
def test_windows_line_ends_and_a_missing_last_one_read_alike(other, text):
    """But a last line that lacks values may be refused without its line end."""
    expected = other.read(text.encode())
    assert other.read(text.replace("\n", "\r\n").encode()) == expected
    for cut in (text[:-1], text[:-1].replace("\n", "\r\n"), text.replace("\n", "\r\n")[:-1]):
        try:
            assert other.read(cut.encode()) == expected
        except InputError:
            assert text.rpartition("\t")[2].count(":") < text.rpartition("\t")[0].rpartition("\t")[0].count(":")


@MANY
@given(st.sampled_from(SEEDS), changes)
def test_damaged_text_is_refused_or_accounted_for(folder, text, damage):
    laws.any_text(folder, damaged(text, damage))


@FEW
@given(valid_texts(), changes)
def test_damaged_text_of_any_kind_is_refused_or_accounted_for(other, text, damage):
    laws.any_text(other, damaged(text.encode(), damage))


@MANY
@given(st.sampled_from(SEEDS), changes)
def test_a_damaged_header_is_refused_or_names_its_samples(folder, text, damage):
    end = text.index(b"\n", text.index(b"\n#CHROM") + 1) + 1
    laws.any_header(folder, damaged(text[:end], damage) + text[end:])


@SOME
@given(st.sampled_from(SEEDS), cuts, st.sampled_from([blocks, members]), changes, st.data())
def test_a_damaged_frame_is_refused_or_read_as_gzip_inflates_it(folder, text, edges, frame, damage, data):
    laws.any_frames(folder, damaged(frame(text, edges, data.draw), damage))


def test_plain_python_kernels_keep_the_laws_of_damaged_text_too():
    """Compiled kernels do not notice an index beyond an array; as plain Python they do."""
    laws_of_text = ("test_damaged_text_is_refused_or_accounted_for", "test_these_are_refused")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore::RuntimeWarning"]
    done = subprocess.run(
        [*command, *(f"{__file__}::{law}" for law in laws_of_text)],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-5000:]


META = seeds.HEADER
BLOCK = "chr1\t5\t.\tA\t<NON_REF>\t.\t.\t.\tGT:PL\t0/0:1,2,3"
SNP = "chr1\t{pos}\t.\tA\tG\t1\t.\t{info}\tGT:DP:PL\t0/1:3:1,2,3"


def one(*lines: str, sample: str = "ann") -> bytes:
    return (META + seeds.TITLE + sample + "\n" + "".join(f"{line}\n" for line in lines)).encode()


def spanning(text: bytes, at: int) -> bytes:
    """BGZF of three blocks, the first of which says that it ends where the second does."""
    first, second = laws.block(text[:at]), laws.block(text[at : at + 1])
    size = (len(first) + len(second) - 1).to_bytes(2, "little")
    return first[:16] + size + first[18:] + second + laws.block(text[at + 1 :]) + laws.END_BLOCK


REFUSED = {
    "a list of commas": one(BLOCK[:-5] + "," * 100_000),
    "a list with an empty value": one(SNP.format(pos=5, info="."), BLOCK.replace("\t5\t", "\t6\t")[:-5] + "1,,3"),
    "a record whose first letter became #": one(BLOCK, BLOCK.replace("chr1\t5", "#hr1\t6")),
    "records of two people in a row": one(BLOCK) + one(BLOCK.replace("\t5\t", "\t6\t"), sample="bob"),
    "two records on a line": one(BLOCK + "\t0/0" + BLOCK.replace("\t5\t", "\t6\t") + "\t0/0", sample="ann\tbob"),
    "a sample without a column": one(BLOCK, sample="ann\tbob"),
    "a colon behind an integer": one(SNP.format(pos=5, info="DP=3:4")),
    "a colon behind a float": one(SNP.format(pos=5, info="MQ=3:4")),
    "a colon behind END": one(SNP.format(pos=5, info="END=7:4")),
    "a record within the header": one(BLOCK).replace(b"#CHROM", BLOCK.encode() + b"\n#CHROM"),
    "a block that swallows the next": spanning(one(BLOCK, BLOCK.replace("\t5\t", "\t6\t")), 60),
}
"""What the fuzzer and these laws once found."""


@pytest.mark.parametrize("name", REFUSED)
def test_these_are_refused(folder, name):
    with pytest.raises(InputError):
        folder.read(REFUSED[name])


ATTRIBUTES = ("assembly=x", "md5=ab", 'species="a, b"', 'description="a > b"', "URL=file:///a?b=c")
CALLER_LINES = {
    "##source=strelka": "strelka2",
    "##DeepVariant_version=1.6": "deepvariant",
    "##GATKCommandLine=<ID=HaplotypeCaller>": "gatk",
    "##source=DRAGEN": "dragen",
    "##bcftools_callCommand=call": "bcftools",
    "##notes=##source=strelka": "unknown",
}
SYMBOLIC = {"##ALT=<ID=NON_REF,Description=x>": "<NON_REF>", "##ALT=<ID=*,Description=x>": "<*>", "##ALT=<ID=DEL>": ""}

names = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\u2028\x85 "), min_size=1)
contig_names = st.text("chrXYHLA*0123.:|_-", min_size=1, max_size=12)


@st.composite
def headers(draw):
    """A header's lines and what is to be read from them."""
    contigs = tuple(Contig(name, draw(st.integers(1, 10**9))) for name in draw(st.lists(contig_names, unique=True)))
    lines = []
    for contig in contigs:
        others = draw(st.lists(st.sampled_from(ATTRIBUTES), unique=True))
        lines.append(
            f"##contig=<{','.join(draw(st.permutations([f'ID={contig.name}', f'length={contig.length}', *others])))}>"
        )
    caller_line, symbolic_line = draw(st.sampled_from(sorted(CALLER_LINES))), draw(st.sampled_from(sorted(SYMBOLIC)))
    caller = next((caller for caller in DIALECTS if caller.name == CALLER_LINES[caller_line]), UNKNOWN)
    symbolic = SYMBOLIC[symbolic_line] or caller.symbolic
    if CALLER_LINES[caller_line] == "unknown" and symbolic == "<NON_REF>":
        caller = next(caller for caller in DIALECTS if caller.name == "gatk")
    place = draw(st.integers(0, len(lines)))
    lines[place:place] = [
        caller_line,
        symbolic_line,
        draw(st.sampled_from(["##x", "##contig=<ID=nolength>", "##é=\x0c"])),
    ]
    samples = tuple(draw(st.lists(names, min_size=1, max_size=4, unique=True)))
    lines = ["##fileformat=VCFv4.2", *lines, seeds.TITLE + "\t".join(samples)]
    return lines, gvcf.Header(contigs=contigs, samples=samples, caller=caller.name, symbolic=symbolic, lines=len(lines))


@SOME
@given(headers(), st.sampled_from(["\n", "\r\n"]))
def test_any_header_reads_as_written(folder, written, end):
    lines, expected = written
    path = folder.path / "header.g.vcf"
    path.write_text("".join(line + end for line in lines), newline="")
    assert gvcf.read_header(str(path)) == expected
