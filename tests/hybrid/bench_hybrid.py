"""What crosses between two sites (as root): bench_hybrid.py GVCFS --reference REF --hospital 120."""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.hybrid.places import NoNamespaces, Places, two_places
from tests.hybrid.runs import POLICIES, Outcome, Split, at_one_site, begin, exported, forget, killing, run

CUT_SECONDS, KILLS = 30.0, 20
IN_MIDDLE = 200_000
"""Bytes that have crossed when the link is cut: the sites are found, the estimates under way."""
SMALL = {"window_bp": 50_000}
"""More shards than the cohorts need, so that there is a middle of the run."""


def main() -> int:
    arguments = _arguments()
    gvcfs = sorted(arguments.gvcfs.glob("*.g.vcf.gz"))
    split = Split(gvcfs[: arguments.hospital], gvcfs[arguments.hospital :], arguments.reference)
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as scratch:
        folder = Path(scratch)
        try:
            with two_places(folder / "places", arguments.workers) as places:
                return _show(_lines(places, split, folder, arguments.runs))
        except NoNamespaces as error:
            print(error, file=sys.stderr)
            return 1


def _lines(places: Places, split: Split, folder: Path, runs: list[str]) -> Iterator[tuple[str, bool]]:
    """Lines to show, and whether what they tell is as it should be."""
    one = at_one_site(split, folder / "one")
    yield f"{len(split.hospital)} + {len(split.cloud)} samples, {len(one) - 1:,} sites", len(one) > 1
    yield f"gVCFs of the site that does not coordinate: {split.cloud_bytes:,} bytes", True
    for name in runs:
        policy = name if name in POLICIES else POLICIES[0]
        outcome, note = _run(places, split, name, folder / name)
        for each in sorted(outcome.figures["crossings"], key=lambda each: -each["bytes"]):
            way = f"{each['what']}, {each['from']} to {each['to']}"
            yield f"    {way}: {each['bytes']:,} bytes in {each['messages']:,} messages", True
        same = exported(places, folder / name, policy) == one
        forget(places, folder / name)
        share = outcome.payload / split.cloud_bytes
        yield (
            (
                f"{name}: {outcome.seconds:.1f} s; payload {outcome.payload:,} bytes, {share:.1%} of those gVCFs; "
                f"control {outcome.control:,} bytes; {'the same records' if same else 'OTHER RECORDS'}{note}"
            ),
            same,
        )


def _run(places: Places, split: Split, name: str, folder: Path) -> tuple[Outcome, str]:
    """A run under a policy, or under the first one with the link cut, or with workers killed."""
    if name in POLICIES:
        return run(places, split, name, folder), ""
    before = places.hospital.crossed()
    finish = begin(places, split, POLICIES[0], folder, **SMALL)
    if name == "kills":
        with killing(places, KILLS, between=1.0) as where:
            outcome = finish()
        return outcome, f"; {where.count('hospital')} + {where.count('cloud')} workers killed"
    while places.hospital.crossed() < before + IN_MIDDLE:
        time.sleep(0.1)
    with places.no_link():
        time.sleep(CUT_SECONDS)
    return finish(), f"; {CUT_SECONDS:.0f} s without a link"


def _show(lines: Iterator[tuple[str, bool]]) -> int:
    good = True
    for line, fine in lines:
        print(line, flush=True)
        good &= fine
    return 0 if good else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gvcfs", type=Path, help="folder of .g.vcf.gz files")
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--hospital", type=int, required=True, help="so many lie in the hospital, which coordinates")
    parser.add_argument("--workers", type=int, default=1, help="at each site, of one thread")
    parser.add_argument("--scratch", type=Path, help="where stores and files go while it runs")
    parser.add_argument("--runs", nargs="+", default=[*POLICIES, "cut", "kills"], choices=[*POLICIES, "cut", "kills"])
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
