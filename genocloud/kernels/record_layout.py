"""Layout of the parser's output: rows of its arrays, fields of a record, its outcome and statuses."""

FORMAT_KEYS = 1024
"""FORMAT keys of a record that are read at most; real files have about ten."""

# What `parse` writes: rows of its two-dimensional arrays.
BLOCK_ROWS = ("start", "stop", "dp", "gq", "min_dp", "pl0", "pl1", "pl2", "ploidy", "called", "kept")
B_START, B_STOP, B_DP, B_GQ, B_MIN_DP, B_PL0, B_PL1, B_PL2, B_PLOIDY, B_CALLED, B_KEPT = range(11)
INT_ROWS = ("start", "stop", "phased", "dp", "gq", "min_dp", "ps", "info_dp", "mq0", "kept")
I_START, I_STOP, I_PHASED, I_DP, I_GQ, I_MIN_DP, I_PS, I_INFO_DP, I_MQ0, I_KEPT = range(10)
REAL_ROWS = (
    "qual", "base_q_rank_sum", "clipping_rank_sum", "mq_rank_sum", "read_pos_rank_sum", "mq", "excess_het",
)  # fmt: skip
SPAN_ROWS = (
    "id", "ref", "filter", "pgt", "pid", "ft", "as_raw_base_q_rank_sum", "as_raw_mq", "as_raw_mq_rank_sum",
    "as_raw_read_pos_rank_sum", "as_sb_table",
)  # fmt: skip
S_ID, S_REF, S_FILTER, S_PGT, S_PID, S_FT = range(6)
LIST_ROWS = ("alts", "gt", "ad", "pl", "sb")
L_ALTS, L_GT, L_AD, L_PL, L_SB = range(5)

# `record`, what is known of the record being read.
RECORD = (
    "start", "stop", "id", "id_end", "ref", "ref_size", "alts", "real", "covers", "filter", "filter_end", "info",
    "info_end", "format", "format_size", "keys", "dp", "gq", "min_dp", "ps", "length", "gt_count", "ad_count",
    "pl_count", "sb_count", "phased", "pgt", "pgt_end", "pid", "pid_end", "ft", "ft_end", "called", "block", "kept",
    "partial", "symbolic",
)  # fmt: skip
(
    R_START, R_STOP, R_ID, R_ID_END, R_REF, R_REF_SIZE, R_ALTS, R_REAL, R_COVERS, R_FILTER, R_FILTER_END, R_INFO,
    R_INFO_END, R_FORMAT, R_FORMAT_SIZE, R_KEYS, R_DP, R_GQ, R_MIN_DP, R_PS, R_LENGTH, R_GT_COUNT, R_AD_COUNT,
    R_PL_COUNT, R_SB_COUNT, R_PHASED, R_PGT, R_PGT_END, R_PID, R_PID_END, R_FT, R_FT_END, R_CALLED, R_BLOCK, R_KEPT,
    R_PARTIAL, R_SYMBOLIC,
) = range(len(RECORD))  # fmt: skip
R_FIRST_VALUE, R_LAST_VALUE = R_DP, R_LENGTH + 1
R_LAST_COUNT = R_FT_END + 1
"""From R_GT_COUNT on, fields that are not written are 0: no values, not phased, empty strings."""

# `outcome`, what `parse` returns in numbers.
OUTCOME = (
    "status", "consumed", "blocks", "variants", "alts", "gts", "ads", "pls", "sbs", "lines", "read", "doubles",
    "weaker", "strays", "tabs", "overlaps", "partial", "symbolic", "place", "covered",
)  # fmt: skip
(
    O_STATUS, O_CONSUMED, O_BLOCKS, O_VARIANTS, O_ALTS, O_GTS, O_ADS, O_PLS, O_SBS, O_LINES, O_READ, O_DOUBLES,
    O_WEAKER, O_STRAYS, O_TABS, O_OVERLAPS, O_PARTIAL, O_SYMBOLIC, O_PLACE, O_COVERED,
) = range(len(OUTCOME))  # fmt: skip

# `status`
(
    DONE, OTHER_CONTIG, BAD_COLUMNS, BAD_NUMBER, BAD_POSITION, BAD_END, BAD_ORDER, BAD_DOUBLE, BAD_GT, BAD_STRAY,
    BAD_AD, BAD_PL, BAD_VALUES, BAD_ALLELE, BAD_HASH, BAD_REPEAT, BAD_REF,
) = range(17)  # fmt: skip
