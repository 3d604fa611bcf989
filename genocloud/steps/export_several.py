"""export_several: write a file for each contig or each family, one after the other."""

from collections import Counter
from collections.abc import Callable, Sequence

from genocloud.callset import Callset, open_callset
from genocloud.pipeline.export_files import export_files
from genocloud.pipeline.export_options import ExportOptions
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.samples import read_pedigree


def export_several(
    source: str | Callset,
    out_url: str,
    *,
    write: Callable[[str, ExportOptions], Receipt],
    options: ExportOptions = ExportOptions(),  # noqa: B008 (frozen)
    pedigree: str | None = None,
) -> Receipt:
    """Write the files that a name with `{contig}` or `{family}` stands for; the balance is that of all.

    write     exports one file, as `export`, `export_pgen` and `export_zarr` do: all at their scatter
    pedigree  a .ped or .fam file, whose families these are

    Each file is written whole or not at all; those of a killed run are written again. Raises NoFiles, what `write`
    raises.
    """
    persons = read_pedigree(pedigree) if pedigree else ()
    with receipt_of("export") as receipt:
        files = export_files(out_url, open_callset(source), options, persons)
        parts = [write(url, own) for url, own in files]
        for part in parts:
            receipt.inputs |= part.inputs
            receipt.outputs |= part.outputs
        receipt.figures = {"files": len(parts), **_sums([part.figures for part in parts])}
        balances = [part.balance for part in parts]
        taken, kept = (sum(balance[name] for balance in balances) for name in ("taken", "kept"))
        receipt.balanced(balances[0]["unit"], taken, kept, _sums([balance["dropped"] for balance in balances]))
    return receipt


def _sums(counts: Sequence[dict[str, int]]) -> dict[str, int]:
    return dict(sum(map(Counter, counts), Counter()))
