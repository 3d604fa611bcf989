"""Plans: rates are found again, amounts add up, policies bind placements, and the cheapest comes first."""

import re
from dataclasses import replace

import pytest

from genocloud.costs.model import (
    JOINT,
    Place,
    Planner,
    Portion,
    Shape,
    Starts,
    balanced_widths,
    blocks_at_sites,
    reason_of,
)
from genocloud.costs.prices import Prices
from genocloud.costs.rates import HERE, Rates, default_rates, kept_rates, rates_file
from genocloud.federation.site_policy import MAY_LEAVE, STAYS
from tests.support.plan_rates import COSTS, RATES

CHEAP = Prices(
    currency="EUR",
    dated="2026-01-01",
    source="here",
    core_hour=0.01,
    memory_gb_hour=0.0,
    storage_gb_month=0.01,
    egress_gb=0.0,
)
DEAR = Prices(
    currency="EUR",
    dated="2026-01-01",
    source="there",
    core_hour=0.05,
    memory_gb_hour=0.0,
    storage_gb_month=0.02,
    egress_gb=0.1,
)


def portion(people: int) -> Portion:
    return Portion(
        people=people, reads=0, gvcf_bytes=people * 1e9, records=people * 1e6, observations=people * 1e5, bases=3e9
    )


def planner(way=None) -> Planner:
    shape = Shape(sites_of=lambda people: 1000.0 * people**0.5, shards=10, batch_size=100)
    return Planner(rates=RATES, shape=shape, needing=lambda *_: {}, **({"way": way} if way else {}))


def places(policy: str = STAYS) -> list[Place]:
    return [
        Place(name="hospital", portion=portion(300), prices=CHEAP, width=50, policy=STAYS),
        Place(name="cloud", portion=portion(100), prices=DEAR, width=50, policy=policy),
    ]


def test_blocks_reach_sites_at_most_once_each_and_no_more_than_there_are_cells():
    for blocks, cells in ((1e3, 1e9), (1e9, 1e3), (5e5, 5e5)):
        assert 0.5 * min(blocks, cells) <= blocks_at_sites(blocks, cells) <= min(blocks, cells)
    assert blocks_at_sites(1e3, 0) == 0


def test_rates_survive_their_text():
    assert Rates.from_json(RATES.to_json()) == RATES


def test_the_shipped_rates_are_dated_and_know_what_plans_ask_for():
    shipped = default_rates()
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", shipped.measured)
    assert COSTS.keys() <= shipped.costs.keys()
    assert all(cost >= 0 for costs in shipped.costs.values() for cost in costs.values())
    assert min(sum(costs.values()) for costs in shipped.costs.values()) > 0


@pytest.mark.parametrize("content", [None, "{", "[1]", RATES.to_json()], ids=["absent", "cut", "list", "old"])
def test_where_no_rates_of_this_machine_are_kept_the_shipped_ones_count(tmp_path, content):
    if content is not None:
        rates_file(tmp_path).write_text(content)
    assert kept_rates(tmp_path) == default_rates()
    rates_file(tmp_path).write_text(replace(default_rates(), measured="2026-02-03", origin=HERE).to_json())
    assert kept_rates(tmp_path).measured == "2026-02-03"


def test_starts_are_counted_and_those_of_parts_go_side_by_side():
    workflow = Starts(runs=1, jobs=25, commands=25, clusters=21, rounds=10)
    shape = Shape(sites_of=lambda people: 1000.0 * people**0.5, shards=10, batch_size=100, starts=workflow)
    way = Planner(rates=RATES, shape=shape, needing=lambda *_: {}).place(places()[:1], "hospital")
    line = way.lines[-1]
    jobs = 25 * 0.25 + 25 * 0.5 + 21 * 2.0
    assert (line.step, line.tasks) == ("start", 25)
    assert line.core_seconds == pytest.approx(3.0 + jobs)
    assert line.wall_seconds == pytest.approx(3.0 + jobs * 10 / 25)


def test_one_site_has_each_step_once_and_nothing_crosses():
    way = planner().place(places()[:1], "hospital")
    assert [line.step for line in way.lines] == ["ingest", "discover", "estimate", "genotype", "export", "start"]
    assert way.crossing_bytes == 0
    assert way.lines[0].core_seconds == pytest.approx(300)
    assert way.lines[0].tasks == 3
    assert way.lines[1].tasks == 30
    assert way.money == pytest.approx(sum(line.money for line in way.lines))


def test_joint_starts_once_and_keeps_no_callset():
    way = planner(JOINT).place(places()[:1], "hospital")
    assert [line.step for line in way.lines] == ["ingest", "discover", "estimate", "genotype", "start"]
    cells = 1000 * 300**0.5 * 300
    assert way.core_seconds == pytest.approx(0.5 + 300 + 30 + 2e-6 * cells)


def test_called_people_take_core_hours():
    one = Place(
        name="hospital",
        portion=Portion(people=1, reads=1, gvcf_bytes=1e9, records=1e6, observations=1e5, bases=3e9),
        prices=CHEAP,
        width=1,
    )
    call = planner().place([one], "hospital").lines[0]
    assert call.step == "call"
    assert call.core_seconds > 3600


def test_two_sites_send_tables_and_export_apart():
    way = planner().place(places(), "hospital")
    sent = {(line.site, line.step): line.crossing_bytes for line in way.lines}
    assert sent["cloud", "discover"] > 0
    assert sent["cloud", "export"] == sent["hospital", "export"] == 0
    assert all(line.tasks for line in way.lines)


def test_columns_that_may_leave_are_exported_by_the_coordinator():
    way = planner().place(places(MAY_LEAVE), "hospital")
    lines = {(line.site, line.step): line for line in way.lines}
    cells = 1000 * 400**0.5 * 400
    assert lines["hospital", "export"].core_seconds == pytest.approx(1e-6 * cells)
    assert lines["cloud", "export"].core_seconds == 0
    assert lines["cloud", "export"].crossing_bytes == pytest.approx(1000 * 400**0.5 * 100)


def test_data_move_only_where_the_policy_lets_them():
    kept = {(each.coordinator, each.moved) for each in planner().placements(places())}
    assert kept == {("hospital", ()), ("cloud", ())}
    free = {(each.coordinator, each.moved) for each in planner().placements(places(MAY_LEAVE))}
    assert free == kept | {("hospital", ("cloud",))}


def test_moving_pays_egress_and_works_at_one_site():
    way = planner().place(places(MAY_LEAVE), "hospital", ["cloud"])
    move = way.lines[0]
    assert (move.site, move.step, move.crossing_bytes) == ("cloud", "move", 100e9)
    assert move.money == pytest.approx(10.0)
    assert {line.site for line in way.lines[1:]} == {"hospital"}


def test_the_cheapest_comes_first_with_the_reason():
    choices = planner().placements(places())
    assert choices[0].money <= choices[1].money
    assert reason_of(choices, "EUR").startswith(
        f"{choices[0].coordinator} coordinates, each site exports its own VCF: "
    )
    assert "there is no other way" in reason_of(choices[:1], "EUR")


def test_cores_are_shared_out_by_work():
    widths = balanced_widths(planner().place(places(), "hospital"), 100)
    assert widths["hospital"] + widths["cloud"] == pytest.approx(100, abs=1)
    assert 70 <= widths["hospital"] <= 80


def test_a_wider_pool_is_faster_and_costs_the_same():
    narrow, wide = (
        planner().place([Place(name="a", portion=portion(300), prices=CHEAP, width=width)], "a") for width in (2, 20)
    )
    assert wide.wall_seconds < narrow.wall_seconds
    assert wide.money == pytest.approx(narrow.money)
