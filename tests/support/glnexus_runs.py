"""gVCFs joined by the room glnexus alone: cases' text becomes gVCFs, gVCFs become lines of a VCF."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from genocloud import callset, glnexus, gvcf, schema
from genocloud.regions import Contig

EVERY_FIELD = """
unifier_config: {monoallelic_sites_for_lost_alleles: true, max_alleles_per_site: 3}
genotyper_config:
  allow_partial_data: true
  revise_genotypes: true
  liftover_fields:
  - {orig_names: [FILTER], name: FT, ignore_non_variants: true}
  - {orig_names: [GQ], name: GQ}
  - {orig_names: [SB], name: SB}
  - {orig_names: [MIN_DP, DP], name: DP}
  - {orig_names: [PL], name: PL}
  - {orig_names: [AD], name: AD}
"""
"""A config of all fields and settings that a preset may have."""

CASES = sorted((Path(__file__).resolve().parents[1] / "cases" / "glnexus").glob("*.yml"))
CONTIGS = (Contig("chr1", 100_000),)
HEADER = "##fileformat=VCFv4.2\n##DeepVariant_version=1.6.0\n##contig=<ID={},length={}>\n"


def gvcf_line(record: str, contig: str = "chr1") -> str:
    """A case's record: `POS REF ALTS GT key=value ...`, or a block: `POS-END GT key=value ...`."""
    place, *words = record.split()
    block = "-" in place
    ref, alts, gt = ("N", "", words[0]) if block else (words[0], words[1] + ",", words[2])
    values = dict(word.split("=") for word in words[1 if block else 3 :])
    qual, label = values.pop("qual", "."), values.pop("filter", ".")
    start, _, end = place.partition("-")
    keys = ["GT", *(key.upper() for key in values)]
    info = f"END={end}" if block else "."
    columns = [
        contig,
        start,
        ".",
        ref,
        f"{alts}<*>",
        qual,
        label,
        info,
        ":".join(keys),
        ":".join([gt, *values.values()]),
    ]
    return "\t".join(columns) + "\n"


def written(folder: Path, people: Mapping[str, Sequence[str]], contig: Contig = CONTIGS[0]) -> list[str]:
    """gVCFs of people's records on a contig, by the order of their names."""
    urls = []
    for name, records in people.items():
        path = folder / f"{name}.g.vcf"
        title = "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", name]) + "\n"
        lines = [gvcf_line(record, contig.name) for record in records]
        path.write_text(HEADER.format(contig.name, contig.length) + title + "".join(lines))
        urls.append(str(path))
    return urls


def stored(urls: Iterable[str], contigs: Sequence[Contig]) -> tuple[schema.Variants, schema.Blocks]:
    """The rows of gVCFs of one sample each, numbered in their order."""
    tables: tuple[list[pa.Table], list[pa.Table]] = ([schema.VARIANTS.empty_table()], [schema.BLOCKS.empty_table()])
    for number, url in enumerate(urls):
        for rows in gvcf.read_rows(url, contigs):
            for batch, into in zip((rows.variants, rows.blocks), tables, strict=True):
                table = pa.Table.from_batches([batch])
                sample = pa.array(np.full(len(table), number, np.int32))
                into.append(schema.with_column(table, "sample", sample))
    variants, blocks = (pa.concat_tables(each).combine_chunks() for each in tables)
    return variants, blocks


def joined(
    variants: schema.Variants, blocks: schema.Blocks, contig: str, samples: int, rules: glnexus.MergeRules
) -> list[str]:
    """The records of one contig's rows, as lines of VCF."""
    sites = glnexus.unify(glnexus.observe(variants, rules), samples, rules).sites
    tables = glnexus.SiteTables.of(sites, rules)
    calls = glnexus.call_batch(tables, variants, blocks, samples, rules)
    kept = glnexus.kept_alts(sites, tables.alts, [calls], rules)
    counts = np.diff(np.append(0, np.cumsum(kept))[tables.alts])
    cells = glnexus.cell_texts(calls.keeping(tables.alts, kept, counts > 0), counts[counts > 0].astype(np.int32), rules)
    numbers = [(np.flatnonzero(kept[low:high]) + 1).tolist() for low, high in pairwise(tables.alts.tolist())]
    written = [(site, alts) for site, alts in zip(sites, numbers, strict=True) if alts]
    heads = glnexus.site_texts(*zip(*written, strict=True), [(contig, 0)] * len(written)) if written else []
    keys = glnexus.format_keys(rules)
    texts = callset.join_texts(keys, [callset.GenotypeTexts(keys, cells.texts, cells.entries)])
    lines = callset.lines_of(pa.array(list(heads), pa.string()), texts, cells.cells(0, len(written), samples))
    return lines.data.tobytes().decode().splitlines()
