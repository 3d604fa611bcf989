"""What a callset is filtered by: presets, expressions, regions, and what a model is trained on."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from genocloud import callset, filters, schema
from genocloud.callset import Callset, FilterLine
from genocloud.filters import Expression, SiteFilter, vets
from genocloud.pipeline.fasta_bases import FastaBases
from genocloud.pipeline.filtering.known_alleles import KnownAlleles
from genocloud.pipeline.filtering.shard_filters import FilterPlan
from genocloud.pipeline.filtering.shard_values import NamedValues
from genocloud.pipeline.intervals import read_intervals
from genocloud.regions import joined


@dataclass(frozen=True, kw_only=True)
class FilterOptions:
    """What a callset is filtered by.

    presets      names of filters.PRESETS; None: vets with a model, else hard, and none where there are `filters`
    filters      further ones
    regions      interval files by the name of the flag that expressions know them by
    resources    known variants that a model of the scores is trained on
    trained_on   in their place: the alleles of the callset that it is trained and calibrated on
    annotations  what the model judges by, `cohort` for WARP's and sums over genotypes; none: WARP's, AS_ where the
                 callset has them
    reference    a FASTA with its index, for REPEAT; `cohort` has REPEAT then

    Raises UnknownPreset, BadFilter.
    """

    presets: tuple[str, ...] | None = None
    filters: tuple[SiteFilter, ...] = ()
    regions: Mapping[str, str] = field(default_factory=dict)
    resources: tuple[vets.Resource, ...] = ()
    trained_on: Expression | None = None
    annotations: tuple[str, ...] = ()
    reference: str = ""

    def __post_init__(self) -> None:
        if not self.lines:
            raise filters.BadFilter("no filters; choose a preset, or give some of your own")
        for line in callset.ADJ if self.by_adj else ():
            if any(each.name == line.name for each in self.chosen):
                raise filters.BadFilter(f"filter {line.name}: adj has one of this name; give yours another")
        if self.resources and self.trained_on:
            raise filters.BadFilter("a model is trained on resources or on alleles of the callset; give one of them")

    @property
    def chosen(self) -> tuple[SiteFilter, ...]:
        """All filters."""
        default = () if self.filters else ("vets" if self.has_model else "hard",)
        return filters.chosen_filters(default if self.presets is None else self.presets, self.filters)

    @property
    def has_model(self) -> bool:
        """Whether there are scores."""
        return bool(self.resources or self.trained_on)

    @property
    def by_adj(self) -> bool:
        """Whether genotypes that are not adj are under filters."""
        return filters.ADJ in (self.presets or ())

    @property
    def lines(self) -> tuple[FilterLine, ...]:
        """The filters for a VCF header."""
        of_sites = tuple(FilterLine(each.name, each.header) for each in self.chosen)
        return of_sites + (callset.ADJ if self.by_adj else ())

    @classmethod
    def of_config(cls, settings: Mapping[str, Any], reference: str) -> "FilterOptions":
        """As the config's `filter` has them, with the config's reference. Raises BadExpression, too."""
        more = tuple(SiteFilter.parse(f"{name}={text}") for name, text in settings["expressions"].items())
        return cls(
            presets=tuple(settings["presets"]) or None,
            filters=more,
            regions=settings["regions"],
            resources=tuple(
                vets.Resource.parse(",".join([each["name"], *map("{}=true".format, each["labels"])]), each["vcf"])
                for each in settings["resources"]
            ),
            trained_on=Expression(settings["trained_on"]) if settings["trained_on"] else None,
            annotations=tuple(settings["annotations"]),
            reference=reference,
        )

    @property
    def expressions(self) -> list[Expression]:
        """Of filters, and of what a model is trained on."""
        return [*(each.expression for each in self.chosen), *([self.trained_on] if self.trained_on else [])]

    @property
    def needs_genotypes(self) -> bool:
        """Whether sums over genotypes are read."""
        features = vets.expanded(self.annotations, ()) if self.has_model and self.annotations else ()
        names = set(features).union(*(each.names for each in self.expressions))
        return self.by_adj or not names.isdisjoint(schema.SITE_METRICS.names)

    def names(self, made: Callset) -> tuple[str, ...]:
        """The model's annotations; none without a model. Raises BadAnnotation."""
        if not self.has_model:
            return ()
        groups = made.description.model.get("annotation_groups", ())
        return vets.expanded(self.annotations, groups, with_context=bool(self.reference))

    def plan(self, made: Callset) -> FilterPlan:
        """The plan for a callset, without a trained model. Raises InputError, BadAnnotation, BadExpression."""
        regions = {name: tuple(joined(read_intervals([file], made.contigs))) for name, file in self.regions.items()}
        known, names = None, self.names(made)
        counted = ["N_HQ"] if self.by_adj else []
        named = frozenset([*names, *counted]).union(*(each.names for each in self.expressions))
        values = NamedValues(names=named, regions=regions, reference=self._bases(named, made))
        if names:
            by_allele = vets.is_by_allele(names)
            known = KnownAlleles(resources=self.resources, trained_on=self.trained_on, by_allele=by_allele)
            known.check(made.contigs, values)
        settings: dict[str, Any] = {
            "expressions": {each.name: each.expression.text for each in self.chosen},
            "regions": values.digests,
            **({"reference": values.reference.settings} if values.reference else {}),
            **({"model": known.settings() | {"annotations": names}} if known else {}),
        }
        return FilterPlan(filters=self.chosen, settings=settings, values=values, known=known)

    def _bases(self, names: Collection[str], made: Callset) -> FastaBases | None:
        """The reference's, where a name follows from them. Raises BadFilter, UnreadableFile, MixedContigs."""
        wanted = sorted(set(names) & set(schema.SITE_CONTEXT.names))
        if not wanted:
            return None
        if not self.reference:
            raise filters.BadFilter(f"{wanted[0]} follows from the reference; name it (--reference FASTA)")
        bases = FastaBases.of(self.reference)
        bases.check(made)
        return bases
