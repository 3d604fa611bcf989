"""Callsets of random tables with autosomes, X, Y and MT: any ploidy, phase and number of ALTs, values missing."""

import re
from random import Random

import pyarrow as pa

from genocloud import callset, schema, storage
from genocloud.regions import Contig, Region
from tests.support import callset_tables as make

CONTIGS = (
    Contig("chr1", 40_000),
    Contig("chr2", 30_000),
    Contig("chrX", 20_000),
    Contig("chrY", 9_000),
    Contig("chrM", 900),
)
BATCHES = {"b0": ("ann", "dan"), "b1": ("bob", "cat", "eve"), "b2": ()}


def write(url: str, seed: int, sites: int = 12, *, known: bool = True) -> callset.Callset:
    """`known`: whether some sites are in dbSNP."""
    random, store, entries = Random(seed), storage.open_store(url), []
    for number, contig in enumerate(CONTIGS):
        positions = sorted(random.sample(range(1, contig.length), random.randrange(sites)))
        tables = make.tables(random, contig.name, positions, list(BATCHES.values()))
        if not known:
            table = schema.with_column(tables[0], "DB", pa.nulls(tables[0].num_rows, pa.bool_()))
            tables = table, tables[1]
        shard = make.Shard(f"{number:03}-{contig.name}-00000", Region(number, 0, contig.length))
        shares = dict(zip(BATCHES, tables[1], strict=True))
        entries.append(callset.write_shard(store, shard, "key", tables[0], shares))
    return callset.commit(store, make.description(BATCHES, CONTIGS), entries)


def alleles_of(genotype: str) -> list[int]:
    """The alleles of a GT, -1 for `.`."""
    return [-1 if allele == "." else int(allele) for allele in re.split("[/|]", genotype)]
