"""The files of a screen: its tables as tab-separated text and as Parquet, and what MultiQC shows of them."""

from genocloud import qc, schema, sealing, storage
from genocloud.qc.text_files import custom_content, number_text, tsv_text


def write_table(out_url: str, name: str, table: qc.ScreenTable) -> list[str]:
    """Write OUT/<name>.tsv and OUT/<name>.parquet, atomically; returns their URLs."""
    return _write(out_url, name, table, tsv_text(table))


def write_pairs(out_url: str, pairs: qc.Pairs) -> list[str]:
    """Write OUT/fingerprints.pairs.tsv as somalier does, which MultiQC reads: no X, no pedigree; and as Parquet."""
    lines = [[*pairs.column_names, "x_ibs0", "x_ibs2", "expected_relatedness"]]
    lines += [[*map(number_text, row.values()), "0", "0", "-1.0"] for row in pairs.to_pylist()]
    text = "#" + "".join("\t".join(line) + "\n" for line in lines)
    return _write(out_url, "fingerprints.pairs", pairs, text)


SHOWN = ("contamination", "hom_alt_ref_share", "depth", "covered", "x_ploidy", "y_ploidy", "sex", "concordance")
"""Columns of SCREEN that MultiQC shows."""


def write_multiqc(out_url: str, samples: qc.Screen, flags: schema.Flags) -> list[str]:
    """Write OUT/*_before_genotyping_mqc.json, MultiQC's custom content; nothing for a section without rows."""
    rows = {row["sample"]: row for row in samples.to_pylist()}
    numbers = {name: {key: row[key] for key in SHOWN if row[key] is not None} for name, row in rows.items()}
    copies = {
        name: {"x": row["x_ploidy"], "y": row["y_ploidy"]}
        for name, row in rows.items()
        if row["x_ploidy"] is not None and row["y_ploidy"] is not None
    }
    failed = {str(number): row for number, row in enumerate(flags.to_pylist(), 1)}
    sections = {
        "checks_before_genotyping": ("Samples that fail a check, and what to do", "table", failed, {}),
        "samples_before_genotyping": ("What each sample's own records say", "table", numbers, {}),
        "copies_before_genotyping": ("Copies of X and Y by depth", "scatter", copies, {"xlab": "X", "ylab": "Y"}),
    }
    store, names = storage.open_store(out_url), []
    for name, (description, plot, data, config) in sections.items():
        if data:
            names.append(f"{name}_mqc.json")
            store.write(names[-1], custom_content(name, description, plot, data, **config).encode())
        else:  # an earlier screen's would be shown
            store.delete(f"{name}_mqc.json")
    return [storage.join(out_url, name) for name in names]


def _write(out_url: str, name: str, table: qc.ScreenTable, text: str) -> list[str]:
    store = storage.open_store(out_url)
    store.write(f"{name}.tsv", text.encode())
    with store.writer(f"{name}.parquet") as file:
        sealing.write_sealed(table, file, compression="zstd")
    return [storage.join(out_url, f"{name}.{suffix}") for suffix in ("tsv", "parquet")]
