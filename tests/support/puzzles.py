"""The puzzles of tests/cases/joint and how their records are written."""

from pathlib import Path

CASES = sorted((Path(__file__).resolve().parents[1] / "cases" / "joint").glob("*.yml"))

HET = "GT:AD:DP:GQ:PL:SB 0/1:10,10,0:20:99:200,0,210,230,240,470:5,5,5,5"

HET12 = "GT:AD:DP:GQ:PL:SB 0/1:6,6,0:12:99:150,0,140,170,160,330:3,3,2,4"


def vcf_line(record: str) -> str:
    """A record as the cases write it: `POS REF ALT INFO FORMAT VALUES`, or a block: `POS-END GT KEY=VALUE ...`.

    NON_REF is not written; HET and HET12 stand for two common genotypes.
    """
    place, *words = record.replace("HET12", HET12).replace("HET", HET).split()
    if "-" in place:
        start, end = place.split("-")
        keys = {"GT": words[0]} | dict(word.split("=") for word in words[1:])
        return f"chr1\t{start}\t.\tN\t<NON_REF>\t.\t.\tEND={end}\t{':'.join(keys)}\t{':'.join(keys.values())}"
    ref, alt, info, keys, values = words
    return f"chr1\t{place}\t.\t{ref}\t{alt},<NON_REF>\t.\t.\t{info}\t{keys}\t{values}"
