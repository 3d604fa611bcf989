"""The files of a screen: its tables as tab-separated text and as Parquet."""

from genocloud import qc, sealing, storage
from genocloud.qc.text_files import number_text, tsv_text


def write_table(out_url: str, name: str, table: qc.ScreenTable) -> list[str]:
    """Write OUT/<name>.tsv and OUT/<name>.parquet, atomically; returns their URLs."""
    return _write(out_url, name, table, tsv_text(table))


def write_pairs(out_url: str, pairs: qc.Pairs) -> list[str]:
    """Write OUT/fingerprints.pairs.tsv as somalier does, which MultiQC reads: no X, no pedigree; and as Parquet."""
    lines = [[*pairs.column_names, "x_ibs0", "x_ibs2", "expected_relatedness"]]
    lines += [[*map(number_text, row.values()), "0", "0", "-1.0"] for row in pairs.to_pylist()]
    text = "#" + "".join("\t".join(line) + "\n" for line in lines)
    return _write(out_url, "fingerprints.pairs", pairs, text)


def _write(out_url: str, name: str, table: qc.ScreenTable, text: str) -> list[str]:
    store = storage.open_store(out_url)
    store.write(f"{name}.tsv", text.encode())
    with store.writer(f"{name}.parquet") as file:
        sealing.write_sealed(table, file, compression="zstd")
    return [storage.join(out_url, f"{name}.{suffix}") for suffix in ("tsv", "parquet")]
