"""Schemas of all tables shared between packages, each declared once: column, type, unit, missing value, VCF name."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

VERSION, OLDEST = 6, 3
"""Version of a cohort's tables, and the oldest that is read; opening a cohort of another is an error.

4 stores columns less what others predict of them, 5 notes each sample's sex in its batch's receipt,
6 sorts the rows of a window by tiles of it and notes the range of each row group.
"""

MISSING = np.int32(-(2**31))
"""A missing integer inside kernels (the value that BCF reserves); null in Arrow and Parquet. Floats use NaN."""

REACH_BP = 10_000
"""Bases within which a record counts for later ones of its sample that begin under its REF, so that little is read."""

NO_CALL = np.int8(-1)
"""An uncalled allele inside a GT list (`.` in VCF)."""

INT8, INT16, INT32, INT64 = pa.int8(), pa.int16(), pa.int32(), pa.int64()
FLOAT, DOUBLE, STRING, BOOL = pa.float32(), pa.float64(), pa.string(), pa.bool_()
INTS, COUNTS, DOUBLES, STRINGS = pa.list_(INT32), pa.list_(INT64), pa.list_(DOUBLE), pa.list_(STRING)
WORD = pa.dictionary(INT32, STRING)
"""Dictionary-encoded string."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    `vcf` is the field in VCF: `POS`, `INFO/AC`, `FORMAT/GQ`, or empty for a column of genocloud's own; `number` and
    `kind` are the header's Number and Type; `form` is how GATK prints a float (empty: its default for numbers);
    `enabled_by` names the annotation groups or options of the model that enable it; empty if it is always there.
    """

    name: str
    type: pa.DataType
    description: str
    vcf: str = ""
    number: str = ""
    kind: str = ""
    form: str = ""
    nullable: bool = True
    enabled_by: tuple[str, ...] = ()

    @property
    def field(self) -> pa.Field:
        """The Arrow field, with the description as metadata."""
        return pa.field(self.name, self.type, self.nullable, {"description": self.description})


def table(columns: Iterable[Column]) -> pa.Schema:
    """The Arrow schema of some columns."""
    return pa.schema([column.field for column in columns])


def _key(name: str, type_: pa.DataType, description: str, vcf: str = "") -> Column:
    return Column(name, type_, description, vcf, nullable=False)


_PLACE = (
    _key("contig", INT32, "index of the contig in the reference's order", "CHROM"),
    _key("start", INT32, "first base, 0-based", "POS"),
    _key(
        "stop",
        INT32,
        "first base that the row no longer covers, 0-based: where it ends or a later row begins",
    ),
    _key("sample", INT32, "index of the sample in its batch"),
)
# A row covers bases start <= base < stop. Its end is, as in GenomicsDB: END if the record has one; POS + len(REF) if an
# ALT is deletion-like (`*`; shorter than REF and not symbolic; of REF's length, above 1, with more than one mismatch);
# else one base. A later record of the same sample ends it earlier: rows of a sample never overlap.

_DEPTHS = (
    Column("dp", INT32, "depth, reads", "FORMAT/DP"),
    Column("gq", INT32, "genotype quality, phred, uncapped", "FORMAT/GQ"),
    Column("min_dp", INT32, "smallest depth in a block, reads", "FORMAT/MIN_DP"),
)

BLOCK_COLUMNS = (
    *_PLACE,
    *_DEPTHS,
    Column("pl0", INT32, "phred likelihood of hom-ref (haploid: ref)", "FORMAT/PL"),
    Column("pl1", INT32, "phred likelihood of ref/other (haploid: other)", "FORMAT/PL"),
    Column("pl2", INT32, "phred likelihood of other/other; null if haploid", "FORMAT/PL"),
    _key("ploidy", INT8, "number of alleles in GT, 1 or 2", "FORMAT/GT"),
    _key("called", BOOL, "GT is 0/0 (haploid 0), not a no-call", "FORMAT/GT"),
)
"""A reference block: ALT only symbolic or none, ploidy 1 or 2, no AD, no SB. Anything else is a row of VARIANTS."""

VARIANT_COLUMNS = (
    *_PLACE,
    Column("id", STRING, "identifiers", "ID"),
    _key("ref", STRING, "reference allele, upper case", "REF"),
    _key("alts", STRINGS, "ALT alleles, upper case, the symbolic one included", "ALT"),
    Column("qual", FLOAT, "the caller's quality, phred", "QUAL"),
    Column("filter", STRING, "filters, `;` between; null for `.`", "FILTER"),
    _key("gt", pa.list_(INT8), "allele numbers in the order written, -1 for `.`", "FORMAT/GT"),
    _key("phased", BOOL, "GT is written with |", "FORMAT/GT"),
    Column("ad", INTS, "depth by allele, reads", "FORMAT/AD"),
    *_DEPTHS,
    Column("pl", INTS, "phred likelihoods in VCF order; from GL where PL is absent", "FORMAT/PL"),
    Column("sb", INTS, "reads: ref forward, ref reverse, alt forward, alt reverse", "FORMAT/SB"),
    Column("pgt", STRING, "physical phase", "FORMAT/PGT"),
    Column("pid", STRING, "physical phase set's name", "FORMAT/PID"),
    Column("ps", INT32, "phase set's position, 1-based", "FORMAT/PS"),
    Column("ft", STRING, "filters of this sample, `;` between", "FORMAT/FT"),
    Column("info_dp", INT32, "depth, reads", "INFO/DP"),
    Column("base_q_rank_sum", FLOAT, "z score", "INFO/BaseQRankSum"),
    Column("clipping_rank_sum", FLOAT, "z score", "INFO/ClippingRankSum"),
    Column("mq_rank_sum", FLOAT, "z score", "INFO/MQRankSum"),
    Column("read_pos_rank_sum", FLOAT, "z score", "INFO/ReadPosRankSum"),
    Column("mq", FLOAT, "root mean square mapping quality", "INFO/MQ"),
    Column("mq0", INT32, "reads of mapping quality 0", "INFO/MQ0"),
    Column("excess_het", FLOAT, "the caller's own ExcessHet, phred", "INFO/ExcessHet"),
    Column("raw_mq", INT64, "sum of squared mapping qualities, also from RAW_MQ", "INFO/RAW_MQandDP"),
    Column(
        "raw_mq_dp",
        INT64,
        "reads in that sum, also from MQ_DP; null where GATK 3 wrote RAW_MQ alone",
        "INFO/RAW_MQandDP",
    ),
    Column("as_raw_base_q_rank_sum", STRING, "raw text, alleles split by |", "INFO/AS_RAW_BaseQRankSum"),
    Column("as_raw_mq", STRING, "raw text, alleles split by |", "INFO/AS_RAW_MQ"),
    Column("as_raw_mq_rank_sum", STRING, "raw text, alleles split by |", "INFO/AS_RAW_MQRankSum"),
    Column("as_raw_read_pos_rank_sum", STRING, "raw text, alleles split by |", "INFO/AS_RAW_ReadPosRankSum"),
    Column("as_sb_table", STRING, "raw text, alleles split by |", "INFO/AS_SB_TABLE"),
)

OBSERVATION_COLUMNS = (
    _key("contig", INT32, "index of the contig in the reference's order", "CHROM"),
    _key("start", INT32, "first base, 0-based", "POS"),
    _key("ref", STRING, "REF as the record writes it", "REF"),
    _key("alt", STRING, "one ALT as the record writes it; never symbolic", "ALT"),
    _key("rank", INT32, "cohort rank of the first sample that carries it"),
    _key("order", INT16, "its place in that record's ALT list"),
    _key("observed", INT32, "(sample, allele) observations merged into this row"),
)
"""Alleles that occur in a shard, one row for each distinct (start, ref, alt)."""

SPAN_COLUMNS = (
    _key("contig", INT32, "index of the contig in the reference's order"),
    _key("start", INT32, "first base under the deletion (its record's start + 1), 0-based"),
    _key("stop", INT32, "first base that is no longer under it, 0-based"),
    _key("rank", INT32, "cohort rank of the first sample that has this stretch"),
)
"""Bases under deletions that began earlier, where these make `*`, and the rank that orders it among the ALTs."""

ALLELE_COLUMNS = (
    _key("contig", INT32, "index of the contig in the reference's order", "CHROM"),
    _key("start", INT32, "first base, 0-based", "POS"),
    _key("ref", STRING, "the longest REF of the site's records", "REF"),
    _key("alts", STRINGS, "merged ALT alleles extended to that REF, `*` in its place; no symbolic one", "ALT"),
    _key("forced", BOOL, "force-output, whatever the evidence; with no ALT at all it is only called, not estimated"),
    _key("forced_alts", INTS, "numbers of the ALTs that are forced (FORCED_ALLELES): emitted whatever the evidence"),
    _key("observed", INT32, "(sample, allele) observations merged into this site"),
)
"""The merged alleles of each site of a shard, sorted by start."""

FORCED_COLUMNS = (
    _key("contig", INT32, "index of the contig in the reference's order", "CHROM"),
    _key("start", INT32, "first base, 0-based", "POS"),
    _key("ref", STRING, "REF of this allele alone, without bases that both end with", "REF"),
    _key("alt", STRING, "one ALT, so too, of A, C, G, T", "ALT"),
    _key("line", INT32, "the file's line, 1-based"),
)
"""The alleles that a file names to be genotyped, each once: sorted by place, then in the file's order."""

STRETCH_COLUMNS = SPAN_COLUMNS[:3]
"""Bases under any deletion that began earlier, without ranks; one row for each maximal stretch."""

_MERGED = ALLELE_COLUMNS[:6]
MERGED_NAMES = tuple(column.name for column in _MERGED)
"""The columns that ALLELES, ESTIMATES and SETTLED share."""

EVIDENCE_COLUMNS = (
    _key("start", INT32, "first base, 0-based, on the shard's axis", "POS"),
    _key("ref", STRING, "REF as the record writes it", "REF"),
    _key("alt", STRING, "one ALT as the record writes it, of A, C, G, T", "ALT"),
    _key("filtered", BOOL, "all records that carry it have a FILTER other than PASS, and the rules drop it then"),
    _key("copies", INT32, "copies of it in genotypes of a GQ that the rules count"),
    _key("quality", INT32, "AQ of its surest carrier, phred; 0 where it is below what any of the rules asks for"),
    _key("sure", INT32, "how many carriers' AQ suffices where two have it, at most two"),
)
"""What GLnexus's model keeps of the alleles that samples carry; one row for each distinct (start, ref, alt), sorted."""

CALLED_ALT_COLUMNS = (_key("called", BOOL, "whether somebody has it after revision, or it is written all the same"),)
"""Which ALTs of a shard's unified sites are called, site after site; one row for each ALT."""

CALLED_COUNT_COLUMNS = (
    _key("called", INT64, "called alleles of all kinds"),
    _key("counts", COUNTS, "of these each kept ALT's"),
)
"""What a source's samples call at each site of a shard that is written, by GLnexus's model."""

ESTIMATE_COLUMNS = (
    *_MERGED,
    _key("genotyped", INT32, "ALT alleles that went into the estimate; the others were too many"),
    _key("beyond", BOOL, "GATK would skip the site, or drop a sample's likelihoods, for the number of its alleles"),
    Column("absent_log10", DOUBLE, "log10 probability that no sample carries an ALT other than `*`"),
    _key(
        "plausible",
        INTS,
        "numbers of the ALT alleles that may be emitted: likely enough, or forced; of `*` it is decided later",
    ),
    _key("mleac", INTS, "likeliest allele counts, by plausible allele"),
    _key("each_absent_log10", DOUBLES, "log10 probability that no sample carries it, by plausible allele"),
    Column("reason", WORD, "why the site cannot be genotyped; null if it can"),
)
"""The cohort's estimates at each site of a shard, sorted by start."""

START_COLUMNS = (
    _key("known", INT8, "bits: some depth, likelihoods, a carrier without likelihoods, alleles beyond GATK's limits"),
    _key("chromosomes", INT64, "alleles of the samples that count: the sum of their ploidies"),
    _key("copies", COUNTS, "expected copies of each ALT at even frequencies, 2^-40; none at sites of too many ALTs"),
    _key("gains", COUNTS, "there: by how much carriers' likelihoods exceed hom-ref's, log10, by ALT: 2^-14 then 2^-56"),
)
"""A source's sums over its samples for the first round of the federated EM, one row for each site of a shard."""

MAXIMUM_COLUMNS = (
    _key("known", INT8, "bits: some depth, likelihoods, a carrier without likelihoods"),
    _key("qualities", INTS, "AQ of each ALT's surest carrier, phred"),
    _key("copies", COUNTS, "copies of each ALT in the samples' likeliest genotypes"),
)
"""What a source's samples say of each site of a shard to a model that judges ALTs by their surest carriers."""

QUESTION_COLUMNS = (
    _key("site", INT32, "number of the site in ALLELES"),
    _key("last", BOOL, "the last round: how likely no sample carries an allele, in place of expected copies"),
    _key("chromosomes", INT64, "alleles of all sources' samples that count"),
    _key("chosen", INTS, "numbers of the ALTs in the estimate where some are left out; else none"),
    _key("copies", COUNTS, "the cohort's expected copies of each ALT in the estimate, 2^-40; none: even frequencies"),
)
"""The coordinator's questions of one round of the federated EM, one row for each site that is still open."""

ANSWER_COLUMNS = (
    _key("copies", COUNTS, "expected copies of each ALT in the estimate, 2^-40; none to a last question"),
    _key("high", COUNTS, "in the last round: -ln of no sample carrying anything but `*`, then each ALT, in 2^-14"),
    _key("low", COUNTS, "what these lack, in 2^-56; where there is but one ALT the first of both says all"),
)
"""A source's sums over its samples for one round of the federated EM, one row for each question."""

SETTLED_COLUMNS = (
    *_MERGED,
    _key("kept", INTS, "numbers of the ALT alleles emitted; none if the site is dropped"),
    _key("mleac", INTS, "likeliest allele counts, by kept allele"),
    _key("absent_log10", DOUBLES, "log10 probability that no sample carries it, by kept allele"),
    _key("genotyped", INT32, "ALT alleles that went into the estimate; the others were too many"),
    _key("likely", INT32, "of these, likely enough to be emitted"),
    _key("spurious", BOOL, "`*` was likely, but no emitted deletion reaches over the site"),
    _key("beyond", BOOL, "GATK would skip the site, or drop a sample's likelihoods, for the number of its alleles"),
    Column("qual", DOUBLE, "phred-scaled confidence in what is emitted, variant or not; null if it was not genotyped"),
    _key("low", BOOL, "the site is forced, and its confidence is below what others need"),
    Column("reason", WORD, "why the site is dropped; null if it is emitted"),
)
"""The decision for each site of a shard, emitted or dropped, sorted by start."""

_DEPTH_AND_QUALITY = (
    Column("DP", INT32, "depth, reads", "FORMAT/DP", "1", "Integer"),
    Column("GQ", INT32, "genotype quality, phred; VCF prints at most 99", "FORMAT/GQ", "1", "Integer"),
)
_PHASE = (
    Column("PGT", WORD, "physical phase", "FORMAT/PGT", "1", "String"),
    Column("PID", WORD, "physical phase set's name", "FORMAT/PID", "1", "String"),
)
_PHASE_SET_AND_RGQ = (
    Column("PS", INT32, "phase set's position, 1-based", "FORMAT/PS", "1", "Integer"),
    Column(
        "RGQ",
        INT32,
        "quality of a genotype at a site without variants, phred",
        "FORMAT/RGQ",
        "1",
        "Integer",
        enabled_by=("force_output_intervals",),
    ),
)

_CELL = (
    _key("contig", WORD, "name of the contig", "CHROM"),
    _key("pos", INT32, "position, 1-based, as in VCF: with the contig it names the site", "POS"),
    _key("sample", WORD, "name of the sample"),
)
_GENOTYPE = _key("GT", WORD, "genotype as in VCF; `./.` (haploid `.`) where there is no data", "FORMAT/GT")

GENOTYPE_COLUMNS = (
    *_CELL,
    _GENOTYPE,
    Column("AD", INTS, "depth by allele, reads", "FORMAT/AD", "R", "Integer"),
    *_DEPTH_AND_QUALITY,
    *_PHASE,
    Column("PL", INTS, "phred likelihoods in VCF order", "FORMAT/PL", "G", "Integer"),
    *_PHASE_SET_AND_RGQ,
)
"""The callset's genotypes in full: sites in order, within each the samples."""

LOCAL_COLUMNS = (
    _key("GT", WORD, "genotype as in VCF, by the site's allele numbers", "FORMAT/GT"),
    Column(
        "LAA",
        INTS,
        "numbers of the site's ALTs that the sample's own record has, ascending",
        "FORMAT/LAA",
        ".",
        "Integer",
        nullable=False,
    ),
    Column("LAD", INTS, "depth by local allele, reads", "FORMAT/LAD", ".", "Integer"),
    *_DEPTH_AND_QUALITY,
    *_PHASE,
    Column("LPL", INTS, "phred likelihoods by local allele, in VCF order", "FORMAT/LPL", ".", "Integer"),
    *_PHASE_SET_AND_RGQ,
)
"""A genotype by its local alleles: REF, those of LAA, and one for all other ALTs of the site where it has others.

AD and PL follow from it: every other ALT has the last entry of LAD, and the likelihoods of the last local allele. So
the genotype that a reference block gives (LAA empty, LAD null) is the same at all sites with ALTs, however many.
"""

MODEL_COLUMNS = (
    Column("RNC", WORD, "why each allele of GT is not called: see the model", "FORMAT/RNC", "2", "Character"),
    Column("SB", INTS, "reads: ref forward, ref reverse, alt forward, alt reverse", "FORMAT/SB", "4", "Integer"),
    Column("RECORD_FILTER", WORD, "FILTER of the sample's records, `;` between", "FORMAT/FT", "1", "String"),
)
"""Columns of genotypes that a model may declare: only files of its callsets have them, of REFERENCE only the first."""

NTH_COLUMNS = (
    _key("nth", INT16, "sites before this one at the same position; of a run, its first"),
    _key("end_nth", INT16, "the like of a run's last site"),
)
"""Columns of CALLS and of REFERENCE in files where several sites share a position."""

CALL_COLUMNS = (*_CELL, *LOCAL_COLUMNS)
"""Genotypes that are no plain reference: one row for each site and sample."""

REFERENCE_COLUMNS = (
    _CELL[0],
    _key("pos", INT32, "position of the first site, 1-based", "POS"),
    _key("end", INT32, "position of the last site, 1-based"),
    _CELL[2],
    _GENOTYPE,
    *_DEPTH_AND_QUALITY,
    Column("PL2", INT32, "phred likelihood of two ALTs where PL is 0, GQ and this; null where it is not"),
    Column("PL", INTS, "other PL of REF and any ALT, in VCF order; null where PL2 is there, or none is"),
    _PHASE_SET_AND_RGQ[1],
    Column("AD_minus_DP", INT32, "AD of REF less DP, where AD of each ALT is 0; null where AD is missing"),
)
"""Genotypes with values of no single ALT: one row for each run of a sample's sites with the same.

They are LOCAL_GENOTYPES whose LAA is empty, LAD null or that of REF and 0, and PGT, PID and PS null. LPL
is PL, or 0, GQ, PL2: it nearly always is.
"""

FREQUENCY_COLUMNS = (
    _key("contig", INT32, "index of the contig in the reference's order", "CHROM"),
    _key("start", INT32, "the base, 0-based", "POS"),
    _key("ref", STRING, "reference allele, one base", "REF"),
    _key("alt", STRING, "one ALT, one base", "ALT"),
    _key("ref_frequency", DOUBLE, "frequency of REF: 1 less those of all single-base ALTs at this base", "INFO/AF"),
)
"""Single-base variants with the frequency of REF; one row for each ALT, sorted by contig and base."""

FLAG_COLUMNS = (
    _key("sample", STRING, "name of the sample"),
    _key("check", STRING, "name of the check that it fails: `contamination`, `sex`, `duplicate`"),
    _key("value", STRING, "what was measured: a number, a sex, the name of another sample"),
    _key("limit", STRING, "what the check wants: `<= 0.03`, `male`, `no other sample`"),
    _key("advice", STRING, "what to do about it"),
)
"""Samples that fail a check, before or after genotyping; one row for each sample and check, none for those that pass.

Values and limits are text, as some are numbers and some are names; tables of samples have the numbers.
"""

GROUPINGS = ("batch", "site", "caller")
"""Columns of the table of samples, of `genocloud qc`, by which they have something technical in common."""

CARRIER_COLUMNS = (
    _CELL[0],
    _CELL[1],
    _key("ref", STRING, "REF of the site", "REF"),
    _key("alt", STRING, "the ALT that the sample has, `*` too", "ALT"),
    _CELL[2],
    _GENOTYPE,
    _key("copies", INT32, "how often the genotype has the ALT"),
    Column("DP", INT32, "depth, reads", "FORMAT/DP"),
    Column("AD", INT32, "reads of the ALT", "FORMAT/AD"),
    Column("GQ", INT32, "genotype quality, phred", "FORMAT/GQ"),
    Column("filter", STRING, "FILTER of the site", "FILTER"),
    *_PHASE,
    _PHASE_SET_AND_RGQ[0],
)
"""Who carries what: one row for each ALT of a sample's genotype, by site, ALT, sample."""

BLOCK_LENGTH = Column(
    "LEN",
    INT32,
    "bases from the site of a reference block to the last site that it covers",
    "FORMAT/LEN",
    "1",
    "Integer",
)
"""A column of exported files with reference blocks."""

GENOTYPE_FILTER = Column(
    "FT",
    WORD,
    "PASS, or the filters that the genotype is under, by its ALTs or its own values, `;` between",
    "FORMAT/FT",
    "1",
    "String",
)
"""A column of exported files: see callset.genotype_filters."""

POSTERIOR_COLUMNS = (
    Column("PP", INTS, "phred posteriors of the genotypes in VCF order", "FORMAT/PP", "G", "Integer"),
    Column(
        "JL",
        INT32,
        "quality of the trio's genotypes together by their likelihoods alone, phred; -1: not all three have some",
        "FORMAT/JL",
        "1",
        "Integer",
    ),
    Column(
        "JP",
        INT32,
        "quality of the trio's genotypes together by their posteriors, phred; -1: not all three have some",
        "FORMAT/JP",
        "1",
        "Integer",
    ),
)
"""Columns of exported files with refined genotypes; JL and JP of those of trios."""

GENOTYPE_PRIOR = Column("PG", INTS, "phred priors of the genotypes in VCF order", "INFO/PG", ".", "Integer")
"""A column of the sites of such files. GATK declares Number=G, which pysam refuses to read in INFO."""

SITE_KEY = _key(
    "key",
    INT64,
    "names the site's alleles: of a site's rows in a callset that has grown, those with the key that SITES has count",
)
"""The last column of a callset's files of SITES and GENOTYPES; with contig and pos it joins them."""

FILTER_COLUMNS = (
    _CELL[0],
    _CELL[1],
    _key("filter", STRING, "PASS, or the names of the filters that the site is under, `;` between", "FILTER"),
    Column(
        "AS_FilterStatus",
        STRINGS,
        "PASS, or the names of the filters that the allele is under, & between, by ALT",
        "INFO/AS_FilterStatus",
        "A",
        "String",
        nullable=False,
    ),
    Column("SCORE", DOUBLE, "score of the model, of the best ALT", "INFO/SCORE", "1", "Float", "%.4f"),
    Column(
        "CALIBRATION_SENSITIVITY",
        DOUBLE,
        "share of the calibration sites that score as high, of the best ALT",
        "INFO/CALIBRATION_SENSITIVITY",
        "1",
        "Float",
        "%.4f",
    ),
    Column("AS_SCORE", DOUBLES, "score of the model, by ALT", "INFO/AS_SCORE", "A", "Float", "%.4f"),
    Column(
        "AS_CALIBRATION_SENSITIVITY",
        DOUBLES,
        "share of the calibration sites that score as high, by ALT",
        "INFO/AS_CALIBRATION_SENSITIVITY",
        "A",
        "Float",
        "%.4f",
    ),
    Column("labels", STRINGS, "labels of the resources that have the allele, `;` between, by ALT"),
)
"""What filtering says of each site of a callset, in the order of SITES."""

SITE_METRIC_COLUMNS = (
    _key("N_MISSING", INT32, "genotypes with an allele that is not called"),
    _key("F_MISSING", DOUBLE, "share of the samples with such a genotype"),
    _key("N_HQ", INT32, "adj genotypes: called, GQ 20, DP 10 (haploid 5), balance of heterozygotes 0.2"),
    _key("AC_adj", INTS, "their alternate alleles, by ALT"),
    _key("AN_adj", INT32, "their alleles"),
    Column("AB", DOUBLES, "share of the ALT's reads in those of both alleles, over diploid heterozygotes, by ALT"),
    _key("N_HET", INTS, "diploid genotypes with the ALT and another allele, by ALT"),
    _key("N_HOM", INTS, "diploid genotypes of the ALT alone, by ALT"),
    Column("MEAN_GQ", DOUBLES, "mean GQ of the genotypes with the ALT, by ALT"),
    Column("DP_RATIO", DOUBLES, "their mean DP, over that of the site's genotypes of REF alone, by ALT"),
)
"""What filters ask of the genotypes of each site."""

SITE_CONTEXT_COLUMNS = (
    _key("REPEAT", INT32, "bases of the reference's longest tandem repeat, of units of 1 to 6, that begins behind POS"),
)
"""What filters ask of the reference at each site."""

BLOCKS, VARIANTS = table(BLOCK_COLUMNS), table(VARIANT_COLUMNS)
OBSERVATIONS, SPANS, ALLELES = table(OBSERVATION_COLUMNS), table(SPAN_COLUMNS), table(ALLELE_COLUMNS)
FORCED_ALLELES = table(FORCED_COLUMNS)
STRETCHES, ALLELE_EVIDENCE = table(STRETCH_COLUMNS), table(EVIDENCE_COLUMNS)
MAXIMA = table(MAXIMUM_COLUMNS)
CALLED_ALTS, CALLED_COUNTS = table(CALLED_ALT_COLUMNS), table(CALLED_COUNT_COLUMNS)
STARTS, QUESTIONS, ANSWERS = table(START_COLUMNS), table(QUESTION_COLUMNS), table(ANSWER_COLUMNS)
ESTIMATES, SETTLED = table(ESTIMATE_COLUMNS), table(SETTLED_COLUMNS)
GENOTYPES, STORED_GENOTYPES = table(GENOTYPE_COLUMNS), table((*GENOTYPE_COLUMNS, SITE_KEY))
LOCAL_GENOTYPES, POSTERIORS = table(LOCAL_COLUMNS), table(POSTERIOR_COLUMNS)
CALLS, REFERENCE = table(CALL_COLUMNS), table(REFERENCE_COLUMNS)
MODEL_GENOTYPES, NTH = table(MODEL_COLUMNS), table(NTH_COLUMNS)
WIDE_LOCAL_GENOTYPES = pa.schema([*LOCAL_GENOTYPES, *MODEL_GENOTYPES])
"""LOCAL_GENOTYPES with all columns that a model may declare."""
CARRIERS = table(CARRIER_COLUMNS)
FREQUENCIES, FLAGS = table(FREQUENCY_COLUMNS), table(FLAG_COLUMNS)
FILTERS, SITE_METRICS = table(FILTER_COLUMNS), table(SITE_METRIC_COLUMNS)
SITE_CONTEXT = table(SITE_CONTEXT_COLUMNS)

# Names for signatures. Arrow has one type for all tables, so that these say to a reader, not to a type checker, which
# columns a table has; some functions need only a few of them. Each is named after its schema.
Blocks: TypeAlias = pa.Table
Variants: TypeAlias = pa.Table
Records: TypeAlias = pa.Table
"""Rows of VARIANTS or of BLOCKS."""
Observations: TypeAlias = pa.Table
Spans: TypeAlias = pa.Table
"""Rows of SPANS; also STRETCHES where ranks are not used."""
Stretches: TypeAlias = pa.Table
Alleles: TypeAlias = pa.Table
ForcedAlleleRows: TypeAlias = pa.Table
"""Rows of FORCED_ALLELES."""
AlleleEvidence: TypeAlias = pa.Table
CalledAlts: TypeAlias = pa.Table
CalledCounts: TypeAlias = pa.Table
Estimates: TypeAlias = pa.Table
Settled: TypeAlias = pa.Table
MergedSites: TypeAlias = pa.Table
"""Rows of ALLELES, ESTIMATES or SETTLED: sites by their merged alleles."""
Sites: TypeAlias = pa.Table
StoredSites: TypeAlias = pa.Table
"""Rows of STORED_SITES: SITES with their keys."""
Genotypes: TypeAlias = pa.Table
StoredGenotypes: TypeAlias = pa.Table
"""Rows of STORED_GENOTYPES: GENOTYPES with their sites' keys."""
DistinctGenotypes: TypeAlias = pa.Table
"""The FORMAT columns of GENOTYPES, each distinct genotype once."""
LocalGenotypes: TypeAlias = pa.Table
CallRows: TypeAlias = pa.Table
"""Rows of CALLS."""
Carriers: TypeAlias = pa.Table
AlleleRows: TypeAlias = pa.Table
"""Some columns of SITES, or of filters.frequency_columns, with a row for each ALT and no lists."""
ReferenceRuns: TypeAlias = pa.Table
"""Rows of REFERENCE."""
Frequencies: TypeAlias = pa.Table
Flags: TypeAlias = pa.Table
Filters: TypeAlias = pa.Table
SiteMetrics: TypeAlias = pa.Table
SiteContext: TypeAlias = pa.Table


SUMMARY = pa.schema(
    [
        ("key_lengths", INTS),  # in the first row: entries of each key of REF against anything else
        ("key_values", INTS),  # of all keys of the table, as kernels.stored_keys has them
        ("whole", pa.bool_()),  # whether the row has all such keys, not what has changed since the row before
        ("numbers", INTS),  # numbers of such keys, ascending, as differences
        ("steps", INTS),  # samples, or how many more than in the row before, the sign in the lowest bit
        ("lengths", INTS),  # entries of each other key of the site
        ("values", INTS),  # of all keys of the table likewise
        ("counts", COUNTS),
        ("totals", COUNTS),
    ]
)
"""Samples' likelihoods at each site as distinct keys with counts (genotypes.LikelihoodCounts)."""

SQUARES = pa.schema([("cell", INT32), ("square", FLOAT)])
"""ASRAW_MQ of emitted alleles, by number, added over samples in order (float32); no row for alleles without it."""

SHEET = pa.schema(
    [
        *((name, STRING) for name in ("sample", "gvcf", "sex", "batch", "name_in_gvcf")),
        ("line", INT32),
        ("renames", BOOL),
    ]
)
"""The rows of the sample sheet of one location."""
ACTIVE_SAMPLES = pa.schema([("batch", WORD), ("row", INT32), ("rank", INT32)])
"""Active samples of a location: batch, row number in its SHEET, cohort rank; sorted by batch and place."""
LOCAL_ALLELES = pa.schema([("start", INT32), ("ref", STRING), ("alts", STRINGS), ("observed", INT32)])
"""ALLELES of one location's samples in a shard."""
INTERVALS = pa.schema([("start", INT32), ("stop", INT32)])
"""Intervals of a shard's contig: bases under deletions from upstream, or bases that some row covers."""
UNITED_ALLELES = pa.schema(
    [("start", INT32), ("ref", STRING), ("alts", STRINGS), ("forced", BOOL), ("forced_alts", INTS)]
)
"""ALLELES of a shard, merged over all locations."""
TOTALS = pa.schema([("kind", STRING), ("bin", INT32), ("count", INT64)])
"""Counts of a location's genotypes over all samples: `samples`, by class, and called ones by DP and by GQ."""
GNOMAD_GROUPS = pa.schema([("gen_anc", STRING), ("sex", STRING), ("age", INT32), ("people", INT64)])
"""Groups of a location's people in gnomAD's table, and their numbers: first everybody; `age` is a bin, -1 of others."""
GNOMAD_COUNTS = pa.schema(
    [
        ("places", INTS),  # where the site's counts are not 0: of the site, then of each ALT
        ("values", COUNTS),
        ("balance", DOUBLES),  # by ALT: the largest p of a heterozygote's allele balance
        *((f"ranks_{name}", kind) for name, kind in (("lengths", INTS), ("counts", INTS), ("values", pa.list_(FLOAT)))),
    ]
)
"""What a location's people add to gnomAD's table at each of some sites (pipeline.gnomad)."""
EMITTED_SITES = pa.schema([("site", INT32), ("kept", INTS), ("estimated", BOOL)])
"""The emitted sites of ALLELES, with their ALTs and whether they have a QUAL."""
LABELLED_ROWS = pa.schema([("snp", BOOL), ("training", BOOL), ("calibration", BOOL), ("values", DOUBLES)])
"""Sites or ALTs that resources know, in the genome's order, with their annotations; NaN where there is none."""
ALLELE_SCORES = pa.schema([("SCORE", DOUBLES), ("CALIBRATION_SENSITIVITY", DOUBLES), ("snp", pa.list_(BOOL))])
"""What a model says of each site's ALTs; null of those that it does not judge. `snp`: as such, not as an indel."""
FORESTS = pa.schema(
    [
        ("annotations", STRINGS),  # in the order of the columns
        ("snp", BOOL),
        ("rows", INT64),  # that it was trained on
        ("medians", DOUBLES),  # in place of missing values
        ("sampled", INT32),  # rows of each tree
        ("trees", INTS),  # number of the root node of each tree
        ("feature", INTS),  # by node: which annotation; 0 at leaves
        ("threshold", DOUBLES),  # up to which the next node is `left`; infinite at leaves
        ("left", INTS),
        ("right", INTS),  # at leaves both are the leaf
        ("depth", DOUBLES),  # at leaves: the expected depth of a row there, less one
        ("bounds", DOUBLES),  # lowest and highest calibration score; none without calibration rows
        ("bin_counts", COUNTS),
        ("bin_means", DOUBLES),
        ("bin_deviations", DOUBLES),
    ]
)
"""A trained model: one row for each type of variants."""

Summary: TypeAlias = pa.Table
Shares: TypeAlias = pa.Table
"""Rows of SHARES, with the columns of ALLELE_SHARES or of ALLELE_SUMS where they are enabled."""
StoredShares: TypeAlias = pa.Table
"""Shares as a callset's files hold them."""
Squares: TypeAlias = pa.Table
InitialSums: TypeAlias = pa.Table
"""Rows of STARTS."""
Maxima: TypeAlias = pa.Table
Questions: TypeAlias = pa.Table
Answers: TypeAlias = pa.Table
GnomadGroups: TypeAlias = pa.Table
GnomadCounts: TypeAlias = pa.Table
GnomadRows: TypeAlias = pa.Table
"""Rows of pipeline.gnomad.rows.ROWS."""
Sheet: TypeAlias = pa.Table
ActiveSamples: TypeAlias = pa.Table
IntervalRows: TypeAlias = pa.Table
"""Rows of INTERVALS."""
UnitedAlleles: TypeAlias = pa.Table
EmittedSites: TypeAlias = pa.Table
Totals: TypeAlias = pa.Table
LabelledRows: TypeAlias = pa.Table
AlleleScores: TypeAlias = pa.Table
Forests: TypeAlias = pa.Table


def numbers(array: pa.Array | pa.ChunkedArray) -> npt.NDArray[Any]:
    """An Arrow number column as numpy in its own dtype: null integers become the dtype's minimum, floats NaN."""
    array = _one_chunk(array)
    if array.null_count:
        array = array.fill_null(_missing(array.type))
    return np.asarray(array.to_numpy(zero_copy_only=False))


def reaches(table: Variants) -> npt.NDArray[np.int32]:
    """Where the REF of each record ends, whatever later records of its sample have cut, REACH_BP behind it at most."""
    lengths = np.minimum(numbers(pc.binary_length(table["ref"])), REACH_BP)
    return np.asarray(numbers(table["start"]) + lengths, np.int32)


def nullable(values: npt.NDArray[Any], type_: pa.DataType) -> pa.Array:
    """The reverse of `numbers`: the dtype's minimum, or NaN, becomes null."""
    return pa.array(values, type=type_, mask=_is_missing(values))


def ragged(array: pa.Array | pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    """An Arrow list-of-numbers column as (offsets (rows + 1,), values); a null list has no values."""
    array = _one_chunk(array)
    if array.null_count:  # there may be values under it
        lengths = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
        return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), numbers(array.flatten())
    offsets = array.offsets.to_numpy().astype(np.int64)
    return offsets - offsets[0], numbers(array.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0])))


def are_among(keys: npt.NDArray[np.int64], others: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which keys are among others, (keys,) bool: by hashing, as numpy's isin sorts both each time."""
    return np.asarray(pc.is_in(pa.array(keys), value_set=pa.array(others)).to_numpy(zero_copy_only=False))


def list_column(offsets: npt.NDArray[np.int64], values: npt.NDArray[np.int32]) -> pa.ListArray:
    """Slices of values as lists: an empty one is null, a missing value a null entry."""
    entries = nullable(values, INT32)
    return pa.ListArray.from_arrays(
        pa.array(offsets.astype(np.int32)), entries, mask=pa.array(offsets[1:] == offsets[:-1])
    )


def strings(array: pa.Array | pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """An Arrow string column as (offsets (rows + 1,), bytes); a null string has no bytes."""
    array = _one_chunk(array)
    if len(array) == 0:
        return np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.uint8)
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int32)[array.offset : array.offset + len(array) + 1].astype(
        np.int64
    )
    data = np.frombuffer(array.buffers()[2] or b"", dtype=np.uint8)
    return offsets - offsets[0], data[offsets[0] : offsets[-1]]


def string_lists(
    array: pa.Array | pa.ChunkedArray,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """An Arrow column of string lists as (lists (rows + 1,), offsets (strings + 1,), bytes).

    lists are the rows' slices of offsets, offsets the strings' slices of bytes; a null list has no strings.
    """
    array = _one_chunk(array)
    lengths = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), *strings(array.flatten())


def with_column(table: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    """The table with one column's values replaced, of any type; the column keeps its place and description."""
    place = table.schema.get_field_index(name)
    return table.set_column(place, table.schema.field(place).with_type(values.type), values)


def with_columns(table: pa.Table, more: pa.Table) -> pa.Table:
    """The table with the columns of another of as many rows: in the place of its own of that name, or behind them."""
    for name in more.column_names:
        if name in table.column_names:
            table = with_column(table, name, more[name])
        else:
            table = table.append_column(more.schema.field(name), more[name])
    return table


def _one_chunk(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _missing(type_: pa.DataType) -> Any:
    if pa.types.is_floating(type_):
        return float("nan")
    return False if pa.types.is_boolean(type_) else int(np.iinfo(type_.to_pandas_dtype()).min)


def _is_missing(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    if np.issubdtype(values.dtype, np.floating):
        return np.asarray(np.isnan(values))
    return np.asarray(values == np.iinfo(values.dtype).min)
