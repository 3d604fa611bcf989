"""The command `help`: a command's help, or a topic that several commands share, such as the grammar of --scatter."""

import sys

from genocloud.callset.formats import EXPORT_FORMATS
from genocloud.callset.other_formats import OTHER_FORMATS
from genocloud.cli.options import Arguments, Commands, new_command
from genocloud.formatting import alternatives
from genocloud.scatter.executor_kinds import EXECUTOR_KINDS
from genocloud.storage.store_kinds import PUBLIC
from genocloud.workflow.callers import CALLER_PROGRAMS, NONE


def _aligned(rows: list[tuple[str, str]]) -> str:
    """Rows of two columns."""
    width = max(len(first) for first, _ in rows) + 2
    return "".join(f"{first:<{width}}{second}\n" for first, second in rows)


def _needing(summary: str, install_hint: str) -> str:
    return f"{summary} ({install_hint})" if install_hint else summary


SCATTER = f"""--scatter WHERE: where a command's tasks run.

{"".join(f"  {kind.grammar}{chr(10)}" for kind in EXECUTOR_KINDS)}
{_aligned([(kind.name, _needing(kind.summary, kind.install_hint)) for kind in EXECUTOR_KINDS])}
Those of Dask also take wait=SECONDS, how long a run may be without workers before it ends.
"""

STORES = f"""Where files, cohorts and callsets may lie.

{_aligned([(kind.example, _needing(kind.summary, kind.install_hint)) for kind in PUBLIC])}
genocloud doctor URL tries such a place and says what is amiss there.
"""

EXIT_CODES = """Exit codes of every command:

  0    done
  1    a bug; Python's traceback is shown
  2    wrong usage of the command line
  3    an input (a gVCF, a sheet, a config, a reference) is wrong or cannot be read
  4    the store is damaged, full, in use or cannot be reached
  5    a setting, or what the system allows (memory, threads, open files)
  129, 130, 143   ended by SIGHUP, SIGINT (Ctrl-C), SIGTERM
  141  the reader of the output left
"""

FORMATS = f"""What joint and export write; the suffix of OUT names the format.

{_aligned([(form.suffix, _needing(form.summary, form.install_hint)) for form in EXPORT_FORMATS])}

export alone also writes:

{_aligned([(alternatives(form.suffixes), _needing(form.summary, form.install_hint)) for form in OTHER_FORMATS])}"""

_NONE_ROW = (NONE, "no program: every sample comes as a gVCF")

CALLERS = f"""Who calls the workflow's samples that come as reads: `caller` in config.yaml.

{_aligned([*((each.name, _needing(each.title, each.install_hint)) for each in CALLER_PROGRAMS), _NONE_ROW])}"""

TOPICS = {"scatter": SCATTER, "stores": STORES, "formats": FORMATS, "callers": CALLERS, "exit-codes": EXIT_CODES}


def _help(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        sys.stdout.write(TOPICS.get(arguments.topic) or commands.choices[arguments.topic].format_help())

    topics = ", ".join(TOPICS)
    command = new_command(commands, "help", f"Show the help of a command, or a topic: {topics}.", run, "scatter")
    known = [*TOPICS, *commands.choices]
    command.add_argument("topic", metavar="TOPIC", choices=known, help=f"a command, or one of the topics: {topics}")


ALL = {"help": _help}
