"""What calling gives as a table GENOTYPES, a row for each cell."""

import numpy as np
import pyarrow as pa

from genocloud import callset, genotypes, schema


def genotype_table(called: genotypes.BatchGenotypes) -> pa.Table:
    """GENOTYPES: sites in order, within each the samples."""
    sparse = callset.SparseGenotypes(called.samples, called.distinct, called.runs, called.alts)
    dense = sparse.dense().matrix()
    columns = {"contig": [called.contig] * dense.numbers.size}
    columns["pos"] = np.repeat(called.positions, len(called.samples))
    columns["sample"] = list(called.samples) * len(called.positions)
    rows = dense.distinct.take(pa.array(dense.numbers.ravel()))
    values = [pa.array(columns[name]) if name in columns else rows[name] for name in schema.GENOTYPES.names]
    kinds = [schema.GENOTYPES.field(name).type for name in schema.GENOTYPES.names]
    cast = [value.cast(kind) for value, kind in zip(values, kinds, strict=True)]
    return pa.table(cast, schema.GENOTYPES)
