"""The commands for stores: describe and check them; change the samples of a cohort, tidy it up, erase a person."""

import sys

from genocloud import steps, storage
from genocloud.cli.options import (
    Arguments,
    Commands,
    cohort_argument,
    hand_over,
    hours,
    new_command,
    receipt_option,
    scatter_option,
    shown_progress,
    version_option,
    whole_number,
)
from genocloud.cohort import BATCH_SIZE
from genocloud.errors import InputError, UnreadableFile, first_of
from genocloud.pipeline.receipts import Receipt
from genocloud.scatter.executors import open_scatter

OLDER_THAN_HOURS = 24
"""What is younger stays: a running writer's batch is in no version yet, and writing one part takes an hour at most."""


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201 (the command line's own voice)


_AGAIN = "A callset has the change when it is genotyped again (genocloud genotype, or the workflow)."


def _counted(samples: int) -> str:
    return f"{samples:,} sample{'' if samples == 1 else 's'}"


def _names(arguments: Arguments, columns: int) -> list[list[str]]:
    """The names given as arguments and in a file, `columns` in a row; a wrong row is a usage error."""
    rows = [arguments.names] if columns > 1 and arguments.names else [[name] for name in arguments.names]
    if arguments.file:
        rows += [line.split("\t") for line in _text(arguments.file).splitlines() if line]
    wrong = next((row for row in rows if len(row) != columns), None)
    if wrong is not None or not rows:
        problem = f"{wrong} are not {columns} names" if wrong else "no sample is named"
        arguments.usage.error(f"{problem}; name them, or --file with {columns} in a line, tabs between")
    return rows


def _text(url: str) -> str:
    with storage.open_file(url) as file:
        try:
            return file.read().decode()
        except UnicodeDecodeError as error:
            raise UnreadableFile(url, f"byte {error.start:,} is not UTF-8", "give a text file of names") from error


def _new_names(arguments: Arguments) -> dict[str, str]:
    """The new names by old name; an old name that comes twice is an input error."""
    names: dict[str, str] = {}
    for old, new in _names(arguments, 2):
        if old in names:
            raise InputError(f"sample {old} is given two new names, {names[old]} and {new}; give it one")
        names[old] = new
    return names


def _inspect(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        sys.stdout.write(steps.inspect(arguments.url, version=arguments.cohort_version))

    command = new_command(
        commands, "inspect", "Describe a cohort, callset, gVCF or receipt in a few lines.", run, "cohort/"
    )
    command.add_argument("url", metavar="URL", help="path or URL of a cohort, a callset, a VCF or gVCF, or a receipt")
    version_option(command)


def _history(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        sys.stdout.write(steps.history(arguments.cohort))

    command = new_command(commands, "history", "List a cohort's versions, and what each changed.", run, "cohort/")
    cohort_argument(command)


def _verify(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        with shown_progress(arguments) as progress, open_scatter(arguments.scatter) as scatter:
            receipt = steps.verify(arguments.url, scatter=scatter, progress=progress)
        hand_over(receipt, arguments)
        count, figures = receipt.balance["taken"], receipt.figures
        checked = f"{count:,} object{'' if count == 1 else 's'}"
        _say(f"{arguments.url}: sound ({checked}, {figures['bytes']:,} bytes, {figures['rows']:,} rows)")

    command = new_command(
        commands, "verify", "Read a cohort, a callset or a gVCF again, whole, and check it.", run, "cohort/"
    )
    command.add_argument("url", metavar="URL", help="path or URL of a cohort, a callset or a gVCF")
    scatter_option(command)
    receipt_option(command)


def _doctor(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        for finding in steps.doctor(arguments.url):
            print(finding, flush=True)  # noqa: T201 (what the command was asked for)

    command = new_command(
        commands,
        "doctor",
        "Check a place for a cohort or callset: access, versioning, encryption, clock.",
        run,
        "gs://bucket/study/",
    )
    command.add_argument(
        "url", metavar="URL", help="path or URL of a cohort, a callset, or a place where one may be made"
    )


def _remove(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        names = list(dict.fromkeys(name for (name,) in _names(arguments, 1)))
        receipt = steps.remove(arguments.cohort, names)
        hand_over(receipt, arguments)
        version, left = receipt.figures["cohort_version"], _counted(receipt.figures["samples"])
        _say(
            f"{arguments.cohort}: took out {_counted(len(names))} ({first_of(names)}); version {version} has {left}. "
            "Earlier versions keep them, and their rows stay (genocloud erase removes both). " + _AGAIN
        )

    command = new_command(
        commands, "remove", "Take samples out of a cohort; earlier versions keep them.", run, "cohort/ NA12878"
    )
    cohort_argument(command)
    command.add_argument("names", nargs="*", metavar="SAMPLE", help="names of active samples")
    command.add_argument("--file", metavar="FILE", help="more names, one a line")
    receipt_option(command)


def _rename(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        names = _new_names(arguments)
        receipt = steps.rename(arguments.cohort, names)
        hand_over(receipt, arguments)
        pairs = [f"{old} to {new}" for old, new in names.items()]
        version = receipt.figures["cohort_version"]
        _say(
            f"{arguments.cohort}: renamed {_counted(len(names))} ({first_of(pairs)}); this is version {version}. "
            "Earlier versions keep the old names. " + _AGAIN
        )

    command = new_command(
        commands,
        "rename",
        "Give samples of a cohort new names; nothing is computed again.",
        run,
        "cohort/ NA12878 HG001",
    )
    cohort_argument(command)
    command.add_argument("names", nargs="*", metavar="NAME", help="the old name and the new one")
    command.add_argument("--file", metavar="FILE", help="more pairs, one a line, a tab between old and new")
    receipt_option(command)


def _compact(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        with shown_progress(arguments) as progress, open_scatter(arguments.scatter) as scatter:
            receipt = steps.compact(arguments.url, batch_size=arguments.batch_size, scatter=scatter, progress=progress)
        hand_over(receipt, arguments)

    summary = "Merge a cohort's small batches into large ones; rewrite a callset of version 3 in less space."
    command = new_command(commands, "compact", summary, run, "cohort/ --batch-size 1000")
    command.add_argument("url", metavar="URL", help="path or URL of a cohort, or of a callset")
    command.add_argument(
        "--batch-size",
        type=whole_number,
        default=BATCH_SIZE,
        help="of a cohort: samples stored together. Default: %(default)s",
    )
    scatter_option(command)
    receipt_option(command)


def _collect(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        with shown_progress(arguments) as progress:
            receipt = steps.collect(
                arguments.cohort,
                progress=progress,
                keep=arguments.keep,
                older_than_hours=arguments.older_than,
                dry_run=arguments.dry_run,
            )
        hand_over(receipt, arguments)
        verb = "would free" if arguments.dry_run else "freed"
        dropped = receipt.balance["dropped"]
        removed = "; ".join(f"{count:,} objects of {reason}" for reason, count in dropped.items())
        removed = removed or f"nothing to drop; what is younger than --older-than {arguments.older_than:g} hours stays"
        _say(f"{arguments.cohort}: {verb} {receipt.figures['freed_bytes']:,} bytes ({removed})")

    command = new_command(
        commands, "collect", "Remove what no kept version of a cohort needs.", run, "cohort/ --keep 3 --dry-run"
    )
    cohort_argument(command)
    command.add_argument("--keep", type=whole_number, metavar="N", help="the newest N versions stay. Default: all")
    command.add_argument(
        "--older-than",
        type=hours,
        default=OLDER_THAN_HOURS,
        metavar="HOURS",
        help="what is younger stays: a running ingest may need it; 0 wants nobody else to write. Default: %(default)s",
    )
    command.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    receipt_option(command)


def _erase(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        with shown_progress(arguments) as progress, open_scatter(arguments.scatter) as scatter:
            receipt = steps.erase(
                arguments.cohort,
                arguments.sample,
                callsets=arguments.callsets,
                sure=arguments.yes,
                scatter=scatter,
                progress=progress,
            )
        hand_over(receipt, arguments)
        _say(_erased(receipt))

    command = new_command(
        commands,
        "erase",
        "Erase a person for good (withdrawn consent): rows, versions, derived tables; and search the store for them.",
        run,
        "cohort/ NA12878 --yes",
    )
    cohort_argument(command)
    command.add_argument("sample", metavar="SAMPLE", help="the present name, or the last one")
    command.add_argument(
        "--callsets",
        nargs="+",
        default=[],
        metavar="URL",
        help="search these callsets too, not only the registered ones",
    )
    command.add_argument("--yes", action="store_true", help="do it; without this, only say what would be done")
    scatter_option(command)
    receipt_option(command)


def _erased(receipt: Receipt) -> str:
    """What was erased, or would be, in sentences."""
    figures = receipt.figures
    done = "was erased" if figures["done"] else "would be erased (nothing was done; add --yes)"
    amount = f"{figures['batches']:,} batches, {figures['versions']:,} versions, {figures['objects']:,} objects"
    lines = [f"{figures['sample']} {done}: {amount}."]
    if figures["done"]:
        lines.append(f"Searched {receipt.balance['taken']:,} objects, {figures['searched_bytes']:,} bytes: 0 hits.")
    if shared := figures["not_searched_for_as_others_have_it"]:
        lines.append(f"Not searched for, as other samples have or had it: {', '.join(shared)}.")
    if namesakes := figures["others_with_a_name_or_file_of_theirs"]:
        lines.append(f"Active samples with a name or file of theirs: {', '.join(namesakes)}.")
    if callsets := figures["callsets_that_hold_them"]:
        lines.append(f"Callsets that still hold them, or cannot be read: {', '.join(callsets)}; make these again.")
    return "\n".join([*lines, figures["not_reached"]])


ALL = {
    "history": _history,
    "remove": _remove,
    "rename": _rename,
    "compact": _compact,
    "collect": _collect,
    "erase": _erase,
    "inspect": _inspect,
    "verify": _verify,
    "doctor": _doctor,
}
