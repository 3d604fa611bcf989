"""scikit-learn's isolation forest with GATK's settings, kept as plain arrays."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from genocloud.errors import PackageMissing

Array = npt.NDArray[Any]
SEED = 0
"""All that GATK sets (isolation-forest-hyperparameters.json); the rest are scikit-learn's defaults."""
REMEDY = "pip install 'genocloud[filters]' brings what models of filters need"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """Trees one behind the other.

    medians    (annotations,) float64: in place of missing values
    sampled    rows that each tree was grown on
    trees      (trees,) int32: their root nodes
    feature    (nodes,) int32: the annotation that decides; 0 at leaves
    threshold  (nodes,) float64: up to which the next node is `left`; infinite at leaves
    left       (nodes,) int32; at a leaf, the leaf
    right      (nodes,) int32; at a leaf, the leaf
    depth      (nodes,) float64: what a row that ends there adds to its depth; 0 elsewhere
    """

    medians: Array
    sampled: int
    trees: Array
    feature: Array
    threshold: Array
    left: Array
    right: Array
    depth: Array

    def scores(self, values: Array) -> Array:
        """scikit-learn's score_samples of (rows, annotations) float64, to the last bit: higher is more ordinary."""
        filled = np.where(np.isnan(values), self.medians, values).astype(np.float32)
        rows, flat = np.arange(len(filled)) * filled.shape[1], filled.ravel()
        feature, following = self.feature.astype(np.intp), np.stack([self.right, self.left], axis=1).ravel()
        depths = np.zeros(len(filled))
        for root in self.trees.tolist():
            node = np.full(len(filled), root, np.intp)
            for _ in range(int(np.ceil(np.log2(max(self.sampled, 2))))):
                low = flat.take(rows + feature.take(node)) <= self.threshold.take(node)
                node = following.take(2 * node + low)
            depths += self.depth.take(node)
        return np.asarray(-(2.0 ** -(depths / (len(self.trees) * _average_depth(self.sampled)))))

    def among(self, columns: Array, count: int) -> "Forest":
        """The same forest for rows of `count` annotations, of which its own are `columns`."""
        medians = np.zeros(count)
        medians[columns] = self.medians
        return replace(self, medians=medians, feature=columns[self.feature].astype(np.int32))


def _average_depth(rows: int) -> float:
    """Average depth of a row in a tree of so many rows."""
    if rows <= 2:
        return float(rows == 2)
    return float(2.0 * (np.log(rows - 1.0) + np.euler_gamma) - 2.0 * (rows - 1.0) / rows)


def grow(values: Array) -> Forest:
    """A forest trained on (rows, annotations) float64, NaN where missing, in the genome's order.

    Raises PackageMissing without scikit-learn.
    """
    try:
        from sklearn.ensemble import IsolationForest
        from sklearn.impute import SimpleImputer
    except ImportError:
        raise PackageMissing("scikit-learn", REMEDY) from None
    imputer = SimpleImputer(strategy="median")
    model = IsolationForest(random_state=SEED).fit(imputer.fit_transform(values))
    nodes = [each.tree_ for each in model.estimators_]
    roots = np.cumsum([0, *(each.node_count for each in nodes)])[:-1]
    leaf = np.concatenate([each.children_left < 0 for each in nodes])
    itself = np.arange(len(leaf))
    left, right = (
        np.concatenate([getattr(each, name) + root for each, root in zip(nodes, roots, strict=True)])
        for name in ("children_left", "children_right")
    )
    rows = np.concatenate([each.n_node_samples for each in nodes])
    depth = np.concatenate([each.compute_node_depths() for each in nodes])
    expected = depth + np.array([_average_depth(count) for count in rows.tolist()]) - 1.0
    return Forest(
        medians=imputer.statistics_,
        sampled=int(model.max_samples_),
        trees=roots.astype(np.int32),
        feature=np.where(leaf, 0, np.concatenate([each.feature for each in nodes])).astype(np.int32),
        threshold=np.where(leaf, np.inf, np.concatenate([each.threshold for each in nodes])),
        left=np.where(leaf, itself, left).astype(np.int32),
        right=np.where(leaf, itself, right).astype(np.int32),
        depth=np.where(leaf, expected, 0.0),
    )
