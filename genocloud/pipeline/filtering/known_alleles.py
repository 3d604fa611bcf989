"""Which alleles of a shard a model is trained and calibrated on: those of resources, or of an expression."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from genocloud import filters, gvcf, schema
from genocloud.filters import vets
from genocloud.pipeline.filtering.shard_values import NamedValues
from genocloud.pipeline.genotyping.known_names import check_contigs, known_variants
from genocloud.regions import Contig


@dataclass(frozen=True, kw_only=True)
class KnownAlleles:
    """Resources of known variants; or, without any, a condition on the callset's own alleles.

    by_allele  whether a resource's record must have the ALT
    trained_on of the ALTs of which it is true, those at even positions train and those at odd ones calibrate, so that
               what calibrates the model has not trained it
    """

    resources: tuple[vets.Resource, ...] = ()
    trained_on: filters.Expression | None = None
    by_allele: bool

    def check(self, contigs: Sequence[Contig], values: NamedValues) -> None:
        """Raise, before any work, for what is of no use.

        NoTrainingLabel, OtherContigs, UnreadableFile, BadIndex, BadExpression.
        """
        if self.trained_on:
            tables = [each.empty_table() for each in values.declared]
            self.trained_on.holds(filters.AlleleValues(*tables))
            return
        if not any(vets.TRAINING in each.labels for each in self.resources):
            raise vets.NoTrainingLabel([each.name for each in self.resources])
        for each in self.resources:
            check_contigs(each.url, contigs)

    def settings(self) -> dict[str, object]:
        """What the labels follow from, without places. Raises UnreadableFile."""
        if self.trained_on:
            return {"trained_on": self.trained_on.text}
        return {"resources": [[each.name, sorted(each.labels), known_variants(each.url)] for each in self.resources]}

    def labels(self, tables: Sequence[pa.Table]) -> pa.Array:
        """Labels of each ALT of a shard's sites, tables of NamedValues.of_shard: see vets.label_alleles."""
        if self.trained_on is None:
            return label_sites(self.resources, tables[0], self.by_allele)
        values = filters.AlleleValues(*tables)
        chosen = self.trained_on.holds(values)[values.is_alt]
        is_even = np.asarray(values["POS"][values.is_alt] % 2 == 0)
        words = pa.array([vets.TRAINING, vets.CALIBRATION])
        labels = words.take(pa.array(np.where(is_even, 0, 1), mask=~chosen))
        offsets = np.concatenate([[0], np.cumsum(values.counts)]).astype(np.int32)
        return pa.ListArray.from_arrays(pa.array(offsets), labels)


def label_sites(resources: Sequence[vets.Resource], sites: schema.Sites, by_allele: bool) -> pa.Array:
    """Labels of each ALT of a shard's SITES by the resources: see vets.label_alleles."""
    words = sites["contig"].unify_dictionaries().combine_chunks()
    firsts = np.flatnonzero(np.diff(schema.numbers(words.indices), prepend=-1)).tolist()
    labels = [pa.array([], schema.STRINGS)]
    for first, end in pairwise([*firsts, len(sites)]):
        some = sites.slice(first, end - first)
        contig, positions = words[first].as_py(), np.unique(schema.numbers(some["pos"])).tolist()
        known = [(each, gvcf.read_known(each.url, contig, positions)) for each in resources]
        labels.append(vets.label_alleles(some, known, by_allele))
    return pa.concat_arrays(labels)
