"""Train a model of filters on a callset: its labelled rows shard by shard, then the forests."""

import logging
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import callset, schema
from genocloud.errors import InputError
from genocloud.filters import vets
from genocloud.pipeline.filtering.known_alleles import KnownAlleles
from genocloud.pipeline.filtering.shard_values import NamedValues, model_values
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress

_log = logging.getLogger(__name__)

MOST_SITES = 1 << 22
"""Sites of a callset all of whose labelled alleles train the model; of more, those of about so many are drawn.

Each tree looks at a few hundred rows, and all rows are held at once: 300 MB for so many.
"""
_SPREAD = np.uint64(0x9E3779B1)


class NothingToTrainOn(InputError):
    """Too few alleles of the callset have a label of training."""

    def __init__(self, known: KnownAlleles) -> None:
        self.known = known
        urls = ", ".join(each.url for each in known.resources)
        problem = f"{urls}: no variant there is one of the callset's; give resources of its reference and region"
        if known.trained_on:
            problem = f"{known.trained_on.text!r} is true of fewer than two SNPs and indels; train on more"
        super().__init__(problem)


class Trained(NamedTuple):
    """A model, and by type how many of the callset's alleles it was trained and calibrated on."""

    model: vets.TrainedModel
    counts: dict[str, dict[str, int]]


class LabelledShard(NamedTuple):
    """A shard's LABELLED_ROWS, and the file of its sums over genotypes, if they were summed."""

    rows: schema.LabelledRows
    sums: callset.FileEntry | None


def label_shards(
    made: callset.Callset,
    known: KnownAlleles,
    values: NamedValues,
    names: Sequence[str],
    *,
    folder: str,
    scatter: Scatter,
    progress: Progress,
) -> list[LabelledShard]:
    """The rows to train on, of all shards in the genome's order; genotypes are summed here, and not again.

    Of a callset of more than MOST_SITES those of some sites, drawn by POS, so that shards do not matter.

    names   annotations, see vets.annotation_names
    folder  where the sums are written

    Raises what reading resources and shards raises.
    """
    tasks = [made.of_shard(shard) for shard in made.shards]
    share = MOST_SITES / max(made.counts["sites"], 1)
    with progress.stage("training variants", tasks=len(tasks), unit="shard") as stage:
        return scatter.run(
            partial(_label, known, values, tuple(names), folder, share=share), tasks, lambda _: stage.advance(tasks=1)
        )


def train_model(
    labelled: Sequence[LabelledShard], known: KnownAlleles, names: Sequence[str], *, progress: Progress
) -> Trained:
    """The models of SNPs and of indels; without one, and with a warning, where no variant of a type is labelled.

    names  annotations, see vets.annotation_names. Raises NothingToTrainOn, NoValues, and PackageMissing without
    scikit-learn.
    """
    rows = pa.concat_tables([schema.LABELLED_ROWS.empty_table(), *(each.rows for each in labelled)])
    counts = {kind: _count_labelled(rows, kind) for kind in (vets.SNP, vets.INDEL)}
    types = [kind for kind, count in counts.items() if count[vets.TRAINING] >= vets.LEAST_ROWS]
    if not types:
        raise NothingToTrainOn(known)
    for kind in counts.keys() - set(types):
        few = counts[kind][vets.TRAINING]
        _log.warning("%s: %d variants to train on, so that none of the callset gets a score", kind, few)
    with progress.stage("models", tasks=1, unit="model") as stage:
        model = vets.train(rows, names, types)
        stage.advance(tasks=1)
    return Trained(model, counts)


def _label(
    known: KnownAlleles,
    values: NamedValues,
    names: tuple[str, ...],
    folder: str,
    made: callset.Callset,
    *,
    share: float,
) -> LabelledShard:
    tables = values.of_shard(made, vets.site_columns(names))
    labels = _drawn(known.labels(tables), tables[0], share)
    rows = vets.labelled_rows(model_values(tables), labels, names)
    if not values.needs_genotypes:
        return LabelledShard(rows, None)
    return LabelledShard(rows, callset.write_sums(made.store, folder, made.shards[0].name, tables[-1]))


def _drawn(labels: pa.Array, sites: schema.Sites, share: float) -> pa.Array:
    """Labels of the ALTs of a share of the sites; null for those of others."""
    if share >= 1:
        return labels
    places = schema.numbers(sites["pos"]).astype(np.uint64) * _SPREAD & np.uint64(0xFFFFFFFF)
    drawn = np.repeat(places < share * 2**32, np.diff(schema.numbers(labels.offsets)))
    own = pc.if_else(pa.array(drawn), labels.flatten(), pa.scalar(None, pa.string()))
    return pa.ListArray.from_arrays(labels.offsets, own)


def _count_labelled(rows: schema.LabelledRows, kind: str) -> dict[str, int]:
    """Rows of a type by label."""
    of_type = pc.equal(rows["snp"], kind == vets.SNP)
    return {
        label: int(pc.sum(pc.and_(of_type, rows[label])).as_py() or 0) for label in (vets.TRAINING, vets.CALIBRATION)
    }
