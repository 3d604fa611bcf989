"""gnomAD's list of the fields that a federated table has: names, types, whether they are required (2026-04).

Source: gnomad_qc, federated/data_ingestion/field_requirements.md; fields that it does not need are left out.
"""

_HISTOGRAM = {"bin_edges": "array<float64>", "bin_freq": "array<int64>", "n_smaller": "int64", "n_larger": "int64"}
_SKETCH = {"levels": "array<int32>", "items": "array<float64>", "_compaction_counts": "array<int32>"}
_QUALITY = ("gq_hist_all", "dp_hist_all", "gq_hist_alt", "dp_hist_alt", "ab_hist_alt")

REQUIRED_ROWS: dict[str, str] = {
    "locus": "locus<GRCh38>",
    "alleles": "array<str>",
    "freq.AC": "int32",
    "freq.AF": "float64",
    "freq.AN": "int32",
    "freq.homozygote_count": "int32",
    "a_index": "int32",
    "was_split": "bool",
    "info.FS": "float64",
    "info.MQ": "float64",
    "info.MQRankSum": "float64",
    "info.QUALapprox": "int64",
    "info.QD": "float32",
    "info.ReadPosRankSum": "float64",
    "info.SB": "array<int32>",
    "info.SOR": "float64",
    "info.VarDP": "int32",
    "info.AS_FS": "float64",
    "info.AS_MQ": "float64",
    "info.AS_MQRankSum": "float64",
    "info.AS_pab_max": "float64",
    "info.AS_QUALapprox": "int64",
    "info.AS_QD": "float32",
    "info.AS_ReadPosRankSum": "float64",
    "info.AS_SB_TABLE": "array<int32>",
    "info.AS_SOR": "float64",
    "info.AS_VarDP": "int32",
    **{
        f"info.{prefix}{name}_cdf.{part}": type_
        for prefix in ("", "AS_")
        for name in ("MQRankSum", "ReadPosRankSum")
        for part, type_ in _SKETCH.items()
    },
    **{f"histograms.qual_hists.{name}.{part}": type_ for name in _QUALITY for part, type_ in _HISTOGRAM.items()},
    **{
        f"histograms.age_hists.age_hist_{kind}.{part}": type_
        for kind in ("het", "hom")
        for part, type_ in _HISTOGRAM.items()
    },
}
OPTIONAL_ROWS: dict[str, str] = {
    "filters": "set<str>",
    **{f"histograms.raw_qual_hists.{name}.{part}": type_ for name in _QUALITY for part, type_ in _HISTOGRAM.items()},
}
"""Those that genocloud's table has; it has none of singletons and of VRS."""
REQUIRED_GLOBALS = {"freq_meta", "freq_meta_sample_count", "age_distribution", "date"}
