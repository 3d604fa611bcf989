"""Small random cohorts, rich in what makes joint genotyping hard: overlaps, deletions, `*`, ploidies, gaps."""

from random import Random

import pyarrow as pa

from genocloud import schema
from genocloud.regions import Contig
from tests.support import gvcf_reader
from tests.support.genotypes import genotypes

CONTIGS = (Contig("chr1", 60),)


Record = list[str]
"""The columns of a VCF line."""


def cohort_records(seed: int, samples: int) -> tuple[str, dict[str, list[Record]]]:
    """The reference, and the records of some samples by name."""
    random = Random(seed)
    reference = "".join(random.choices("ACGT", k=CONTIGS[0].length))
    return reference, {f"s{n}": sample_records(random, reference) for n in range(samples)}


def cohort(seed: int, samples: int) -> dict[str, tuple[pa.Table, pa.Table]]:
    """The same as rows."""
    _, records = cohort_records(seed, samples)
    return {name: rows_of(lines) for name, lines in records.items()}


def rows_of(records: list[Record]) -> tuple[pa.Table, pa.Table]:
    rows = gvcf_reader.covering_rows([gvcf_reader.record(fields, {"chr1": 0}, 9) for fields in records])
    blocks = [gvcf_reader.block_row(row) for row in rows if gvcf_reader.is_block(row)]
    variants = [row for row in rows if not gvcf_reader.is_block(row)]
    return gvcf_reader.to_table(variants, schema.VARIANTS), gvcf_reader.to_table(blocks, schema.BLOCKS)


def sample_records(random: Random, reference: str) -> list[Record]:
    ploidy, position, records = random.choice((2, 2, 2, 1, 3)), random.randint(0, 5), []
    while position < len(reference) - 6:
        kind = random.choice(("variant", "block", "gap"))
        if kind == "variant":
            records.append(variant(random, reference, position, ploidy))
            position += random.randint(1, 3)
        else:
            length = min(random.randint(1, 8), len(reference) - position)
            if kind == "block":
                records.append(block(random, reference, position, length, ploidy))
            position += length
    return records


def variant(random: Random, reference: str, position: int, ploidy: int) -> Record:
    ref = reference[position : position + random.choice((1, 1, 1, 2, 4))]
    choices = {base + ref[1:] for base in "ACGT"} | {ref[0], ref + "T", ref[:1] + "GG" + ref[1:], "*"}
    alts = random.sample(sorted(choices - {ref}), random.choice((1, 1, 1, 2, 3)))
    if len(ref) > 1 and all(len(alt) in (1, len(ref)) for alt in alts if alt != ref[0]) and ref[0] not in alts:
        alts[0] = ref[0]  # GenomicsDBImport refuses records that it takes for MNPs
    alts = [*alts, "<NON_REF>"]
    every = genotypes(len(alts) + 1, ploidy)
    real = [genotype for genotype in every if len(alts) not in genotype]
    likely = random.choice(real)
    pl = [0 if genotype == likely else random.choice((0, 3, 20, 40, 200, 900)) for genotype in every]
    other = sorted(set(pl))[1] if len(set(pl)) > 1 else 0
    depths = [random.randint(0, 15) for _ in alts] + [0]
    fields = {
        "GT": random.choice("/|").join(map(str, likely)),
        "AD": ",".join(map(str, depths)),
        "DP": str(sum(depths)),
        "GQ": str(min(99, other)),
        "PL": ",".join(map(str, pl)),
        "SB": ",".join(str(random.randint(0, 9)) for _ in range(4)),
    }
    for name in ("AD", "SB", "GQ", "DP"):
        if random.random() < 0.1:
            del fields[name]
    info = f"DP={random.randint(0, 30)};MQRankSum={random.randint(-20, 20) / 8};RAW_MQandDP={random.randint(0, 9999)},7"
    info += random.choice(("", ";BaseQRankSum=0.7", ";MQ=31.5"))
    info += allele_specific(Random(repr((position, ref, alts, pl))), len(alts))
    return line(position, ref, ",".join(alts), info, fields)


def allele_specific(random: Random, alts: int) -> str:
    """Raw INFO fields by allele, NON_REF last, in the forms that HaplotypeCaller writes; any of them may be missing."""
    strands = "|".join(
        random.choice(("0,0", f"{random.randint(0, 9)},{random.randint(0, 9)}")) for _ in range(alts + 1)
    )
    squares = "|".join(f"{random.choice((0, 900, 3600 * 7, 9_000_001, 12_345.67)):.2f}" for _ in range(alts + 1))
    fields = {"AS_SB_TABLE": strands, "AS_RAW_MQ": squares}
    for name in ("AS_RAW_BaseQRankSum", "AS_RAW_MQRankSum", "AS_RAW_ReadPosRankSum"):
        texts = (random.choice(("", "NaN", f"{random.randint(-30, 30) / 10},1", "0.75,1")) for _ in range(alts - 1))
        fields[name] = "|".join(["", *texts, "NaN"])
    return "".join(f";{name}={text}" for name, text in fields.items() if random.random() < 0.85)


def block(random: Random, reference: str, position: int, length: int, ploidy: int) -> Record:
    gq, ploidy = random.choice((0, 0, 3, 20, 60)), min(ploidy, 2)
    fields = {"GT": "/".join(random.choice("00.") * ploidy), "DP": str(random.choice((0, 2, 20))), "GQ": str(gq)}
    if random.random() < 0.8:
        fields |= {"MIN_DP": "1", "PL": ",".join(map(str, [0, gq, gq * 10][: ploidy + 1]))}
    depths = Random(repr((position, length, fields)))
    if depths.random() < 0.2:  # as DRAGEN writes blocks
        fields["AD"] = depths.choice((f"{fields['DP']},0", "12,0", "7,1", "0,0"))
    return line(position, reference[position], "<NON_REF>", f"END={position + length}", fields)


def line(position: int, ref: str, alts: str, info: str, fields: dict[str, str]) -> Record:
    return ["chr1", str(position + 1), ".", ref, alts, ".", ".", info, ":".join(fields), ":".join(fields.values())]
