"""Which records an exported file has, by expressions in bcftools' syntax."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genocloud import annotations, schema
from genocloud.filters import AlleleValues, Expression


@dataclass(frozen=True, kw_only=True)
class SiteExpressions:
    """A callset.SiteCondition: records of which an ALT meets `include`, and none meets `exclude`."""

    include: Expression | None = None
    exclude: Expression | None = None

    @property
    def settings(self) -> Any:
        """The texts."""
        return [each and each.text for each in (self.include, self.exclude)]

    def check(self, *, filtered: bool) -> None:
        """Raise BadExpression for a name that sites, with filters or without, do not have."""
        self.holds(schema.with_columns(annotations.SITES.empty_table(), _FILTERS) if filtered else _SITES)

    def holds(self, sites: schema.Sites) -> npt.NDArray[np.bool_]:
        """Whether each row of SITES, with FILTERS where the callset has some, meets them. Raises BadExpression."""
        values = AlleleValues(sites)
        kept = np.ones(len(sites), np.bool_)
        if self.include:
            kept &= _of_any_alt(self.include, values)
        if self.exclude:
            kept &= ~_of_any_alt(self.exclude, values)
        return kept


_SITES = annotations.SITES.empty_table()
_FILTERS = schema.FILTERS.empty_table().drop_columns(["contig", "pos"])


def _of_any_alt(expression: Expression, values: AlleleValues) -> npt.NDArray[np.bool_]:
    holds = expression.holds(values)
    starts = values.offsets[:-1]
    return np.asarray(np.logical_or.reduceat(holds, starts) if len(starts) else holds, np.bool_)
