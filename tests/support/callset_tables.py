"""Random SITES and GENOTYPES tables, wilder than any cohort: values missing everywhere, any ploidy."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Any

import pyarrow as pa

from genocloud import annotations, callset, schema
from genocloud.callset import Description, call_rows
from genocloud.regions import Contig, Extent, Region

FLOATS = (
    0.0,
    -0.0,
    1.0,
    0.005,
    0.0625,
    0.999,
    0.9995,
    0.0099999,
    9.995,
    12.345,
    1.005,
    -0.7,
    1e-21,
    -3e-20,
    1e10,
    2.5e-5,
)
CONTIGS = (Contig("chr1", 600_000_000), Contig("chr2", 50_000), Contig("HLA-A*01:01", 4_000))


@dataclass(frozen=True)
class Shard:
    name: str
    region: Region

    @property
    def extent(self) -> Extent:
        return Extent.of(self.region)


def _maybe(random: Random, value: Any, missing: float) -> Any:
    return None if random.random() < missing else value


def _float(random: Random) -> float:
    return random.choice((*FLOATS, random.uniform(-3, 3), random.uniform(0, 1e4), 10 ** random.uniform(-9, 9)))


def _value(random: Random, column: schema.Column, alts: int) -> Any:
    if pa.types.is_list(column.type):
        floating = pa.types.is_floating(column.type.value_type)
        return [_maybe(random, _float(random) if floating else random.randrange(10**4), 0.05) for _ in range(alts)]
    if pa.types.is_boolean(column.type):
        return random.random() < 0.5
    if pa.types.is_floating(column.type):
        return _float(random)
    return random.randrange(10 ** random.randrange(1, 10))


def site_rows(random: Random, contig: str, positions: Sequence[int], missing: float) -> list[dict[str, Any]]:
    rows = []
    for pos in positions:
        alleles = random.sample(["A", "C", "G", "T", "AC", "ACGT", "GTTTT", "*"], random.randrange(2, 8))
        ref = next(allele for allele in alleles if allele != "*")
        alts = [allele for allele in alleles if allele != ref]
        row = {"contig": contig, "pos": pos, "ref": ref, "alts": alts, "filter": _maybe(random, "LowQual", 0.8)}
        row |= {"id": _maybe(random, f"rs{pos}", 0.8), "qual": _maybe(random, abs(_float(random)), missing)}
        for column in annotations.SITE_COLUMNS:
            if column.vcf.startswith("INFO/"):
                row[column.name] = _maybe(random, _value(random, column, len(alts)), missing)
        rows.append(row)
    return rows


def genotype_row(random: Random, site: dict[str, Any], sample: str, missing: float) -> dict[str, Any]:
    alleles = 1 + len(site["alts"])
    hides = Random(f"{site['pos']} {sample}")  # another sequence, so that no other value depends on it
    unknown = hides.choice((0.0, 0.0, 0.2))  # of PL, as under a person's own deletion
    ploidy = random.choice((1, 2, 2, 2, 3))
    called = [str(random.randrange(alleles)) for _ in range(ploidy)]
    row: dict[str, Any] = {"contig": site["contig"], "pos": site["pos"], "sample": sample}
    row["GT"] = random.choice("/|").join(called if random.random() < 0.8 else ["."] * ploidy)
    values = {
        "AD": [_maybe(random, random.randrange(200), 0.05) for _ in range(alleles)],
        "DP": random.randrange(300),
        "GQ": random.randrange(200),
        "PGT": random.choice(("0|1", "1|0", "1|1")),
        "PID": f"{site['pos']}_{site['ref']}_{site['alts'][0]}",
        "PL": [_maybe(hides, random.randrange(3000), unknown) for _ in range(alleles * (alleles + 1) // 2)],
        "PS": site["pos"],
    }
    return row | {name: _maybe(random, value, missing) for name, value in values.items()}


def tables(
    random: Random, contig: str, positions: Sequence[int], batches: Sequence[Sequence[str]], missing: float = 0.3
) -> tuple[pa.Table, list[pa.Table]]:
    """SITES, and GENOTYPES for each batch; some FORMAT keys may be missing everywhere at a site."""
    sites = site_rows(random, contig, positions, missing)
    rates = [random.choice((0.0, missing, 1.0)) for _ in sites]
    genotypes = [
        [genotype_row(random, site, sample, rate) for site, rate in zip(sites, rates, strict=True) for sample in batch]
        for batch in batches
    ]
    return as_table(sites, annotations.SITES), [as_table(rows, schema.GENOTYPES) for rows in genotypes]


def as_table(rows: Sequence[dict[str, Any]], declared: pa.Schema) -> pa.Table:
    plain = pa.schema([(field.name, _plain(field.type)) for field in declared])
    return pa.Table.from_pylist(rows, schema=plain).cast(declared)


def _plain(type_: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_dictionary(type_) else type_


EVERYTHING = {name: True for column in annotations.SITE_COLUMNS + schema.GENOTYPE_COLUMNS for name in column.enabled_by}
"""Settings of a model that ask for every field there is."""


def description(batches: dict[str, tuple[str, ...]], contigs: Sequence[Contig] = CONTIGS) -> Description:
    samples = sorted(sample for batch in batches.values() for sample in batch)
    return Description(
        samples=tuple(samples),
        batches=batches,
        contigs=tuple(contigs),
        model={"name": "gatk", **EVERYTHING},
        software="genocloud 0.1.0",
    )


def rows_of_genotypes(
    stored: callset.Callset, region: str | None, samples: Sequence[str]
) -> list[list[dict[str, Any]]]:
    """Rows of CALLS and of REFERENCE, made of the genotypes at each site."""
    rows: list[list[dict[str, Any]]] = [[], []]
    for (cells, span), (batch, held) in product(stored._spans(region), stored.description.batches.items()):
        chosen = [sample for sample in held if sample in samples]
        genotypes = cells.read(batch, span, schema.GENOTYPES.names[3:], chosen)
        made = call_rows.split(genotypes, cells.places.at(slice(*span)))
        for out, one, declared in zip(rows, made, (schema.CALLS, schema.REFERENCE), strict=True):
            out += one.table.select(declared.names).to_pylist() if chosen else []
    return rows
