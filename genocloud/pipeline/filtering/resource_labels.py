"""Labels of a shard's sites and alleles, from resources of known variants that are read by their indexes."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa

from genocloud import gvcf, schema
from genocloud.filters import vets
from genocloud.pipeline.genotyping.known_names import check_contigs
from genocloud.regions import Contig


def check_resources(resources: Sequence[vets.Resource], contigs: Sequence[Contig]) -> None:
    """Before any work, raise NoTrainingLabel, or OtherContigs, UnreadableFile or BadIndex for one that is of no use."""
    if not any(vets.TRAINING in each.labels for each in resources):
        raise vets.NoTrainingLabel([each.name for each in resources])
    for each in resources:
        check_contigs(each.url, contigs)


def label_sites(sites: schema.Sites, resources: Sequence[vets.Resource], names: Sequence[str]) -> pa.Array:
    """What vets.label_alleles says of SITES of any contigs, for a model of annotations `names`.

    Raises UnreadableFile, BadIndex or OtherBases.
    """
    contigs = sites["contig"].unify_dictionaries().combine_chunks()
    codes = schema.numbers(contigs.indices)
    edges = np.flatnonzero(np.diff(codes, prepend=-1, append=-1)).tolist() if len(codes) else []
    labels = [pa.array([], schema.STRINGS)]
    for first, end in pairwise(edges):
        part, contig = sites.slice(first, end - first), contigs[first].as_py()
        positions = part["pos"].to_pylist()
        known = [(each, gvcf.read_known(each.url, contig, positions)) for each in resources]
        labels.append(vets.label_alleles(part, known, vets.is_by_allele(names)))
    return pa.concat_arrays(labels)
