"""REF and ALT as a record writes them: what they stand for, and whether they can be true."""

import numpy as np

from genocloud.kernels.kernel import compiled
from genocloud.kernels.vcf_fields import LF, TAB, pointer, skip, word_is

NON_REF = np.frombuffer(b"<NON_REF>".ljust(16), np.uint8)
OLD_STAR = np.frombuffer(b"<*:DEL>".ljust(16), np.uint8)


@compiled
def deletion_like(text, ref, ref_size, alt, alt_size):
    """Whether this ALT makes the record cover its whole REF (GenomicsDB's rule; a symbolic ALT never does)."""
    if alt_size < ref_size:
        return True
    if alt_size > ref_size:
        return False
    different = 0
    for k in range(ref_size):
        different += (text[ref + k] & 0xDF) != (text[alt + k] & 0xDF)
    return different > 1


@compiled
def symbolic(text, start, size):
    """Whether an ALT is no sequence of bases: `<...>` or a breakend, single ones (`.A`, `A.`) too."""
    for k in range(size):
        byte = text[start + k]
        if byte == 60 or byte == 91 or byte == 93 or byte == 46:
            return True
    return False


@compiled
def reference_allele(text, start, size):
    """Whether an ALT stands for whatever is not the reference: `<NON_REF>` or `<*>`."""
    if size == 3:
        return text[start] == 60 and text[start + 1] == 42 and text[start + 2] == 62
    return size == 9 and word_is(text, start, start + 9, pointer(NON_REF), 9)


@compiled
def old_star(text, start, size):
    """Whether an ALT is `<*:DEL>`, the name that GATK 3 gave the spanning deletion `*`."""
    return size == 7 and word_is(text, start, start + 7, pointer(OLD_STAR), 7)


def _letters():
    """For each byte what is stored of it in REF and ALT: capitals, and N for the code of several bases."""
    letters = np.arange(256, dtype=np.uint8)
    letters[ord("a") : ord("z") + 1] -= 32
    for code in "RYSWKMBDHV":
        letters[ord(code)] = letters[ord(code.lower())] = ord("N")
    return letters


LETTERS = _letters()
"""GATK's tools read such codes of a reference as N, so that its gVCFs and others' agree; a VCF may not hold them."""


def _codes():
    """For each byte the bases that it may stand for, as bits; any for what is no code of a base."""
    codes = np.full(256, 15, np.uint8)
    iupac = "A1 C2 G4 T8 U8 R5 Y10 S6 W9 K12 M3 B14 D13 H11 V7"
    for letter, *bits in iupac.split():
        codes[ord(letter)] = codes[ord(letter.lower())] = int("".join(bits))
    return codes


CODES = _codes()
"""Source: IUPAC nucleotide codes, 1970."""


@compiled
def contradicts(text, ref, size, start, length, bases, line_bases, line_bytes):
    """Whether a REF cannot be what the reference has from `start` on: case apart, a code is any base it may stand for.

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


@compiled
def repeats(text, first, here, ref):
    """Whether a line of text[first:here] has the REF and ALT (case apart) that stand, a tab between, at `ref`."""
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
