"""Aliases in YAML files: taken where they are few, refused where they stand for more than memory holds."""

import pytest
import yaml

from genocloud.costs.prices import read_prices
from genocloud.errors import GenocloudError
from genocloud.federation import read_config
from genocloud.federation.site_policy import read_policy
from genocloud.yaml_text import load_yaml

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30)
)


@pytest.mark.parametrize("read", [read_config, read_policy, read_prices])
@pytest.mark.parametrize("text", [BOMB, "a: &a [*a]\n", "a: " + "[" * 500])
def test_a_bomb_is_refused_with_the_name_of_its_file(read, text, tmp_path):
    file = tmp_path / "bomb.yaml"
    file.write_text(text)
    with pytest.raises(GenocloudError, match=r"bomb\.yaml.*(aliases stand for more|nested too deeply)") as refused:
        read(str(file))
    assert refused.value.exit_code in (3, 5)
    assert len(str(refused.value)) < 500


def test_few_aliases_are_taken():
    assert load_yaml("a: &a [1, 2]\nb: *a\nc: {<<: {d: *a}}\n") == {"a": [1, 2], "b": [1, 2], "c": {"d": [1, 2]}}


def test_as_many_values_as_may_be(monkeypatch):
    monkeypatch.setattr("genocloud.yaml_text.MOST_VALUES", 4)
    assert load_yaml("[1, 2, 3]") == [1, 2, 3]
    with pytest.raises(yaml.YAMLError, match="more than 4 values"):
        load_yaml("[1, 2, 3, 4]")
