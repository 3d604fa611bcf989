"""Two VCFs of one cohort compared record by record, as printed text: ours and GATK's.

What is equated, or exempt and counted, and why; anything else that differs is an error:

- A sample without any value: GATK prints a bare `.` where there is no record, we `./.` (design guide, section 6).
- QUAL within 0.01: its sums run over samples in another order.
- QD and AS_QD of 35 and more (AS_QD without depth, too): GATK draws them at random in the order of its run, ours is
  the centre of that draw. GATK's values are held to its generator, so that nothing else hides among them.
- QUAL of sites where no ALT is likely: 140 and more is as good as infinite. It is what rounding leaves of 1 - 1: GATK,
  which sums logarithms to base 10, has Infinity at some of these sites and 143 to 190 at others.
- QD of -0.00, where QUAL is 0: likewise.
- RAW_MQ and MQ_DP in INFO: GATK makes MQ of them and leaves them standing (GATK 3 and ReblockGVCF wrote them); we write
  the MQ alone.

Left out by the tests that would meet them:

- Forced intervals (not all-sites) under a longer REF: GATK merges all combined records that overlap a base, so that a
  sample counts several times there (24 diploids have AN=96); GenotypeGVCFsEngine.getVariantSubsetToProcess.
- More ALTs than are genotyped, and an exact tie between the last that is and the first that is not: GATK's is decided
  by rounding errors of its sums in the samples' order; ours takes the first.
- INFO that not all inputs declare: told the inputs by a sample map, GATK reads the header of the first one alone, and
  drops what only others declare; the suite names each input.
- More than 50 alleles, or 1,024 genotypes: GATK skips these sites. It is asked with its options raised, and with
  alleles that nobody carries folded into fewer; of what remains all must be equal.
"""

import gzip
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genocloud.annotations.site_annotations import QD_WHEN_HIGH

QUAL_TOLERANCE = 0.01
CERTAIN = 140.0
LEFT_OVER = ("RAW_MQ", "MQ_DP")
FIELDS = ("GT", "AD", "DP", "GQ", "PL", "PGT", "PID", "PS", "RGQ")
DRAWN = f"{QD_WHEN_HIGH:.2f}"
Place = tuple[str, int]


@dataclass(frozen=True)
class Record:
    """A line of a VCF, its cells by sample."""

    place: Place
    id: str
    ref: str
    alts: str
    qual: str
    filter: str
    info: dict[str, str]
    cells: dict[str, dict[str, str]]

    @property
    def alleles(self) -> list[str]:
        """The ALT alleles."""
        return [] if self.alts == "." else self.alts.split(",")


def read_records(path: Path) -> list[Record]:
    """All lines of a VCF."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode()
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("##")]
    return [_record(row, rows[0][9:]) for row in rows[1:]]


def _record(row: list[str], samples: list[str]) -> Record:
    keys = row[8].split(":")
    cells = [dict(zip(keys, text.split(":"), strict=False)) for text in row[9:]]
    info = dict(word.partition("=")[::2] for word in row[7].split(";") if word != ".")
    return Record(
        (row[0], int(row[1])), row[2], row[3], row[4], row[5], row[6], info, dict(zip(samples, cells, strict=True))
    )


@dataclass
class Comparison:
    """What differs, each with its kind first, and how many values of each kind were compared."""

    wrong: list[tuple[Any, ...]] = field(default_factory=list)
    compared: Counter[str] = field(default_factory=Counter)
    drawn: list[str] = field(default_factory=list)

    def differing(self) -> dict[str, tuple[int, tuple[Any, ...]]]:
        """How many differences there are of each kind, and the first of each; empty if all is equal."""
        numbers = Counter(each[0] for each in self.wrong)
        return {
            kind: (number, next(each for each in self.wrong if each[0] == kind)) for kind, number in numbers.items()
        }


def compare(ours: Iterable[Record], theirs: Iterable[Record]) -> Comparison:
    """Every disagreement of our records with GATK's."""
    comparison, mine = Comparison(), {record.place: record for record in ours}
    expected = {record.place: record for record in theirs}
    comparison.wrong += [("not ours", place) for place in sorted(expected.keys() - mine.keys())]
    comparison.wrong += [("not GATK's", place) for place in sorted(mine.keys() - expected.keys())]
    for place in [place for place in expected if place in mine]:
        comparison.wrong += _differences(mine[place], expected[place], comparison)
    return comparison


def _differences(ours: Record, theirs: Record, comparison: Comparison) -> Iterator[tuple[Any, ...]]:
    comparison.compared["sites"] += 1
    alleles = [(record.ref, record.alts) for record in (ours, theirs)]
    if alleles[0] != alleles[1]:
        yield "alleles", ours.place, *alleles
        return
    if not _close(ours.qual, theirs.qual) and not (_is_certain(ours) and _is_certain(theirs)):
        yield "QUAL", ours.place, ours.qual, theirs.qual
    for name in ("id", "filter"):
        if getattr(ours, name) != getattr(theirs, name):
            yield name, ours.place, getattr(ours, name), getattr(theirs, name)
    yield from _info_differences(ours, theirs, comparison)
    if list(ours.cells) != list(theirs.cells):
        yield "samples", ours.place, list(ours.cells), list(theirs.cells)
    for sample in theirs.cells:
        comparison.compared["genotypes"] += 1
        cells = [stated_fields(record.cells.get(sample, {})) for record in (ours, theirs)]
        for name in FIELDS:
            comparison.compared[f"FORMAT/{name}"] += cells[1][name] != "."
            if cells[0][name] != cells[1][name]:
                yield name, ours.place, sample, cells[0][name], cells[1][name]


def _close(ours: str, theirs: str) -> bool:
    """Equal, or both numbers and not farther apart than the last digit."""
    if "." in (ours, theirs) or ours == theirs:
        return ours == theirs
    return abs(float(ours) - float(theirs)) <= QUAL_TOLERANCE + 1e-9


def _is_certain(record: Record) -> bool:
    """Whether the QUAL of a site without ALT is beyond what doubles tell from certainty."""
    return record.alts == "." and record.qual != "." and float(record.qual) >= CERTAIN


def _info_differences(ours: Record, theirs: Record, comparison: Comparison) -> Iterator[tuple[Any, ...]]:
    for name in sorted((ours.info.keys() | theirs.info.keys()) - set(LEFT_OVER)):
        texts = [record.info.get(name, "") for record in (ours, theirs)]
        comparison.compared[name] += 1
        if name == "QD" and theirs.qual == "0":
            texts = [text.replace("-0.00", "0.00") for text in texts]
        if name in ("QD", "AS_QD") and DRAWN in texts[0]:
            texts = _without_draws(name, texts, comparison)
        if texts[0] != texts[1]:
            yield name, ours.place, *(record.info.get(name) for record in (ours, theirs))


def _without_draws(name: str, texts: list[str], comparison: Comparison) -> list[str]:
    """The values that are not drawn at random; the drawn ones are put aside, in GATK's order."""
    pairs = list(zip(texts[0].split(","), texts[1].split(","), strict=False))
    drawn = [theirs for ours, theirs in pairs if ours == DRAWN != theirs]
    comparison.drawn += drawn
    comparison.compared[f"{name} of 35 and more, exempt"] += len(drawn)
    return [",".join(pair[side] for pair in pairs if pair[0] != DRAWN) for side in (0, 1)]


def stated_fields(cell: dict[str, str]) -> dict[str, str]:
    """A sample's fields; `.` for a GT without allele if nothing else is stated."""
    fields = {name: cell.get(name, ".") for name in FIELDS}
    nothing = all(set(text) <= set(".,") for name, text in fields.items() if name != "GT")
    return fields | {"GT": "." if nothing and set(fields["GT"]) <= set("./|") else fields["GT"]}


def strange_draws(drawn: Iterable[str], most: int = 100_000) -> list[str]:
    """Which of GATK's values of QD and AS_QD are no draw of its generator, in its order."""
    draws, at, strange = _draws(most), 0, []
    for text in drawn:
        try:
            at = draws.index(text, at, at + 200) + 1
        except ValueError:
            strange.append(text)
    return strange


def _draws(count: int) -> list[str]:
    """GATK's first values of 35 and more: 30 + 3 x java.util.Random(47382911).nextGaussian()."""
    state, out = (47382911 ^ 0x5DEECE66D) & ((1 << 48) - 1), []

    def bits(width: int) -> int:
        nonlocal state
        state = (state * 0x5DEECE66D + 0xB) & ((1 << 48) - 1)
        return state >> (48 - width)

    def uniform() -> float:
        return ((bits(26) << 27) + bits(27)) / (1 << 53)

    while len(out) < count:
        x, y = 2 * uniform() - 1, 2 * uniform() - 1
        square = x * x + y * y
        if 0 < square < 1:
            factor = math.sqrt(-2 * math.log(square) / square)
            out += [f"{QD_WHEN_HIGH + 3 * value * factor:.2f}" for value in (x, y)]
    return out
