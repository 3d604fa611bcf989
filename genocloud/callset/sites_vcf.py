"""Write sites with columns of one's own as a VCF without genotypes, with its index, table by table."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from genocloud import schema
from genocloud.callset import bgzf
from genocloud.callset.filter_tables import FilterLine
from genocloud.callset.manifest import Description
from genocloud.callset.vcf_header import sites_header
from genocloud.callset.vcf_index import ContigIndex, VcfIndex, index_depth
from genocloud.callset.vcf_text import site_texts
from genocloud.storage import open_store, split

SITES_VCF_COLUMNS = ["contig", "pos", "id", "ref", "alts", "qual", "filter"]
"""Columns of SITES that such a table has, beside its own."""


def write_sites_vcf(
    url: str,
    description: Description,
    tables: Iterable[schema.Sites],
    columns: Sequence[schema.Column],
    filters: Sequence[FilterLine] = (),
) -> int:
    """Write tables of SITES_VCF_COLUMNS and `columns`, which are INFO's, in genome order; the number of records.

    The index of an earlier file is deleted first and the new one written last.
    """
    folder, name = split(url)
    store = open_store(folder)
    index, records = VcfIndex(description.contigs), 0
    for suffix in (".tbi", ".csi"):
        store.delete(f"{name}{suffix}")
    keyed = [(column.name, column) for column in columns]
    with store.writer(name) as sink:
        written = sink.write(bgzf.compress(sites_header(description, columns, filters).encode()).data)
        for table in tables:
            if not len(table):
                continue
            lines = [line.encode() + b"\n" for line in site_texts(table, keyed).to_pylist()]
            blocks = bgzf.compress(b"".join(lines))
            places = bgzf.virtual(blocks, np.cumsum([0, *map(len, lines)], dtype=np.int64))
            _index(index, description, table, places, written)
            written += sink.write(blocks.data)
            records += len(table)
        sink.write(bgzf.END)
    store.write(f"{name}{index.suffix}", index.encode())
    return records


def _index(
    index: VcfIndex, description: Description, table: schema.Sites, places: npt.NDArray[np.int64], shift: int
) -> None:
    """Enter the records of a table whose blocks begin `shift` bytes into the file."""
    begin = schema.numbers(table["pos"]).astype(np.int64) - 1
    end = begin + np.diff(schema.strings(table["ref"])[0])
    names = np.array(table["contig"].to_pylist())
    edges = [0, *(np.flatnonzero(names[1:] != names[:-1]) + 1).tolist(), len(names)]
    for first, stop in pairwise(edges):
        part = ContigIndex(index_depth(description.contigs))
        part.add(begin[first:stop], end[first:stop], places[first : stop + 1])
        index.follow(str(names[first]), part, shift)
