"""Plans: rates are found again, amounts add up, policies bind placements, and the cheapest comes first."""

import pytest

from genocloud.locations.authority import MAY_LEAVE, STAYS
from genocloud.locations.planning import JOINT, Place, Planner, Portion, Shape, balanced_widths, reason_of
from genocloud.locations.prices import Prices
from genocloud.locations.rates import Rates, fit

STEPS = {"ingest": "record", "discover": "observation", "estimate": "cell", "estimate kept": "cell", "call": "cell"}
COSTS = {f"seconds {step}": {thing: 1e-6} for step, thing in (STEPS | {"render": "cell", "export": "cell"}).items()}
COSTS |= {f"memory {step}": {"one": 1e8} for step in (*STEPS, "render", "export")} | {"seconds start": {"one": 0.5}}
COSTS |= {f"bytes {what}": {"cell": 1.0} for what in ("callset", "VCF", "derived")}
COSTS |= {"bytes cohort": {"gvcf_byte": 0.4}}
RATES = Rates("2026-01-01", "a machine", 2, "0", COSTS)
CHEAP = Prices("EUR", "2026-01-01", "here", 0.01, 0.0, 0.01, 0.0)
DEAR = Prices("EUR", "2026-01-01", "there", 0.05, 0.0, 0.02, 0.1)


def portion(people: int) -> Portion:
    return Portion(people, 0, people * 1e9, people * 1e6, people * 1e5, 3e9)


def planner(way=None) -> Planner:
    shape = Shape(lambda people: 1000.0 * people**0.5, 10, 100)
    return Planner(RATES, shape, lambda *_: {}, *([way] if way else []))


def places(policy: str = STAYS) -> list[Place]:
    return [Place("hospital", portion(300), CHEAP, 50, STAYS), Place("cloud", portion(100), DEAR, 50, policy)]


def test_rates_are_found_from_what_was_taken():
    true = {"one": 0.3, "file": 2e-3, "record": 1e-6}
    amounts = [{"one": 1, "file": f, "record": r} for f, r in ((2, 1e3), (10, 1e6), (500, 1e5), (200, 5e5))]
    found = fit(amounts, [sum(true[thing] * each[thing] for thing in true) for each in amounts], tuple(true))
    assert found == pytest.approx(true)


def test_no_rate_is_less_than_nothing():
    amounts = [{"one": 1, "cell": cells} for cells in (1, 10, 100)]
    assert fit(amounts, [3.0, 2.0, 1.0], ("one", "cell"))["cell"] == 0.0


def test_rates_survive_their_text():
    assert Rates.from_json(RATES.to_json()) == RATES


def test_one_site_has_each_step_once_and_nothing_crosses():
    way = planner().place(places()[:1], "hospital")
    assert [line.step for line in way.lines] == ["ingest", "discover", "estimate", "genotype", "export"]
    assert way.crossing_bytes == 0
    assert way.lines[0].core_seconds == pytest.approx(300.5)
    assert way.lines[0].tasks == 3
    assert way.lines[1].tasks == 30
    assert way.money == pytest.approx(sum(line.money for line in way.lines))


def test_joint_starts_once_and_keeps_no_callset():
    way = planner(JOINT).place(places()[:1], "hospital")
    assert [line.step for line in way.lines] == ["ingest", "discover", "estimate", "genotype"]
    cells = 1000 * 300**0.5 * 300
    assert way.core_seconds == pytest.approx(0.5 + 300 + 30 + 2e-6 * cells)


def test_called_people_take_core_hours():
    one = Place("hospital", Portion(1, 1, 1e9, 1e6, 1e5, 3e9), CHEAP, 1)
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
    assert lines["hospital", "export"].core_seconds == pytest.approx(0.5 + 1e-6 * cells)
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
    found = planner().placements(places())
    assert found[0].money <= found[1].money
    assert reason_of(found, "EUR").startswith(f"{found[0].coordinator} coordinates, each site exports its own VCF: ")
    assert "there is no other way" in reason_of(found[:1], "EUR")


def test_cores_are_shared_out_by_work():
    widths = balanced_widths(planner().place(places(), "hospital"), 100)
    assert widths["hospital"] + widths["cloud"] == pytest.approx(100, abs=1)
    assert 70 <= widths["hospital"] <= 80


def test_a_wider_pool_is_faster_and_costs_the_same():
    narrow, wide = (planner().place([Place("a", portion(300), CHEAP, width)], "a") for width in (2, 20))
    assert wide.wall_seconds < narrow.wall_seconds
    assert wide.money == pytest.approx(narrow.money)
