"""Damage to bytes: flipped bits, lost, doubled and foreign stretches, an early end."""

from dataclasses import dataclass

WORDS = (
    b"\t", b"\n", b"\r\n", b"\r", b"\n\n", b"\0", b"#", b"##", b",", b":", b";", b"|", b"/", b".", b"-", b"+", b"<",
    b">", b"*", b"=", b" ", b"\xff", b"\xe2\x80\xa8", b"\x85", b"\x0c", b"0", b"1e9", b"1e-400", b"nan", b"inf", b"127",
    b"128", b"2147483647", b"2147483648", b"-2147483648", b"9223372036854775808", b"9" * 40, b"0." + b"3" * 30,
    b"," * 400, b",1" * 40, b"/0" * 140, b":" * 30, b"END=", b";END=7", b"<NON_REF>", b"<*>", b"chrX\t", b"chr1\t5\t",
    b"GL", b"PL", b"SB", b"FORMAT", b"#CHROM\t", b"##contig=<ID=chr1,length=7>\n",
)  # fmt: skip

KINDS = ("flip", "set", "lose", "double", "insert", "move", "cut")


@dataclass(frozen=True)
class Change:
    """What happens at a place (cyclic) to `size` bytes after it; `number` picks the bit, the byte or the word."""

    kind: str
    place: int
    size: int
    number: int

    def __call__(self, data: bytes) -> bytes:
        at = self.place % (len(data) + 1)
        end = min(at + 1 + self.size, len(data))
        before, stretch, after = data[:at], data[at:end], data[end:]
        match self.kind:
            case "flip":
                return before + bytes(byte ^ 1 << self.number % 8 for byte in stretch[:1]) + data[at + 1 :]
            case "set":
                return before + bytes([self.number % 256]) + data[at + 1 :]
            case "lose":
                return before + after
            case "double":
                return before + stretch + stretch + after
            case "insert":
                return before + WORDS[self.number % len(WORDS)] + data[at:]
            case "move":
                to = self.number % (len(before + after) + 1)
                return (before + after)[:to] + stretch + (before + after)[to:]
        return before
