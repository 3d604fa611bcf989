"""Price tables: those that come along hold; a wrong one gets one message that names file, key and what to do."""

import pytest

from genocloud.costs.prices import BadPrices, find_prices, read_prices
from genocloud.shipped_files import PRICES

GOOD = {"currency": "EUR", "dated": "'2026-01-31'", "source": "an offer", "core_hour": 0.02, "memory_gb_hour": 0.001}
GOOD |= {"storage_gb_month": 0.01, "egress_gb": 0.1}


def written(folder, **changes) -> str:
    values = {key: value for key, value in (GOOD | changes).items() if value is not None}
    path = folder / "prices.yaml"
    path.write_text("".join(f"{key}: {value}\n" for key, value in values.items()))
    return str(path)


@pytest.mark.parametrize("name", ["onprem", "google", "aws", "azure"])
def test_tables_that_come_along_say_when_and_whence(name):
    prices = read_prices(find_prices(f"{name}.yaml", "/nowhere/config.yaml"))
    assert prices.dated.startswith("20")
    assert prices.source
    assert prices.core_hour > 0


def test_a_table_beside_the_config_comes_first(tmp_path):
    (tmp_path / "google.yaml").touch()
    assert find_prices("google.yaml", str(tmp_path / "config.yaml")) == str(tmp_path / "google.yaml")
    assert find_prices("aws.yaml", str(tmp_path / "config.yaml")) == str(PRICES / "aws.yaml")
    assert find_prices("gs://b/p.yaml", "config.yaml") == "gs://b/p.yaml"


def test_cores_memory_and_requests(tmp_path):
    prices = read_prices(written(tmp_path, write_requests_1000=0.005, read_requests_10000=0.004))
    assert prices.per_hour(10, 4e9) == pytest.approx(0.204)
    assert prices.requests(2000, 50_000) == pytest.approx(0.03)


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        ({"core_hour": "cheap"}, "core_hour", "One core for an hour"),
        ({"core_hour": -1}, "core_hour", "less than the minimum"),
        ({"core_hour": None}, "", "'core_hour' is a required property"),
        ({"dated": "2026-01-31"}, "dated", "YYYY-MM-DD in quotes"),
        ({"currency": "euro"}, "currency", "three capital letters"),
        ({"coffee": 2}, "", "the keys are currency"),
    ],
)
def test_a_wrong_table_is_one_clear_message(tmp_path, changes, place, words):
    url = written(tmp_path, **changes)
    with pytest.raises(BadPrices) as caught:
        read_prices(url)
    assert caught.value.place == place
    assert caught.value.exit_code == 5
    assert url in str(caught.value)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["a: [", "- 1", ""])
def test_what_is_no_table_is_said(tmp_path, text):
    path = tmp_path / "prices.yaml"
    path.write_text(text)
    with pytest.raises(BadPrices, match=r"prices\.yaml"):
        read_prices(str(path))


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(BadPrices, match="does not exist"):
        read_prices(str(tmp_path / "none.yaml"))


def test_a_mistyped_table_has_the_nearest_one_named(tmp_path):
    with pytest.raises(BadPrices, match=r"gogle.yaml: does not exist; .*; did you mean google.yaml\?"):
        read_prices(find_prices("gogle.yaml", str(tmp_path / "config.yaml")))
