"""Write a gVCF's text: header, record lines and block lines."""

from collections.abc import Sequence
from itertools import pairwise

from pysam.version import __bcftools_version__

from genocloud.reads.blocks import GQ_BANDS, Block
from genocloud.reads.records import Record
from genocloud.regions import Contig

SYMBOLIC = "<*>"

_HEADER = """\
##fileformat=VCFv4.2
##source=genocloud call (bcftools mpileup {version})
##ALT=<ID=*,Description="Any other allele">
##FILTER=<ID=PASS,Description="All filters passed">
##INFO=<ID=END,Number=1,Type=Integer,Description="Last base of the block, 1-based">
##INFO=<ID=DP,Number=1,Type=Integer,Description="Depth, reads">
##INFO=<ID=RAW_MQandDP,Number=2,Type=Integer,Description="Sum of squared mapping qualities, and its reads">
##INFO=<ID=BaseQRankSum,Number=1,Type=Float,Description="Z score of base qualities, ALT against REF (BQBZ)">
##INFO=<ID=MQRankSum,Number=1,Type=Float,Description="Z score of mapping qualities, ALT against REF (MQBZ)">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Depth by allele, reads">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth, reads; in a block the mean">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Genotype quality, phred">
##FORMAT=<ID=MIN_DP,Number=1,Type=Integer,Description="Smallest depth in the block, reads">
##FORMAT=<ID=PL,Number=G,Type=Integer,Description="Genotype likelihoods, phred, the best 0">
##FORMAT=<ID=SB,Number=4,Type=Integer,Description="Reads: REF forward, REF reverse, ALT forward, ALT reverse">
"""


def header(contigs: Sequence[Contig], sample: str) -> str:
    """The header of one sample's gVCF."""
    lines = [f"##contig=<ID={contig.name},length={contig.length}>\n" for contig in contigs]
    edges = [0, *GQ_BANDS, 100]
    bands = [
        f"##GVCFBlock{low}-{high}=minGQ={low}(inclusive),maxGQ={high}(exclusive)\n" for low, high in pairwise(edges)
    ]
    columns = f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{sample}\n"
    return _HEADER.format(version=__bcftools_version__) + "".join(bands) + "".join(lines) + columns


def record_line(record: Record, contig: str) -> str:
    """A record. QUAL is the phred likelihood of hom-ref (0 where that is the likeliest); no prior is in it."""
    site = record.site
    ref, *alts = site.alleles
    forward, reverse = site.forward, site.reverse
    strands = forward[0], reverse[0], sum(forward[1:-1]), sum(reverse[1:-1])
    values = (
        _genotype(record.called, known=record.gq > 0 or any(record.called)),
        _list(site.depths),
        str(record.depth),
        str(record.gq),
        _list(record.pl),
        _list(strands),
    )
    alleles = ",".join([*alts, SYMBOLIC])
    return (
        f"{contig}\t{record.start + 1}\t.\t{ref}\t{alleles}\t{record.pl[0]}\t.\t{_info(record)}"
        f"\tGT:AD:DP:GQ:PL:SB\t{':'.join(values)}\n"
    )


def block_line(block: Block, contig: str, base: str) -> str:
    """A reference block; `base` is the reference's at its start. Without data or quality its genotype is not called."""
    base = base.upper() if base in "ACGTacgt" else "N"
    called = _genotype([0] * (len(block.pl) - 1), known=block.gq > 0)
    return (
        f"{contig}\t{block.start + 1}\t.\t{base}\t{SYMBOLIC}\t.\t.\tEND={block.end}\tGT:DP:GQ:MIN_DP:PL"
        f"\t{called}:{block.depth}:{block.gq}:{block.min_depth}:{_list(block.pl)}\n"
    )


def _genotype(called: Sequence[int], known: bool) -> str:
    """A GT; hom-ref of quality 0 is no call, as nothing is known then."""
    return "/".join(str(allele) if known else "." for allele in called)


def _info(record: Record) -> str:
    source = record.site.source
    raw = [float(value) for value in (source.fact("I16") or "").split(",")]
    items = [f"DP={record.depth}", f"RAW_MQandDP={round(raw[9] + raw[11])},{round(sum(raw[:4]))}"]
    ranks = {"BaseQRankSum": source.fact("BQBZ"), "MQRankSum": source.fact("MQBZ")}
    return ";".join([*items, *(f"{key}={value}" for key, value in ranks.items() if value)])


def _list(values: Sequence[int]) -> str:
    return ",".join(map(str, values))
