"""Coverage-guided fuzzing of the gVCF reader: python -m tests.fuzz.fuzz header|lines|frames FOLDER [libFuzzer options].

FOLDER keeps the corpus, begun with small valid files, and what fails. The kernels run as plain Python: compiled they
would tell atheris nothing of their branches, and an index beyond an array would go unnoticed.
"""

import logging
import os
import sys
from functools import partial
from pathlib import Path

os.environ["NUMBA_DISABLE_JIT"] = "1"  # read when numba is imported
os.environ["EAGER_IMPORT"] = "1"  # lazy_loader's: what is loaded later than below goes uninstrumented

import atheris
import numpy as np

with atheris.instrument_imports(include=["genocloud.gvcf", "genocloud.kernels"]):
    from tests.fuzz import laws, seeds
    from tests.fuzz.changes import KINDS, WORDS, Change

BODY = "".join(seeds.of_gatk()[:2]).encode()
PLAN_BYTES = 24


def header(folder: laws.Folder, data: bytes) -> None:
    """The data as a header, in front of good records."""
    laws.any_header(folder, data + BODY)
    laws.any_text(folder, data + BODY)


def lines(folder: laws.Folder, data: bytes) -> None:
    """The data as records, after a header of one sample or of three, told by the first byte."""
    names = "bob\tann\tcyd" if data[:1] == b"3" else seeds.SAMPLE
    laws.any_text(folder, (seeds.HEADER + seeds.TITLE + names + "\n").encode() + data[1:])


def frames(folder: laws.Folder, data: bytes) -> None:
    """The data as a plan of frames, and text: the frames whole, as the plan damages them, and the bytes as they are."""
    plan, text = data[:PLAN_BYTES], data[PLAN_BYTES:]
    if len(plan) < PLAN_BYTES:
        return
    whole = framed(plan[:12], text)
    assert laws.any_frames(folder, whole) == laws.any_text(folder, text)
    place, number = int.from_bytes(plan[13:17]), int.from_bytes(plan[18:22])
    laws.any_frames(folder, Change(KINDS[plan[12] % len(KINDS)], place, plan[17], number)(whole))
    laws.any_frames(folder, data)


def framed(plan: bytes, text: bytes) -> bytes:
    """The text cut into blocks of BGZF, or members of gzip where the plan begins with an odd byte."""
    frame, end = (laws.member, b"") if plan[0] & 1 else (laws.block, laws.END_BLOCK)
    parts, at = [], 0
    for byte in plan[1:]:
        size = byte * 8
        parts.append(frame(text[at : at + size], byte % 10))
        at += size
    rest = [frame(text[start : start + 60_000]) for start in range(at, len(text), 60_000)]
    return b"".join([*parts, *rest]) + end


def starts(target: str) -> list[bytes]:
    """What the corpus of a target begins with."""
    files = [text.encode() for text in seeds.texts()]
    ends = [text.index(b"\n", text.index(b"\n#CHROM") + 1) + 1 for text in files]
    plan = bytes([0, 20, 0, 200, 7, *range(8), *[0] * (PLAN_BYTES - 13)])
    match target:
        case "header":
            return [text[:end] for text, end in zip(files, ends, strict=True)]
        case "lines":
            many = [b"3" if b"\tcyd\n" in text else b"1" for text in files]
            return [first + text[end:] for first, text, end in zip(many, files, ends, strict=True)]
    return [first + plan[1:] + text for first in (b"\0", b"\1") for text in files] + [laws.block(files[-1])]


def main(target: str, folder: Path, options: list[str]) -> None:
    corpus, inputs = folder / target, folder / "input"
    corpus.mkdir(parents=True, exist_ok=True)
    inputs.mkdir(exist_ok=True)
    run = partial(TARGETS[target], laws.Folder(inputs, seeds.CONTIGS, seeds.SAMPLE))
    for number, start in enumerate(starts(target)):
        (corpus / f"start{number}").write_bytes(start)
    words = ("".join(f"\\x{byte:02x}" for byte in word) for word in WORDS)
    dictionary = folder / "words"
    dictionary.write_text("".join(f'"{word}"\n' for word in words))
    logging.disable()
    np.seterr(all="ignore")  # compiled integers wrap without a warning
    places = [str(corpus), f"-artifact_prefix={folder}/{target}-", f"-dict={dictionary}"]
    atheris.Setup([sys.argv[0], *places, "-timeout=20", "-max_len=8192", *options], run)
    atheris.Fuzz()


TARGETS = {"header": header, "lines": lines, "frames": frames}

if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
