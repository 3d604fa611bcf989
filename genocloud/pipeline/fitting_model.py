"""The model that fits some gVCFs, by the callers that wrote them; gVCFs that none fits together are refused."""

from collections import Counter
from collections.abc import Iterable, Mapping

from genocloud.errors import InputError
from genocloud.gvcf.dialects import UNKNOWN

OWN_MODEL: Mapping[str, str] = {"deepvariant": "deepvariant", "clair3": "deepvariant"}
"""Dialects whose likelihoods another model than gatk is made for.

Clair3 writes as DeepVariant does: 990 at genotypes with `<NON_REF>`, and `./.` with likelihoods of a variant where it
calls none, of which GATK makes 1/1 (https://github.com/broadinstitute/gatk/issues/9068).
"""


class MixedDialects(InputError):
    """gVCFs whose likelihoods differ in meaning, so that no model can weigh them against each other.

    sides  for each model that fits some of them: its name, the first of these, its caller, how many there are
    """

    def __init__(self, source: str, *sides: tuple[str, str, str, int]) -> None:
        self.source, self.sides = source, sides
        said = " and ".join(
            f"{count:,} for the model {model} (the first: {first}, of {caller})"
            for model, first, caller, count in sides
        )
        super().__init__(
            f"{source}: gVCFs of callers whose likelihoods cannot be compared: {said}; call all samples with one "
            "caller, or make a cohort of each"
        )


def fitting_model(source: str, callers: Iterable[tuple[str, str]]) -> str:
    """The name of the model that fits some gVCFs of `source`: each with what to call it, and its caller.

    Raises MixedDialects.
    """
    firsts: dict[str, tuple[str, str]] = {}
    counts: Counter[str] = Counter()
    for name, caller in callers:
        model = OWN_MODEL.get(caller, "gatk")
        firsts.setdefault(model, (name, caller or UNKNOWN.name))
        counts[model] += 1
    if len(firsts) > 1:
        raise MixedDialects(source, *((model, *first, counts[model]) for model, first in sorted(firsts.items())))
    return next(iter(firsts), "gatk")
