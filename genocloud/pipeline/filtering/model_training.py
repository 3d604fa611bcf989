"""Train a model of filters on a callset: its labelled rows shard by shard, then the forests."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import callset, gvcf, schema
from genocloud.errors import InputError
from genocloud.filters import vets
from genocloud.pipeline.genotyping.known_names import check_contigs, known_variants
from genocloud.regions import Contig
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress

_log = logging.getLogger(__name__)


class NothingToTrainOn(InputError):
    """No site of the callset has a label of training."""

    def __init__(self, urls: Sequence[str]) -> None:
        self.urls = tuple(urls)
        super().__init__(
            f"{', '.join(urls)}: no variant there is one of the callset's; give resources of its reference and region, "
            "with training=true"
        )


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """What a model is trained on: resources of known variants, and annotations (none: WARP's, AS_ where there are)."""

    resources: tuple[vets.Resource, ...]
    annotations: tuple[str, ...] = ()

    def names(self, made: callset.Callset) -> tuple[str, ...]:
        """The annotations, in GATK's order. Raises BadAnnotation."""
        groups = made.description.model.get("annotation_groups", ())
        return vets.annotation_names(self.annotations or vets.default_annotations(groups))

    def settings(self, made: callset.Callset) -> dict[str, object]:
        """What the model follows from, without places. Raises UnreadableFile."""
        inputs = [[each.name, sorted(each.labels), known_variants(each.url)] for each in self.resources]
        return {"annotations": self.names(made), "resources": inputs}


def train_model(
    made: callset.Callset, options: ModelOptions, *, scatter: Scatter, progress: Progress
) -> vets.TrainedModel:
    """The models of SNPs and of indels; without one, and with a warning, where no variant of a type is labelled.

    Raises NothingToTrainOn, NoValues, BadAnnotation, NoTrainingLabel, OtherContigs, UnreadableFile, and PackageMissing
    without scikit-learn.
    """
    check_resources(options.resources, made.contigs)
    names = options.names(made)
    tasks = [replace(made, shards=(shard,)) for shard in made.shards]
    with progress.stage("training variants", tasks=len(tasks), unit="shard") as stage:
        tables = scatter.run(partial(_labelled_rows, options.resources, names), tasks, lambda _: stage.advance(tasks=1))
    rows = pa.concat_tables([schema.LABELLED_ROWS.empty_table(), *tables])
    counts = {kind: _training_rows(rows, kind) for kind in (vets.SNP, vets.INDEL)}
    types = [kind for kind, count in counts.items() if count >= vets.LEAST_ROWS]
    if not types:
        raise NothingToTrainOn([resource.url for resource in options.resources])
    for kind in counts.keys() - set(types):
        _log.warning("%s: %d variants to train on, so that none of the callset gets a score", kind, counts[kind])
    with progress.stage("models", tasks=1, unit="model") as stage:
        model = vets.train(rows, names, types)
        stage.advance(tasks=1)
    return model


def check_resources(resources: Sequence[vets.Resource], contigs: Sequence[Contig]) -> None:
    """Before any work, raise NoTrainingLabel, or OtherContigs, UnreadableFile or BadIndex for one that is of no use."""
    if not any(vets.TRAINING in each.labels for each in resources):
        raise vets.NoTrainingLabel([each.name for each in resources])
    for each in resources:
        check_contigs(each.url, contigs)


def label_sites(resources: Sequence[vets.Resource], sites: schema.Sites, by_allele: bool) -> pa.Array:
    """Labels of each ALT of a shard's SITES: see vets.label_alleles."""
    words = sites["contig"].unify_dictionaries().combine_chunks()
    firsts = np.flatnonzero(np.diff(schema.numbers(words.indices), prepend=-1)).tolist()
    labels = [pa.array([], schema.STRINGS)]
    for first, end in pairwise([*firsts, len(sites)]):
        some = sites.slice(first, end - first)
        contig, positions = words[first].as_py(), np.unique(schema.numbers(some["pos"])).tolist()
        known = [(each, gvcf.read_known(each.url, contig, positions)) for each in resources]
        labels.append(vets.label_alleles(some, known, by_allele))
    return pa.concat_arrays(labels)


def _labelled_rows(
    resources: tuple[vets.Resource, ...], names: tuple[str, ...], made: callset.Callset
) -> schema.LabelledRows:
    sites = made.sites(columns=vets.site_columns(names))
    return vets.labelled_rows(sites, label_sites(resources, sites, vets.is_by_allele(names)), names)


def _training_rows(rows: schema.LabelledRows, kind: str) -> int:
    of_type = pc.equal(rows["snp"], kind == vets.SNP)
    return int(pc.sum(pc.and_(of_type, rows["training"])).as_py() or 0)
