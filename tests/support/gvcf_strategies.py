"""Hypothesis strategies of gVCF text."""

from itertools import pairwise
from math import comb

from hypothesis import strategies as st

from genocloud.regions import Contig

CONTIGS = (Contig("chr1", 100_000), Contig("chr1_alt", 50_000), Contig("M", 100_000))

HEADER = "##fileformat=VCFv4.2\n##source=strelka\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tann\tbob\n"

bases = st.text("ACGTNacgt", min_size=1, max_size=5)

number = st.integers(0, 3000).map(str) | st.just(".")

decimal = st.decimals(-1000, 100000, places=3).map(str) | st.sampled_from([".", "nan", "1e3", "-2.5e-4", "+7"])

word = st.text("abcXYZ_0|1:,é".replace(":", ""), min_size=1, max_size=8)


@st.composite
def sample_values(draw, alleles):
    ploidy = draw(st.integers(1, 3))
    allele = st.integers(0, alleles - 1).map(str) | st.just(".")
    marks = draw(st.sampled_from("/|"))
    likelihoods = comb(alleles + ploidy - 1, ploidy)
    count = lambda size: st.lists(number, min_size=size, max_size=size).map(",".join)  # noqa: E731
    logs = st.lists(st.decimals(-300, 0, places=2).map(str), min_size=likelihoods, max_size=likelihoods).map(",".join)
    values = {
        "GT": marks.join(draw(st.lists(allele, min_size=ploidy, max_size=ploidy))),
        "DP": draw(number),
        "GQ": draw(number | st.just("12.5")),
        "MIN_DP": draw(number),
        "PL": draw(count(likelihoods) | st.just(".")),
        "AD": draw(count(alleles) | st.just(".")),
        "SB": draw(count(4) | st.just("14.2")),
        "GL": draw(logs),
        "PS": draw(number),
        "PGT": draw(word),
        "PID": draw(word),
        "FT": draw(word),
        "XX": draw(word),
    }
    keys = draw(st.lists(st.sampled_from(sorted(values)), unique=True, min_size=1))
    shown = keys[: draw(st.integers(1, len(keys)))]
    if "GT" not in shown or values["GT"] == ".":  # likelihoods of an unwritten genotype must be of ploidy 1 or 2
        values |= {"PL": ".", "GL": "."}
    return ":".join(keys), ":".join(values[key] for key in shown)


@st.composite
def infos(draw):
    fields = {
        "DP": number,
        "MQ0": number,
        "MQ": decimal,
        "BaseQRankSum": decimal,
        "ExcessHet": decimal,
        "RAW_MQandDP": st.just("123456789012,45") | st.just("."),
        "RAW_MQ": st.just("123456.50") | st.just("."),
        "AS_SB_TABLE": word,
        "AS_RAW_MQ": word,
        "AS_RAW_MQRankSum": word,
        "OTHER": word,
    }
    keys = draw(st.lists(st.sampled_from(sorted(fields)), unique=True))
    return [f"{key}={draw(fields[key])}" for key in keys] + draw(st.lists(st.just("DB"), max_size=1))


@st.composite
def record(draw, contig, pos):
    ref = draw(bases)
    other = bases.filter(lambda alt: alt.lower() != ref.lower())
    alts = draw(st.lists(other | st.sampled_from(["*", "<DEL>", "<CNV>"]), max_size=3, unique_by=str.lower))
    alts += draw(st.lists(st.sampled_from(["<NON_REF>", "<*>"]), max_size=1))
    info = draw(infos())
    if draw(st.booleans()):
        info.insert(draw(st.integers(0, len(info))), f"END={pos + draw(st.integers(0, 400))}")
    keys, values = draw(sample_values(len(alts) + 1))
    identity, filters = (draw(word | st.just(".")) for _ in range(2))
    columns = [
        contig,
        str(pos),
        identity,
        ref,
        ",".join(alts) or ".",
        draw(decimal),
        filters,
        ";".join(info) or ".",
        keys,
    ]
    return "\t".join([*columns, "0/0", values]) + "\n"


@st.composite
def texts(draw):
    """A file's records; several may stand at one position, and they may overlap."""
    lines = []
    for contig in CONTIGS:
        pos = 0
        for _ in range(draw(st.integers(0, 6))):
            pos += draw(st.integers(0, 60)) or (1 if not pos else 0)
            lines.append(draw(record(contig.name, pos)))
    return HEADER + "".join(without_repeats(lines) or [draw(record(CONTIGS[0].name, 1))])


def without_repeats(lines):
    """One line only of each contig, position, REF and ALT."""
    keyed = {}
    for line in lines:
        contig, pos, _, ref, alts, *_ = line.upper().split("\t")
        keyed.setdefault((contig, pos, ref, alts), line)
    return list(keyed.values())


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]
