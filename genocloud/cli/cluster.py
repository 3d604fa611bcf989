"""The commands that make a place to work at: certificates, a scheduler, workers."""

import argparse
import os
import sys
from pathlib import Path

from genocloud.cli.options import Arguments, Commands, memory_size, new_command, whole_number
from genocloud.formatting import is_number
from genocloud.scatter.deploy.certificates import DAYS, make_certificates

ALLOWED_FAILURES = 10
"""A task may lose so many workers: where capacity is pre-emptible it loses some that it did not kill itself."""

WAIT_SECONDS = 300
"""Workers wait so long for a scheduler: batch systems start both in any order, and links come back."""


def _say(text: str) -> None:
    print(f"genocloud: {text}", file=sys.stderr, flush=True)  # noqa: T201 (the command line's own voice)


def _certificates(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        until = make_certificates(arguments.folder, arguments.days)
        _say(
            f"{arguments.folder}: certificates, valid until {until:%Y-%m-%d}; bring the folder to every machine that "
            "takes part, and keep it from everyone else: whoever has it may run code there"
        )

    command = new_command(
        commands, "certificates", "Make certificates for a scheduler, its workers and clients.", run, "tls/"
    )
    command.add_argument("folder", type=Path, metavar="DIR", help="ca.pem, cert.pem and key.pem go there")
    command.add_argument(
        "--days", type=whole_number, default=DAYS, help="how long they are valid. Default: %(default)s"
    )


def _scheduler(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        from genocloud.scatter.deploy.daemons import (  # with asyncio, which other commands do not need
            SchedulerOptions,
            serve_scheduler,
        )

        serve_scheduler(
            SchedulerOptions(
                listen=arguments.listen,
                tls=arguments.tls,
                insecure=arguments.insecure,
                allowed_failures=arguments.allowed_failures,
            ),
            _say,
        )

    command = new_command(
        commands,
        "scheduler",
        "Run a scheduler that workers and clients connect to.",
        run,
        "--listen tls://0.0.0.0:8786 --tls tls/",
    )
    command.add_argument(
        "--listen", default="tls://0.0.0.0:8786", metavar="ADDRESS", help="where it listens. Default: %(default)s"
    )
    _tls_options(command)
    command.add_argument(
        "--allowed-failures",
        type=whole_number,
        default=ALLOWED_FAILURES,
        metavar="N",
        help="lost workers after which a task is held to kill them, and named. Default: %(default)s",
    )


def _workers(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        from genocloud.scatter.deploy.daemons import WorkerGroup, serve_workers  # as above

        site, environment = _obeyed(arguments)
        group = WorkerGroup(
            scheduler=arguments.scheduler,
            site=site,
            count=arguments.count,
            threads=arguments.threads,
            memory=arguments.memory,
            tls=arguments.tls,
            insecure=arguments.insecure,
            wait=arguments.wait,
            ports=arguments.ports,
            environment=environment,
        )
        serve_workers(group, _say)

    command = new_command(
        commands, "workers", "Run workers for a scheduler.", run, "tls://head:8786 --count 4 --memory 8GB"
    )
    command.add_argument("scheduler", metavar="ADDRESS", help="the scheduler's: tls://HOST:8786")
    command.add_argument("--site", default="", metavar="NAME", help="the site they work for; shown in messages")
    command.add_argument(
        "--policy",
        metavar="FILE",
        help="the site's policy file, for runs over several sites: what they serve, and what they hand out. Default: "
        "what GENOCLOUD_POLICY says; without one they hand nothing out",
    )
    command.add_argument("--count", type=whole_number, default=1, metavar="N", help="processes. Default: %(default)s")
    command.add_argument(
        "--threads", type=whole_number, default=1, metavar="N", help="tasks at a time in each. Default: %(default)s"
    )
    command.add_argument(
        "--memory",
        type=memory_size,
        metavar="SIZE",
        help="most memory of each (4GB, 500MiB); one that needs more is ended and started anew. Default: its threads' "
        "share of the machine's",
    )
    _tls_options(command)
    command.add_argument(
        "--ports", type=_ports, default=0, metavar="FIRST-LAST", help="ports to listen on. Default: any free one"
    )
    command.add_argument(
        "--wait",
        type=whole_number,
        default=WAIT_SECONDS,
        metavar="SECONDS",
        help="how long to wait for a scheduler, at first and when it has gone. Default: %(default)s",
    )


def _obeyed(arguments: Arguments) -> tuple[str, dict[str, str]]:
    """The workers' site, and what makes them obey its policy file. Raises SettingError, RegisterLost for a bad one."""
    from genocloud.federation import BadPolicyFile, Register, policies_of
    from genocloud.federation.site_policy import VARIABLE

    place = arguments.policy or os.environ.get(VARIABLE, "")
    policies = policies_of(place)
    names = [policy.site for policy in policies]
    if arguments.site and names and arguments.site not in names:
        problem = f"is {', '.join(names)}, not {arguments.site}"
        raise BadPolicyFile(place, "site", problem, "give the site's own file, or correct --site")
    for policy in policies:
        if policy.counts_people:
            Register(policy).check()
        _say(str(policy))
    site = arguments.site or (names[0] if len(names) == 1 else "")
    return site, {VARIABLE: str(Path(place).absolute())} if place else {}


def _register(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        from genocloud.federation import BadPolicyFile, Register, read_policy

        if (arguments.start or arguments.allow) and not arguments.by:
            command.error("give --by: who answers for this")
        if arguments.allow and not arguments.reason:
            command.error("--reason is missing: it is noted with the exception")
        policy = read_policy(str(Path(arguments.policy).absolute()))
        if not policy.register:
            raise BadPolicyFile(policy.path, "register", "is missing", "name the folder that it lies in")
        register = Register(policy)
        if arguments.start:
            register.start(arguments.by)
        elif arguments.allow:
            register.allow(arguments.allow, arguments.by, arguments.reason)
        for entry in register.check():
            sys.stdout.write(f"{entry}\n")

    command = new_command(
        commands,
        "register",
        "Show a site's register of the people whose sums have left it; start it, or sign an exception.",
        run,
        "policy.yaml --start",
    )
    command.add_argument("policy", metavar="POLICY.yaml", help="the site's policy file, which says where it lies")
    group = command.add_mutually_exclusive_group()
    group.add_argument("--start", action="store_true", help="start it, in an empty folder")
    group.add_argument("--allow", metavar="CODE", help="sign an exception for the people whom a refusal named so")
    command.add_argument("--by", metavar="NAME", help="who signs")
    command.add_argument("--reason", metavar="TEXT", help="why the exception is right; it is noted")


def _ports(text: str) -> str:
    """A range as dask takes it: argparse turns the error into its usage message."""
    first, _, last = text.partition("-")
    if not (is_number(first) and is_number(last) and 0 < int(first) <= int(last) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is not a range of ports such as 9000-9099")
    return f"{first}:{last}"


def _tls_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--tls", metavar="DIR", help="the folder of genocloud certificates. Default: what GENOCLOUD_TLS says"
    )
    command.add_argument(
        "--insecure", action="store_true", help="allow tcp:// between machines: for a network that is safe in itself"
    )


ALL = {"certificates": _certificates, "scheduler": _scheduler, "workers": _workers, "register": _register}
