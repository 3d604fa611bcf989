"""The command `help`: a command's help, or a topic that several commands share, such as the grammar of --scatter."""

import sys

from genocloud.cli.options import Arguments, Commands, new_command
from genocloud.scatter.spec import WAYS

SCATTER = f"""--scatter WHERE: where a command's tasks run.

{chr(10).join("  " + way for way in WAYS)}

inline        in this process, one after another
threads       in threads of this process
processes     in processes of this machine
local         on a Dask cluster of processes of this machine
tls, tcp      on a Dask scheduler that runs already (genocloud scheduler, genocloud workers)
slurm         on Dask workers that are jobs of Slurm, as many as there is work for
kubernetes    on Dask workers that are pods, as many as there is work for

Those of Dask also take wait=SECONDS, how long a run may be without workers before it ends.
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

TOPICS = {"scatter": SCATTER, "exit-codes": EXIT_CODES}


def _help(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        sys.stdout.write(TOPICS.get(arguments.topic) or commands.choices[arguments.topic].format_help())

    topics = ", ".join(TOPICS)
    command = new_command(commands, "help", f"Show the help of a command, or a topic: {topics}.", run, "scatter")
    known = [*TOPICS, *commands.choices]
    command.add_argument("topic", metavar="TOPIC", choices=known, help=f"a command, or one of the topics: {topics}")


ALL = (_help,)
