"""A callset with many annotations on which models of filters are trained, and resources that know some of its sites."""

from pathlib import Path
from random import Random

import pysam

from genocloud import callset, storage
from genocloud.regions import Contig, Region
from tests.support import callset_tables as make

CONTIGS = (Contig("chr1", 1_000_000), Contig("chr2", 50_000))
BATCHES = {"b0": ("ann", "cat"), "b1": ("bob",)}
POSITIONS = sorted(Random(3).sample(range(1, 900_000), 160))


def build(url: str, cuts: tuple[int, ...]) -> callset.Callset:
    """The same sites of chr1 in shards that end at some bases; chr2 has none."""
    store, entries = storage.open_store(url), []
    sites, genotypes = make.tables(Random(2), "chr1", POSITIONS, list(BATCHES.values()), 0.1)
    for number, (start, end) in enumerate(zip((0, *cuts), (*cuts, CONTIGS[0].length), strict=True)):
        inside = [place for place, pos in enumerate(POSITIONS) if start < pos <= end]
        first, count = (inside[0], len(inside)) if inside else (0, 0)
        cells = {
            batch: table.slice(first * len(members), count * len(members))
            for (batch, members), table in zip(BATCHES.items(), genotypes, strict=True)
        }
        shard = make.Shard(f"000-chr1-{number:05d}", Region(0, start, end))
        entries.append(callset.write_shard(store, shard, "key", sites.slice(first, count), cells))
    empty, nothing = make.tables(Random(1), "chr2", [], list(BATCHES.values()))
    last = make.Shard("001-chr2-00000", Region(1, 0, 50_000))
    entries.append(callset.write_shard(store, last, "key", empty, dict(zip(BATCHES, nothing, strict=True))))
    return callset.commit(store, make.description(BATCHES, CONTIGS), entries)


def write_known(made: callset.Callset, path: Path, every: int = 2) -> str:
    """Each second site of the callset as a resource; each tenth of these is filtered there."""
    lines = ["##fileformat=VCFv4.2", *(f"##contig=<ID={each.name},length={each.length}>" for each in CONTIGS)]
    lines += [
        '##FILTER=<ID=bad,Description="">',
        "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]),
    ]
    for number, row in enumerate(made.sites(columns=["contig", "pos", "ref", "alts"]).to_pylist()):
        if number % every == 0:
            status = "bad" if number % 10 == 0 else "."
            alts = ",".join(row["alts"])
            lines.append("\t".join([row["contig"], str(row["pos"]), ".", row["ref"], alts, ".", status, "."]))
    path.write_text("\n".join(lines) + "\n")
    return str(pysam.tabix_index(str(path), preset="vcf", force=True))


LABELS = "k,training=true,calibration=true"
