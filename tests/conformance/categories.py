"""What makes a site hard, counted among the emitted sites, so that a comparison says what it has seen."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from tests.conformance.records import Place, Record
from tests.support.genotypes import extended, is_deletion

INFO_KEYS = (
    "DP",
    "BaseQRankSum",
    "MQRankSum",
    "ReadPosRankSum",
    "RAW_MQandDP",
    "AS_SB_TABLE",
    "AS_RAW_MQ",
    "AS_RAW_BaseQRankSum",
    "AS_RAW_MQRankSum",
    "AS_RAW_ReadPosRankSum",
)


@dataclass(frozen=True)
class _Line:
    """A variant record of one sample as the file has it."""

    pos: int
    ref: str
    alts: list[str]
    info: set[str]
    formats: set[str]

    @cached_property
    def last(self) -> int:
        """The last base that the record speaks for, if no other begins before."""
        return self.pos + (len(self.ref) - 1 if any(is_deletion(self.ref, alt) for alt in self.alts) else 0)


class Inputs:
    """A cohort's gVCF lines by sample, to ask what stood at a place."""

    def __init__(self, lines: Mapping[str, Sequence[str]]) -> None:
        self.by_contig: list[dict[str, tuple[list[int], list[_Line]]]] = []
        self.under: set[Place] = set()
        """Bases that some record's REF reaches over from upstream."""
        for texts in lines.values():
            contigs: dict[str, tuple[list[int], list[_Line]]] = {}
            for text in texts:
                contig, pos, _, ref, alts, _, _, info, keys, *_ = text.split("\t")
                known = contigs.setdefault(contig, ([], []))
                known[0].append(int(pos))
                self.under.update((contig, int(pos) + after) for after in range(1, len(ref)))
                real = [alt for alt in alts.split(",") if not alt.startswith("<")]
                words = {word.partition("=")[0] for word in info.split(";")}
                known[1].append(_Line(int(pos), ref, real, words, set(keys.split(":"))))
            self.by_contig.append(contigs)

    def at(self, place: Place) -> tuple[list[_Line], list[_Line]]:
        """The variant records that start at a place, and the deletions that reach over it."""
        starting, over = [], []
        for contigs in self.by_contig:
            positions, lines = contigs.get(place[0], ([], []))
            number = bisect_right(positions, place[1]) - 1
            if number >= 0 and lines[number].alts:
                line = lines[number]
                if line.pos == place[1]:
                    starting.append(line)
                elif line.last >= place[1]:
                    over.append(line)
        return starting, over


def count(records: Iterable[Record], inputs: Inputs, window_bp: int) -> Counter[str]:
    """How many of the records are of each kind; `window_bp` is the length of the shards that were cut."""
    counts: Counter[str] = Counter()
    for record in records:
        counts.update(_kinds(record, *inputs.at(record.place), window_bp))
    return counts


def _kinds(record: Record, starting: list[_Line], over: list[_Line], window_bp: int) -> Iterable[str]:
    longest = max((line.ref for line in starting), key=len, default=record.ref)
    seen = {extended(alt, line.ref, longest) for line in starting for alt in line.alts} | ({"*"} if over else set())
    cells = record.cells.values()
    ploidies = {len(cell["GT"].replace("|", "/").split("/")) for cell in cells if len(cell) > 1}
    from_before = any((line.pos - 1) // window_bp < (record.place[1] - 1) // window_bp for line in over)
    yield "sites"
    kinds = {
        "3 or more ALTs": len(record.alleles) >= 3,
        "7 or more seen": len(seen) >= 7,
        "more than 50 seen": len(seen) > 50,
        "with *": "*" in seen,
        "with *, dropped or from an earlier shard": "*" in seen and ("*" not in record.alleles or from_before),
        "with *, from an earlier shard": from_before,
        "with *, dropped": "*" in seen and "*" not in record.alleles,
        "haploid or mixed ploidy": ploidies != {2},
        "hom-refs without PL": any(cell["GT"] == "0/0" and cell.get("PL", ".") == "." for cell in cells),
        "QUAL 25 to 35": record.qual != "." and 25 <= float(record.qual) <= 35,
        "phased": any("|" in cell["GT"] for cell in cells),
        "annotations missing": any(set(INFO_KEYS) - line.info for line in starting),
        "FORMAT fields missing": any({"AD", "DP", "GQ", "SB"} - line.formats for line in starting),
    }
    yield from (kind for kind, is_so in kinds.items() if is_so)
