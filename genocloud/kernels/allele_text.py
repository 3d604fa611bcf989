"""REF and ALT texts of a record: classification of ALTs, and checks against the reference."""

import numpy as np

from genocloud.kernels.kernel import uncounted
from genocloud.kernels.vcf_fields import LF, TAB, pointer, skip, word_is

NON_REF = np.frombuffer(b"<NON_REF>".ljust(16), np.uint8)
OLD_STAR = np.frombuffer(b"<*:DEL>".ljust(16), np.uint8)


@uncounted
def deletion_like(text, ref, ref_size, alt, alt_size):
    """Whether this ALT makes the record cover its whole REF (GenomicsDB's rule); not for symbolic ALTs."""
    if alt_size < ref_size:
        return True
    if alt_size > ref_size:
        return False
    different = 0
    for k in range(ref_size):
        different += (text[ref + k] & 0xDF) != (text[alt + k] & 0xDF)
    return different > 1


@uncounted
def symbolic(text, start, size):
    """Whether an ALT is `<...>` or a breakend, also a single one (`.A`, `A.`), rather than bases."""
    for k in range(size):
        byte = text[start + k]
        if byte == 60 or byte == 91 or byte == 93 or byte == 46:
            return True
    return False


@uncounted
def reference_allele(text, start, size):
    """Whether an ALT stands for any allele but the reference: `<NON_REF>` or `<*>`."""
    if size == 3:
        return text[start] == 60 and text[start + 1] == 42 and text[start + 2] == 62
    return size == 9 and word_is(text, start, start + 9, pointer(NON_REF), 9)


@uncounted
def old_star(text, start, size):
    """Whether an ALT is `<*:DEL>`, the name that GATK 3 gave the spanning deletion `*`."""
    return size == 7 and word_is(text, start, start + 7, pointer(OLD_STAR), 7)


def _stored_bases():
    """Table from each byte of REF or ALT to the byte stored: upper case, and N for ambiguity codes."""
    stored = np.arange(256, dtype=np.uint8)
    stored[ord("a") : ord("z") + 1] -= 32
    for code in "RYSWKMBDHV":
        stored[ord(code)] = stored[ord(code.lower())] = ord("N")
    return stored


STORED_BASES = _stored_bases()
"""GATK reads ambiguity codes of a reference as N; other callers copy them, though VCF does not allow them."""


def _codes():
    """Table from each byte to the bases it may stand for, as bits; all bits for bytes that are no IUPAC code."""
    codes = np.full(256, 15, np.uint8)
    iupac = "A1 C2 G4 T8 U8 R5 Y10 S6 W9 K12 M3 B14 D13 H11 V7"
    for letter, *bits in iupac.split():
        codes[ord(letter)] = codes[ord(letter.lower())] = int("".join(bits))
    return codes


CODES = _codes()
"""Source: IUPAC nucleotide codes, 1970."""


@uncounted
def contradicts(text, ref, size, start, length, bases, line_bases, line_bytes):
    """Whether a REF contradicts the reference from `start` on, ignoring case; ambiguity codes match any of their bases.

    text[ref:ref + size] is REF; length (bases) the contig's; bases, line_bases, line_bytes are as in parsing.parse.
    """
    codes = pointer(CODES)
    if start + size > length:
        return True
    for k in range(size):
        place = start + k
        base = bases[place // line_bases * line_bytes + place % line_bases]
        if codes[text[ref + k]] & codes[base] == 0:
            return True
    return False


@uncounted
def repeats(text, first, here, ref):
    """Whether a line of text[first:here] has the same REF and ALT, ignoring case, as those at `ref`."""
    at = first
    while at < here:
        for _ in range(3):
            at = skip(text, at)
            at += text[at] == TAB
        k, tabs = 0, 0
        while tabs < 2 and text[at + k] != LF and (text[at + k] | 32) == (text[ref + k] | 32):
            tabs += text[ref + k] == TAB
            k += 1
        if tabs == 2:
            return True
        while text[at] != LF:
            at += 1
        at += 1
    return False
