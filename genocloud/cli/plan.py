"""The command that estimates what a run will take."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from genocloud import storage
from genocloud.cli.options import CPUS, Arguments, Commands, new_command, output_option, shown_progress, whole_number
from genocloud.errors import SettingError
from genocloud.formatting import seconds_text, size_text

if TYPE_CHECKING:
    from genocloud.costs.model import Placement
    from genocloud.costs.rates import Rates
    from genocloud.federation import Config, Location
    from genocloud.steps.plan import Plan


def _plan(commands: Commands) -> None:
    def run(arguments: Arguments) -> None:
        if arguments.table:
            from genocloud.pipeline.planning.whole_genomes import table

            sys.stdout.write(table(_rates(arguments)))
        elif not arguments.config:
            if not arguments.calibrate:
                command.error("give a CONFIG, --table, or --calibrate")
            sys.stdout.write(_rates_text(_rates(arguments)))
        else:
            from genocloud.federation.config import read_config
            from genocloud.pipeline.planning.location_prices import check_prices
            from genocloud.steps.plan import plan_of

            config = read_config(arguments.config)
            check_prices(config)  # before a machine is measured
            made = plan_of(config, rates=_rates(arguments), width=arguments.cores, joint=arguments.joint)
            if arguments.output:
                folder, name = storage.split(arguments.output)
                storage.open_store(folder).write(name, made.to_json().encode())
            sys.stdout.write(_text(made) + _policies(config))

    command = new_command(
        commands,
        "plan",
        "Estimate what a run will take: core-hours, time, memory, bytes, money.",
        run,
        "config.yaml --cores 64",
    )
    command.add_argument(
        "config", nargs="?", metavar="CONFIG", help="the workflow's config.yaml, of one site or several"
    )
    output_option(command, "PLAN.json", "write the plan there, for genocloud report --plan", required=False)
    command.add_argument(
        "--cores",
        type=whole_number,
        metavar="N",
        default=CPUS,
        help="of a site whose workers do not say. Default: %(default)s",
    )
    command.add_argument("--joint", action="store_true", help="of `genocloud joint`, instead of the workflow's steps")
    command.add_argument(
        "--table", action="store_true", help="a table for 1,000, 10,000 and 100,000 whole genomes instead"
    )
    command.add_argument(
        "--rates",
        type=Path,
        metavar="DIR",
        help="where the rates of this machine are kept. Default: genocloud in the user's cache",
    )
    command.add_argument(
        "--calibrate",
        action="store_true",
        help="measure this machine first, which takes about a minute. Else the rates that it was measured to have "
        "count, or those shipped with genocloud",
    )


def _rates(arguments: Arguments) -> "Rates":
    folder = arguments.rates or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "genocloud"
    if not arguments.calibrate:
        from genocloud.costs.rates import kept_rates

        return kept_rates(folder)
    from genocloud import steps

    with shown_progress(arguments) as progress:
        return steps.calibrate(folder, progress=progress)


def _rates_text(rates: "Rates") -> str:
    """Whose rates a plan counts by, and from when."""
    from genocloud.costs.rates import DEFAULT

    advice = "; --calibrate measures this machine" if rates.origin == DEFAULT else ""
    return f"Rates: {rates.origin}, of {rates.measured} ({rates.machine}){advice}.\n"


def _policies(config: "Config") -> str:
    """Which policy file decides at each site of a config, as far as that can be said from here."""
    from genocloud.federation import policy_for
    from genocloud.federation.config import HERE

    def line(site: "Location") -> str:
        try:
            policy = policy_for(site.store)
            policy.check(site.name, site.store, site.policy, site.name == config.coordinator)
        except SettingError as error:
            if not site.workers.startswith(("tls://", "tcp://")):
                return f"  {error}\n"
            decides = "the policy file that its workers were started with (the first look of a run shows it)"
            return f"  site {site.name}: {site.policy} by this config; {decides} decides\n"
        return f"  {policy}\n"

    lines = [line(site) for site in config.sites if site.name != HERE]
    return f"What may leave the sites:\n{''.join(lines)}" if lines else ""


_COLUMNS = "{:14} {:9} {:>9} {:>11} {:>12} {:>9} {:>10} {:>10} {:>12}\n"


def _text(made: "Plan") -> str:
    """The plan as people read it."""
    head = _COLUMNS.format("site", "step", "tasks", "core-hours", "wall", "memory", "stored", "across", made.currency)
    lines = "".join(
        _COLUMNS.format(
            line.site,
            line.step,
            f"{line.tasks:,}",
            f"{line.core_seconds / 3600:,.4g}",
            seconds_text(line.wall_seconds),
            size_text(line.memory_bytes),
            size_text(line.stored_bytes),
            size_text(line.crossing_bytes),
            f"{line.money:,.4f}",
        )
        for line in made.configured.lines
    )
    prices = "".join(f"  {site}: {each.source.strip()} ({each.dated})\n" for site, each in made.prices.items())
    widths = ", ".join(f"{site} {width:,}" for site, width in made.widths.items())
    return (
        f"{made.people:,} people, about {made.sites:,.0f} sites\n\n{head}{lines}{_total(made.configured)}\n"
        f"Cheapest: {made.reason}.\nCores, so that no site waits: {widths}.\n"
        f"{_rates_text(made.rates)}"
        f"Money: work, traffic, and a month of storage. Prices:\n{prices}"
    )


def _total(way: "Placement") -> str:
    return _COLUMNS.format(
        "all",
        "",
        "",
        f"{way.core_seconds / 3600:,.4g}",
        seconds_text(way.wall_seconds),
        size_text(max((line.memory_bytes for line in way.lines), default=0)),
        size_text(way.stored_bytes),
        size_text(way.crossing_bytes),
        f"{way.money:,.4f}",
    )


ALL = {"plan": _plan}
