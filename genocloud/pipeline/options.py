"""Options of the commands, built from the command line, the config or the library."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from genocloud import gvcf
from genocloud.callset import ALL_FIELDS, FormatFields
from genocloud.cohort import BATCH_SIZE
from genocloud.genotypes import Model
from genocloud.pipeline.genotyping.gq_tables import gq_map
from genocloud.pipeline.genotyping.known_names import known_variants
from genocloud.pipeline.intervals import Intervals
from genocloud.pipeline.sample_list import Listed
from genocloud.regions import PART_BP, SHARD_BP, Contig


@dataclass(frozen=True, kw_only=True)
class IngestOptions:
    """How gVCFs are ingested.

    `replace`: a sample whose file has changed is read again from the new file; else it is refused.
    `complete`: the sheet lists all samples of the cohort: changed files replace what the cohort holds, and a cohort
    that holds other samples is refused.
    `intervals`: where records must be good. Bad records that reach into none of them are dropped, counted and entered
    in the tally. `drop_bad_records`: bad records inside are dropped, too, up to a limit (gvcf.TooManyBadRecords); else
    the first is refused. `only`: contigs without intervals are not read at all.
    """

    part_bp: int = PART_BP
    window_bp: int = SHARD_BP
    batch_size: int = BATCH_SIZE
    complete: bool = False
    replace: bool = False
    intervals: Intervals = field(default_factory=Intervals)
    drop_bad_records: bool = False
    only: bool = False

    def policy(self, contigs: Sequence[Contig]) -> gvcf.RecordPolicy:
        """The policy for records that cannot be used. Raises InputError."""
        inside = self.intervals.inside(contigs)
        return gvcf.RecordPolicy(inside, self.drop_bad_records, self.only and inside is not None)


@dataclass(frozen=True, kw_only=True)
class JointOptions:
    """A joint genotyping: the listed gVCFs, the reference, where the VCF goes, and for which intervals.

    `callset_url` is where a Parquet callset is made as well, None for none; `memory` the budget in bytes, None for a
    share of what is free; `dbsnp_url` an indexed VCF that sites are named after, its fingerprint in the model.
    `cohort_url` is a cohort that is kept: the listed samples join it, and all its samples are genotyped; `listed` may
    then be None, for no new ones. With `replace` a sample whose file has changed is read again from the new file.
    `drop_bad_records`: records that cannot be used are dropped and counted. `fields`: what FORMAT has.
    `model_name`: one of JOINT_MODELS, empty for the one that fits the gVCFs; `model` are the settings of all but
    `glnexus`, of which `preset` is a name, or the path or URL of a YAML file.
    """

    listed: Listed | None
    reference_url: str
    out_url: str
    model: Model = field(default_factory=Model)
    intervals: Intervals = field(default_factory=Intervals)
    threads: int = 1
    callset_url: str | None = None
    memory: int | None = None
    dbsnp_url: str | None = None
    cohort_url: str | None = None
    replace: bool = False
    drop_bad_records: bool = False
    fields: FormatFields = ALL_FIELDS
    model_name: str = ""
    preset: str = ""


def model_of(settings: Mapping[str, Any]) -> Model:
    """The model that a config describes."""
    names = ("heterozygosity", "indel_heterozygosity", "heterozygosity_stdev", "stand_call_conf")
    more = "annotate_with_num_discovered_alleles", "allow_old_rms_mapping_quality_annotation_data"
    values = {name: settings[name] for name in (*names, "max_alternate_alleles", *more)}
    dbsnp = known_variants(settings["dbsnp"]) if settings["dbsnp"] else ""
    gq_calibration = gq_map(settings["gq_calibration"]) if settings["gq_calibration"] else ""
    return Model(
        **values,
        annotation_groups=tuple(settings["annotation_group"]),
        dbsnp=dbsnp,
        par=tuple(settings["par"]),
        gq_calibration=gq_calibration,
    )
