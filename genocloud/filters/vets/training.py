"""Train a model for SNPs and one for indels on labelled sites or alleles; score any with them."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.errors import InputError
from genocloud.filters.vets.calibration import Calibration, calibrate
from genocloud.filters.vets.features import CONTEXT_ANNOTATIONS, Features, features
from genocloud.filters.vets.forest import Forest, grow
from genocloud.filters.vets.labels import CALIBRATION, TRAINING

_log = logging.getLogger(__name__)
Array = npt.NDArray[Any]
SNP, INDEL = "SNP", "INDEL"
LEAST_ROWS = 2


class TooFewRows(InputError):
    """The resources know too little of the callset to train a model on."""

    def __init__(self, kind: str, rows: int) -> None:
        self.kind, self.rows = kind, rows
        super().__init__(
            f"{kind} model: {rows} training variants, at least {LEAST_ROWS} are needed; give resources of this "
            "callset's reference and region with training=true, or train no model for this type"
        )


class NoValues(InputError):
    """An annotation has no value at any of the training variants."""

    def __init__(self, kind: str, names: Sequence[str]) -> None:
        self.kind, self.names = kind, tuple(names)
        super().__init__(
            f"{kind} model: none of the training variants has {', '.join(names)}; choose annotations that the callset "
            "has"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeModel:
    """A model of one type of variants: its forest, rows that it was trained on, and how its scores are calibrated."""

    forest: Forest
    rows: int
    calibration: Calibration | None


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """What `train` makes and `score` takes: models by type (SNP, INDEL) of annotations in this order."""

    annotations: tuple[str, ...]
    types: dict[str, TypeModel]

    def table(self) -> schema.Forests:
        """To be stored; see of_table."""
        return pa.Table.from_pylist(
            [_row(self.annotations, kind, each) for kind, each in self.types.items()], schema.FORESTS
        )

    @classmethod
    def of_table(cls, rows: schema.Forests) -> "TrainedModel":
        """The model that a table holds."""
        types = {SNP if row["snp"] else INDEL: _type_model(row) for row in rows.to_pylist()}
        return cls(tuple(rows["annotations"][0].as_py()) if len(rows) else (), types)


_BY_NODE = {"feature": np.int32, "threshold": np.float64, "left": np.int32, "right": np.int32, "depth": np.float64}


def _row(names: tuple[str, ...], kind: str, model: TypeModel) -> dict[str, Any]:
    forest, known = model.forest, model.calibration
    return {
        "annotations": names,
        "snp": kind == SNP,
        "rows": model.rows,
        "medians": forest.medians,
        "sampled": forest.sampled,
        "trees": forest.trees,
        **{name: getattr(forest, name) for name in _BY_NODE},
        "bounds": [known.lowest, known.highest] if known else [],
        "bin_counts": known.counts if known else [],
        "bin_means": known.means if known else [],
        "bin_deviations": known.deviations if known else [],
    }


def _type_model(row: dict[str, Any]) -> TypeModel:
    forest = Forest(
        medians=np.array(row["medians"]),
        sampled=row["sampled"],
        trees=np.array(row["trees"], np.int32),
        **{name: np.array(row[name], kind) for name, kind in _BY_NODE.items()},
    )
    known = None
    if row["bounds"]:
        known = Calibration(
            lowest=row["bounds"][0],
            highest=row["bounds"][1],
            counts=np.array(row["bin_counts"], np.int64),
            means=np.array(row["bin_means"]),
            deviations=np.array(row["bin_deviations"]),
        )
    return TypeModel(forest=forest, rows=row["rows"], calibration=known)


def labelled_rows(sites: schema.Sites, labels: pa.Array, names: Sequence[str]) -> schema.LabelledRows:
    """The sites or alleles with a label of training or calibration, with their annotations `names`.

    labels  of each site's ALTs, as label_alleles gives them
    """
    rows = features(sites, names)
    joined = labels.flatten().take(pa.array(rows.first))
    has = {label: _has(joined, label) for label in (TRAINING, CALIBRATION)}
    chosen = np.flatnonzero(has[TRAINING] | has[CALIBRATION])
    values = rows.values[chosen]
    offsets = np.arange(len(chosen) + 1, dtype=np.int32) * len(names)
    lists = pa.ListArray.from_arrays(offsets, pa.array(values.ravel()))
    columns = [rows.snp[chosen], has[TRAINING][chosen], has[CALIBRATION][chosen], lists]
    return pa.table(columns, schema.LABELLED_ROWS)


def _has(joined: pa.Array, label: str) -> Array:
    matches = pc.match_substring_regex(pc.fill_null(joined, ""), f"(^|;){label}(;|$)")
    return np.asarray(matches.to_numpy(zero_copy_only=False))


def train(rows: schema.LabelledRows, names: Sequence[str], types: Collection[str] = (SNP, INDEL)) -> TrainedModel:
    """Models of some types, from all shards' labelled_rows in the genome's order.

    Raises TooFewRows, NoValues, or PackageMissing without scikit-learn.
    Source: TrainVariantAnnotationsModel, isolation-forest.py (GATK 4.6.2.0).
    """
    values = schema.numbers(rows["values"].combine_chunks().flatten()).reshape(len(rows), len(names))
    snp, training, calibration = (schema.numbers(rows[name]) for name in ("snp", TRAINING, CALIBRATION))
    models = {}
    for kind in (SNP, INDEL):
        if kind in types:
            of_type = snp == (kind == SNP)
            models[kind] = _train(kind, values[of_type & training], values[of_type & calibration], names)
    return TrainedModel(tuple(names), models)


def _train(kind: str, training: Array, calibration: Array, names: Sequence[str]) -> TypeModel:
    if len(training) < LEAST_ROWS:
        raise TooFewRows(kind, len(training))
    judged = [place for place, name in enumerate(names) if kind == INDEL or name not in CONTEXT_ANNOTATIONS]
    columns = {names[place]: training[:, place] for place in judged}
    if missing := [name for name, column in columns.items() if np.isnan(column).all()]:
        raise NoValues(kind, missing)
    for name in [name for name, column in columns.items() if np.nanmin(column) == np.nanmax(column)]:
        _log.warning("%s model: all training variants have the same %s, which so decides nothing", kind, name)
    if not len(calibration):
        _log.warning("%s model: no variant is labelled calibration=true: scores have no sensitivities", kind)
    forest = grow(training[:, judged]).among(np.array(judged), len(names))
    known = calibrate(forest.scores(calibration)) if len(calibration) else None
    return TypeModel(forest=forest, rows=len(training), calibration=known)


def score(sites: schema.Sites, model: TrainedModel) -> schema.AlleleScores:
    """Scores and sensitivities by ALT; all ALTs of a site have the site's where the model judges sites.

    Null: ALTs of filtered sites, those of a type without a model, and `*` where the model judges alleles.
    """
    alts = sites["alts"].combine_chunks()
    offsets = np.concatenate([[0], np.cumsum(schema.numbers(alts.value_lengths()))]).astype(np.int32)
    rows = features(sites, model.annotations)
    scores, sensitivities = _judged(rows, model)
    spans = rows.end - rows.first
    places = np.repeat(rows.first, spans) + np.arange(spans.sum()) - np.repeat(np.cumsum(spans) - spans, spans)

    def by_alt(values: Array, missing: Array, fill: Any) -> pa.ListArray:
        each, absent = np.full(offsets[-1], fill, values.dtype), np.ones(offsets[-1], bool)
        each[places], absent[places] = np.repeat(values, spans), np.repeat(missing, spans)
        return pa.ListArray.from_arrays(offsets, pa.array(each, mask=absent))

    unscored = np.isnan(scores)
    columns = [by_alt(scores, unscored, 0.0), by_alt(sensitivities, np.isnan(sensitivities), 0.0)]
    return pa.table([*columns, by_alt(rows.snp, unscored, False)], schema.ALLELE_SCORES)


def _judged(rows: Features, model: TrainedModel) -> tuple[Array, Array]:
    """Score and sensitivity of each row; NaN without a model, or without calibration."""
    scores, sensitivities = np.full(len(rows.site), np.nan), np.full(len(rows.site), np.nan)
    for kind, each in model.types.items():
        chosen = np.flatnonzero(rows.snp == (kind == SNP))
        scores[chosen] = each.forest.scores(rows.values[chosen])
        if each.calibration:
            sensitivities[chosen] = each.calibration.sensitivities(scores[chosen])
    return scores, sensitivities


def best_alleles(scores: schema.AlleleScores) -> Array:
    """The ALT of each site with its highest score, the first of several; -1 without scores: (sites,) int64.

    GATK writes this allele's score, sensitivity and type for the site, and filters the site by it.
    Source: ScoreVariantAnnotations.writeExtractedVariantToVCF.
    """
    offsets, values = schema.ragged(scores["SCORE"])
    site = np.repeat(np.arange(len(scores)), np.diff(offsets))
    rank = np.lexsort([np.arange(len(values)), -values, np.isnan(values), site])
    best = np.full(len(scores), -1, np.int64)
    starts = offsets[:-1][np.diff(offsets) > 0]
    top = rank[starts]
    top = top[~np.isnan(values[top])]
    best[site[top]] = top - offsets[site[top]]
    return best
