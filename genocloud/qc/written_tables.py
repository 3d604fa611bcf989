"""Further tables from results: .het, components, the sites of the set."""

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from genocloud.qc.components import Components
from genocloud.qc.inbreeding import Homozygosity
from genocloud.qc.packed_genotypes import PackedGenotypes, frequencies
from genocloud.qc.tables import HET, SET_SITES, ComponentTable, HetTable, SetSites, table_of


def het_table(samples: Sequence[str], autosomes: Homozygosity) -> HetTable:
    """The table HET."""
    columns = {"IID": list(samples), "O(HOM)": autosomes.observed, "E(HOM)": autosomes.expected}
    return table_of({**columns, "OBS_CT": autosomes.called, "F": autosomes.coefficient}, HET)


def component_table(samples: Sequence[str], components: Components) -> ComponentTable:
    """Columns #IID, PC1, PC2, ... ."""
    columns = {"#IID": pa.array(samples, pa.string())}
    columns |= {f"PC{place + 1}": pa.array(vector) for place, vector in enumerate(components.vectors.T)}
    return pa.table(columns)


def set_sites(sets: Iterable[PackedGenotypes]) -> SetSites:
    """The table SET_SITES."""
    tables = [SET_SITES.empty_table()]
    for genotypes in sets:
        af = [frequencies(codes) for codes in genotypes.blocks(4096)]
        columns = {"contig": genotypes.contigs.tolist(), "pos": genotypes.positions, "ref": genotypes.refs.tolist()}
        columns |= {"alt": genotypes.alts.tolist(), "AF": np.concatenate([np.zeros(0), *af])}
        tables.append(table_of(columns, SET_SITES))
    return pa.concat_tables(tables)
