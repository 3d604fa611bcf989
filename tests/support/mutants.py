"""How many one-token mutants of genocloud/ (outside kernels) `make test` kills.

usage: python -m tests.support.mutants [--seed N] [--count N] [--jobs N]    after pytest --cov --cov-context=test

A mutant turns one comparison, one `and`/`or` or one bool, or moves one whole number by one. A copy of the tree with
the mutant runs the tests that ran its line, by the coverage's contexts, and the files of those whose fixtures ran it.
Where none did (it ran at import or in a child process), those of the architecture run first, then the files of all
tests that ran its file, and the workflow's. Of these, tests of the mutant's own room come first, and each time those
that ran the fewest lines, as they are the quickest. Prints each mutant with its outcome; exit code 1 where fewer than
85 in 100 are killed.
A mutant that nothing could tell from the original stands in EQUIVALENT with the reason, and does not count.
"""

import argparse
import io
import os
import random
import shutil
import subprocess
import sys
import tempfile
import tokenize
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

import coverage

ROOT = Path(__file__).resolve().parents[2]
PAIRS = (("<", "<="), (">", ">="), ("==", "!="), ("and", "or"), ("True", "False"))
OTHER = dict(PAIRS) | {second: first for first, second in PAIRS}
LEFT_OUT = (".git", ".venv", ".snakemake", ".mypy_cache", ".ruff_cache", ".hypothesis", "results")
ALONE = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child")
"""A mutant of what ends the processes of killed runs would end all others: its tests see no processes but their own."""
ARCHITECTURE, WORKFLOW = "tests/unit/test_architecture.py", "tests/workflow"
GOAL = 0.85
SECONDS = 180
"""How long the tests of one mutant may take; longer counts as survived."""

EQUIVALENT = {
    ("genocloud/gvcf/inflate.py", "MAX_BLOCK_BYTES = 1 << 16"): "a bound of how much is read at once",
    (
        "genocloud/gvcf/text_source.py",
        'seen = title if title >= 0 else max(0, len(text) - len(b"\\n#CHROM"))',
    ): "the text begins with ##: no title is at 0",
    (
        "genocloud/pipeline/genotyping/merging.py",
        "held.append((0, part))",
    ): "levels are compared with one another",
    (
        "genocloud/pipeline/genotyping/row_cache.py",
        "def __init__(self, memory: int = 0) -> None:",
    ): "neither byte is enough to keep rows",
    (
        "genocloud/federation/subtraction.py",
        "for column in range(len(rows[0]) if rows else 0):",
    ): "a column of no rows has no pivot",
    (
        "genocloud/costs/synthetic.py",
        "one, two = (alt * 27, 0) if copies == 2 else (max(alt * 27 - 3 * depth, 20), max(kept * 27 - 3 * depth, 20))",
    ): "likelihoods of made-up people for measuring rates",
    (
        "genocloud/scatter/deploy/slurm.py",
        'thread = threading.Thread(target=watch, name="slurm", daemon=True)',
    ): "the thread is joined before the process ends",
    (
        "genocloud/report/summary.py",
        "label_width = max(map(len, rows), default=0)",
    ): "the width of no lines",
    (
        "genocloud/gvcf/text_source.py",
        "62 -> 63: start = self._check_record(begin, contig, 0, 1 << 62)",
    ): "both are beyond every position",
    (
        "genocloud/scatter/bars.py",
        "expand=True,",
    ): "a bar without a width of its own takes what is left of the line",
    (
        "genocloud/testing/exporters.py",
        "3 -> 4: for threads in (1, 3):",
    ): "a law of any number of threads",
    (
        "genocloud/report/alt_alleles.py",
        "2 -> 3: TRANSITION, TRANSVERSION = 1, 2",
    ): "kinds that are compared with one another",
    (
        "genocloud/callset/call_rows.py",
        "0 -> 1: offsets, lists = np.zeros(len(rows) + 1, np.int64), np.zeros(0, np.int32)",
    ): "elements of lists that are all empty",
    (
        "genocloud/pipeline/hybrid/coordinator.py",
        "True -> False: pieces_of_shard = "
        'dict(zip(cut.all_shards, self.map_shards(deliver, cut.all_shards, "deliver"), strict=True))',
    ): "there is a result for each shard",
    (
        "genocloud/scatter/dask/dask_settings.py",
        "60 -> 61: CONNECT_SECONDS = 60",
    ): "a minute's patience or a second more",
}
"""(file, the mutated line without its indentation, or that with the change before it, as a run prints it): why nothing
can tell it from the original."""


class Mutant(NamedTuple):
    """One token of one file, and what stands in its place."""

    file: str
    line: int
    column: int
    old: str
    new: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.change}"

    @property
    def change(self) -> str:
        """What becomes what, in which line."""
        return f"{self.old} -> {self.new}: {self.text.strip()}"

    @property
    def is_equivalent(self) -> bool:
        """Whether it stands in EQUIVALENT, or turns a dataclass's slots, which save memory alone."""
        texts = self.text.strip(), self.change
        return self.text[: self.column].endswith("slots=") or any((self.file, text) in EQUIVALENT for text in texts)

    def source(self) -> str:
        """The file with this token in its place."""
        lines = (ROOT / self.file).read_text().splitlines(keepends=True)
        row = lines[self.line - 1]
        lines[self.line - 1] = row[: self.column] + self.new + row[self.column + len(self.old) :]
        return "".join(lines)


def mutants_of(path: Path) -> Iterator[Mutant]:
    """All mutants of a file."""
    text = path.read_text()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        new = OTHER.get(token.string)
        if token.type == tokenize.NUMBER and token.string.isdigit():
            new = str(int(token.string) + 1)
        if new and token.type in (tokenize.OP, tokenize.NAME, tokenize.NUMBER):
            line, column = token.start
            yield Mutant(str(path.relative_to(ROOT)), line, column, token.string, new, token.line.splitlines()[0])


def tests_of(mutant: Mutant, data: coverage.CoverageData, lengths: Mapping[str, int]) -> list[str]:
    """Node ids, files and folders of the tests that may kill a mutant, likely and quick ones first."""
    room = f"tests/unit/{Path(mutant.file).parts[1]}/"
    lines = data.contexts_by_lineno(str(ROOT / mutant.file)) or {}
    ran = {
        (_in_any_tree(context.rpartition("|")[0]), context.rpartition("|")[2]) for context in lines.get(mutant.line, [])
    }
    files = {test.partition("::")[0] for test, when in ran if when == "setup"}
    if not files and not any(when == "run" for _, when in ran):
        files = {context.partition("::")[0] for contexts in lines.values() for context in contexts if context}
        files |= {ARCHITECTURE, WORKFLOW}
    tests = files | {test for test, when in ran if when == "run" and test.partition("::")[0] not in files}

    def rank(test: str) -> tuple[bool | int | str, ...]:
        elsewhere = not test.startswith(room)
        return test != ARCHITECTURE, test == WORKFLOW, elsewhere, test in files, lengths.get(test, 0), test

    return sorted(tests, key=rank)


def _in_any_tree(test: str) -> str:
    """A test's node id; that of all its parameters where one has a path of this tree, as the copy's has another."""
    return test.partition("[")[0] if str(ROOT) in test else test


def lines_by_test(data: coverage.CoverageData) -> dict[str, int]:
    """How many lines of genocloud/ each test ran, and each file of tests."""
    lengths: Counter[str] = Counter()
    for file in data.measured_files():
        for contexts in data.contexts_by_lineno(file).values():
            tests = [test for test, _, when in (each.rpartition("|") for each in contexts) if when == "run"]
            lengths.update(tests)
            lengths.update(test.partition("::")[0] for test in tests)
    return dict(lengths)


def survives(mutant: Mutant, tree: Path, tests: list[str]) -> bool:
    """Whether all these tests pass on the tree with the mutant in it."""
    path = tree / mutant.file
    path.write_text(mutant.source())
    names = tree / "mutant.tests"
    names.write_text("\n".join(tests))
    options = ["-q", "-x", "-p", "no:cacheprovider", "-m", "not slow", "--hypothesis-profile", "first failure"]
    command = [*ALONE, sys.executable, "-m", "pytest", *options, f"@{names}"]
    shared = {"GENOCLOUD_SHARED": str(ROOT.parent / "shared")}  # where tests look beside the tree, not the copy
    environment = shared | os.environ | {"PYTHONPATH": str(tree)}
    try:
        run = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return True
    finally:
        shutil.copy2(ROOT / mutant.file, path)
    if run.returncode in (3, 4):
        sys.exit(f"{mutant}: pytest could not run: {run.stdout[-2000:]}{run.stderr[-2000:]}")
    return run.returncode in (0, 5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    files = [path for path in sorted((ROOT / "genocloud").rglob("*.py")) if "kernels" not in path.parts]
    mutants = [mutant for path in files for mutant in mutants_of(path)]
    chosen = random.Random(arguments.seed).sample(mutants, arguments.count)
    data = coverage.CoverageData(str(ROOT / ".coverage"))
    data.read()
    lengths = lines_by_test(data)
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        trees: SimpleQueue[Path] = SimpleQueue()
        for job in range(arguments.jobs):
            ignored = shutil.ignore_patterns(*LEFT_OUT)
            trees.put(Path(shutil.copytree(ROOT, Path(folder, f"tree{job}"), ignore=ignored, symlinks=True)))

        def outcome(mutant: Mutant) -> str:
            if mutant.is_equivalent:
                return "equivalent"
            tests = tests_of(mutant, data, lengths)
            if not tests:
                return "SURVIVED (no test ran it)"
            tree = trees.get()
            try:
                return "SURVIVED" if survives(mutant, tree, tests) else "killed"
            finally:
                trees.put(tree)

        with ThreadPoolExecutor(arguments.jobs) as pool:
            for mutant, result in zip(chosen, pool.map(outcome, chosen), strict=True):
                print(f"{result}\t{mutant}", flush=True)
                outcomes.append(result)
    killed, counted = outcomes.count("killed"), len(outcomes) - outcomes.count("equivalent")
    print(f"{killed} of {counted} killed, {len(outcomes) - counted} equivalent, of {len(mutants):,} possible mutants")
    sys.exit(killed < GOAL * counted)


if __name__ == "__main__":
    main()
