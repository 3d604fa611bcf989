"""Decode rows as schema version 3 stored them: only depths and GQ as differences."""

from typing import Any

import pyarrow.compute as pc

from genocloud.schema import INT64

_PREDICTIONS = {
    "blocks": {"dp": ("min_dp", 1), "gq": ("pl1", 1)},
    "variants": {"info_dp": ("dp", 1), "raw_mq_dp": ("info_dp", 1), "raw_mq": ("raw_mq_dp", 3600)},
}
"""The column that another was less than, and how many times; each after what it is predicted from."""

_CAPPED = {"gq": 99}
"""The most that was predicted of a column."""


def decode(kind: str, columns: dict[str, Any]) -> None:
    """Decode those of a row group's columns that were differences, in place."""
    for name, (source, times) in _PREDICTIONS[kind].items():
        if name in columns:
            predicted = pc.multiply(pc.fill_null(columns[source], 0).cast(INT64), times)
            if name in _CAPPED:
                predicted = pc.min_element_wise(predicted, _CAPPED[name])
            columns[name] = pc.add(columns[name], predicted)
