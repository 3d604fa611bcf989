"""The models that `joint` can genotype by, and what of its options each has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genocloud.callset import ALL_FIELDS
from genocloud.cohort import Cohort
from genocloud.errors import SettingError
from genocloud.pipeline.chosen_model import NotOfTheModel
from genocloud.pipeline.fitting_model import fitting_model
from genocloud.pipeline.genotyping.merged_vcf import merge_to_vcf
from genocloud.pipeline.ingestion.arrivals import Arrival
from genocloud.pipeline.merge_model import MergeModel
from genocloud.pipeline.options import JointOptions
from genocloud.pipeline.receipts import Receipt
from genocloud.pipeline.sharding import ShardPlan
from genocloud.pipeline.work_folder import WorkFolder, check_room
from genocloud.report.statistics import Statistics
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress


@dataclass(frozen=True, kw_only=True)
class JointModel:
    """What of a run's options a model can do without: each with what is said where it is there."""

    name: str
    refused: Mapping[str, str]

    def check(self, options: JointOptions) -> None:
        """Raise NotOfTheModel for the first option that the model does not have."""
        chosen = {
            "preset": bool(options.preset),
            "gq-calibration": bool(options.model.gq_calibration),
            "callset": options.callset_url is not None,
            "dbsnp": options.dbsnp_url is not None,
            "force-output intervals": bool(options.intervals.force_output) or options.intervals.non_variant,
            "alleles": bool(options.intervals.alleles),
            "choice of fields": options.fields != ALL_FIELDS,
            "other format than .vcf.gz": not options.out_url.endswith(".vcf.gz") or ".svcr." in options.out_url,
        }
        for option, remedy in self.refused.items():
            if chosen[option]:
                raise NotOfTheModel(self.name, option, remedy)


_WITHOUT_PRESETS = {"preset": "leave --preset out, or add --model glnexus"}
JOINT_MODELS = (
    JointModel(name="gatk", refused=_WITHOUT_PRESETS),
    JointModel(name="deepvariant", refused=_WITHOUT_PRESETS),
    JointModel(
        name="glnexus",
        refused={
            "callset": "leave --callset out",
            "gq-calibration": "leave it out; its GQ is GLnexus's",
            "dbsnp": "leave --dbsnp out; ID names the ALTs",
            "force-output intervals": "leave these out; its sites are those that somebody carries",
            "alleles": "leave --alleles out; its sites are those that somebody carries",
            "choice of fields": "leave it out; a preset or config says which there are",
            "other format than .vcf.gz": "write OUT.vcf.gz",
        },
    ),
)


class UnknownModel(SettingError):
    """A model that there is not."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"model {name}: unknown; choose from {', '.join(each.name for each in JOINT_MODELS)}")


def check_model(options: JointOptions) -> None:
    """Refuse an unknown model, and options that it does not have. Raises UnknownModel, NotOfTheModel, SettingError."""
    known = {each.name: each for each in JOINT_MODELS}
    name = options.model_name or "gatk"
    if name not in known:
        raise UnknownModel(name)
    known[name].check(options)
    if options.preset:
        MergeModel.of(options.preset)


def check_gvcfs(work: WorkFolder, arrivals: Sequence[Arrival]) -> None:
    """Refuse gVCFs that would not fit on this disk, or that no model takes together, before they are stored.

    Raises SettingError, MixedDialects.
    """
    check_room(work, arrivals)
    fitting_model("the samples", ((str(each.sample.gvcf), each.caller) for each in arrivals))


def by_glnexus(
    options: JointOptions, cohort: Cohort, cut: ShardPlan, scatter: Scatter, progress: Progress
) -> tuple[Statistics, Receipt]:
    """Write the VCF of GLnexus's model straight."""
    return merge_to_vcf(
        cohort,
        options.out_url,
        parts_url=WorkFolder.of(options).parts,
        model=MergeModel.of(options.preset),
        cut=cut,
        scatter=scatter,
        progress=progress,
    )
