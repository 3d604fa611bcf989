"""gnomAD's table of a run over two sites is that of one site; what a site lets out of its people, and what not."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from genocloud import steps
from genocloud.errors import GenocloudError
from genocloud.federation import Register, config_of, policies_of, read_policy
from genocloud.pipeline.hybrid import gnomad_tables
from genocloud.pipeline.hybrid.clients import LocationClient
from genocloud.pipeline.hybrid.location_tasks import UnusableLocation
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent
from genocloud.steps.hybrid import hybrid
from tests.support.hybrid_studies import Study, small, write_study
from tests.support.local_hybrid import Hybrid
from tests.support.site_policies import obeying

AWAY, LAB = "hospital", "lab"
CONTIGS = {"many": small("many", 3), "wild": 4}


class Table:
    """A study of two sites with labels of each, which its own policy file names."""

    def __init__(self, folder: Path, counts: Mapping[str, int], minimum: int = 1, **settings: Any) -> None:
        self.folder, self.minimum = folder, minimum
        self.study: Study = write_study(folder / "study", counts, CONTIGS, window_bp=400, **settings)

    def label(self, name: str, rows: Mapping[str, Sequence[str]]) -> str:
        """A table of labels: (sex, gen_anc, age) by sample."""
        path = self.folder / f"{name}.tsv"
        path.write_text("sample\tsex\tgen_anc\tage\n" + "".join("\t".join([k, *v]) + "\n" for k, v in rows.items()))
        return str(path)

    def run(
        self,
        labels: Mapping[str, str],
        out: str,
        policies: Mapping[str, str] | None = None,
        run: str = "run",
        unsigned: Sequence[str] = (),
    ) -> Any:
        """The receipt of a run with a table; `labels` by site."""
        config = self.study.config(run, policies or {AWAY: "stays", LAB: "stays"}, LAB)
        for site in (AWAY, LAB):
            file = self.study.policy_folder / f"{self.study.folder.name}-{run}-{site}.yaml"
            changes = {"labels": labels.get(site), "minimum_people": self.minimum, "gnomad_table": site not in unsigned}
            file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | changes))
        read_policy.cache_clear()  # as workers do that are started again
        with obeying(self.study.policy_folder):
            return hybrid(config, progress=Silent(), gnomad_table=str(self.folder / out))

    def groups(self, out: str) -> dict[str, int]:
        values = json.loads(pq.read_schema(self.folder / out).metadata[b"gnomad_globals"])
        return dict(zip(values["freq_index_dict"], values["freq_meta_sample_count"], strict=True))

    def register(self, run: str = "run") -> list[Any]:
        file = self.study.policy_folder / f"{self.study.folder.name}-{run}-{AWAY}.yaml"
        return Register(policies_of(str(file))[0]).entries()


def everybody(study: Study) -> dict[str, tuple[str, str, str]]:
    return {
        name: ("FM"[number % 2], ("afr", "eur", "")[number % 3], str(25 + 6 * number) if number % 5 else "")
        for number, name in enumerate(study.names)
    }


@pytest.mark.parametrize(
    "policies",
    [{AWAY: "stays", LAB: "stays"}, pytest.param({AWAY: "summaries", LAB: "may_leave"}, marks=pytest.mark.slow)],
)
def test_the_table_of_two_sites_is_that_of_one(tmp_path, policies):
    made = Table(tmp_path, {AWAY: 7, LAB: 5}, batch_size=3)
    rows = everybody(made.study)
    labels = {site: made.label(site, {name: rows[name] for name in made.study.people[site]}) for site in (AWAY, LAB)}
    receipt = made.run(labels, "two.parquet", policies)
    one = made.study.at_one_site()
    options = steps.TableOptions(labels_url=made.label("all", rows))
    steps.gnomad_table(one.url, f"{tmp_path}/one.parquet", options=options, scatter=Inline(), progress=Silent())
    two, single = (pq.read_table(tmp_path / name) for name in ("two.parquet", "one.parquet"))
    assert two.to_pylist() == single.to_pylist()
    assert (tmp_path / "two.parquet").read_bytes() == (tmp_path / "one.parquet").read_bytes()
    assert len(two)
    assert any(row["info"]["MQRankSum_cdf"]["items"] for row in two.to_pylist())
    crossed = {row["what"]: row for row in receipt.figures["crossings"] if row["from"] == AWAY}
    assert crossed["gnomad counts"]["messages"] >= 1
    assert crossed["gnomad groups"]["messages"] == 1
    balance = receipt.figures["gnomad_table"]["balance"]
    assert balance["taken"] == balance["kept"] + sum(balance["dropped"].values())
    assert not list(tmp_path.glob("*.parts"))
    assert made.run(labels, "again.parquet", policies)
    assert (tmp_path / "again.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


SPECIFIC = {"annotation_group": ["StandardAnnotation", "AS_StandardAnnotation"], "window_bp": 60_000, "batch_size": 2}


@pytest.mark.slow
def test_annotations_by_allele_are_those_of_one_site_too(tmp_path, gvcfs):
    tables = []
    for name, split in (("two", [gvcfs[:2], gvcfs[2:5]]), ("one", [gvcfs[:5]])):
        run = Hybrid(tmp_path / name, split, ["stays"] * len(split), options=SPECIFIC)
        config, out = run.config(), str(tmp_path / f"{name}.parquet")
        for policy in (run.folder / "policies").glob("*.yaml"):
            policy.write_text(policy.read_text() + "gnomad_table: true\n")
        read_policy.cache_clear()
        with obeying(run.folder / "policies"):
            hybrid(config, progress=Silent(), gnomad_table=out)
        tables.append(pq.read_table(out))
    assert tables[0].equals(tables[1])


@pytest.fixture(scope="module")
def attack(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """A hospital of eight people whose policy asks for three, and a lab of three."""
    return Table(tmp_path_factory.mktemp("gnomad"), {AWAY: 8, LAB: 3}, minimum=3)


def labelled(attack: Table, name: str, **columns: str) -> Mapping[str, str]:
    """Labels of the hospital's people, a letter each (ages in tens of years); - for none."""
    people = attack.study.people[AWAY]
    ends = {"sex": "", "gen_anc": "", "age": "0"}
    values = [["" if each == "-" else each + end for each in columns.get(c, "-" * 8)] for c, end in ends.items()]
    return {AWAY: attack.label(name, dict(zip(people, zip(*values, strict=True), strict=True)))}


def test_a_group_of_one_and_its_complement_are_not_released(attack):
    attack.run(labelled(attack, "alone", gen_anc="aaaaaaab"), "alone.parquet")
    assert attack.groups("alone.parquet") == {"adj": 11, "raw": 11}
    assert len(attack.register()) == 2  # the beginning, and everybody


def test_two_labels_that_differ_by_one_person_are_released_once(attack):
    attack.run(labelled(attack, "first", gen_anc="aaaabbbb"), "first.parquet")
    assert attack.groups("first.parquet") == {"adj": 11, "raw": 11, "a_adj": 4, "b_adj": 4, "remaining_adj": 3}
    noted = len(attack.register())
    attack.run(labelled(attack, "second", gen_anc="aaaaabbb"), "second.parquet")
    assert attack.groups("second.parquet") == {"adj": 11, "raw": 11}
    attack.run(labelled(attack, "third", gen_anc="aaabaabb"), "third.parquet")  # from which a pair could be subtracted
    assert attack.groups("third.parquet") == {"adj": 11, "raw": 11}
    assert len(attack.register()) == noted
    attack.run(labelled(attack, "again", gen_anc="cccceeee"), "again.parquet")  # the same sets by other words
    assert attack.groups("again.parquet")["c_adj"] == 4


def test_ages_do_not_single_out_who_a_group_does_not(attack):
    attack.run(labelled(attack, "ages", age="44444449"), "ages.parquet")
    values = json.loads(pq.read_schema(attack.folder / "ages.parquet").metadata[b"gnomad_globals"])
    assert not any(values["age_distribution"]["bin_freq"])
    assert values["age_distribution"]["n_smaller"] == values["age_distribution"]["n_larger"] == 0


def test_a_site_that_has_not_signed_it_is_named_before_anything_is_computed(attack):
    with pytest.raises(
        UnusableLocation, match=r"site hospital: .*gnomad groups does not leave the site; .*gnomad_table: true"
    ):
        attack.run({}, "unsigned.parquet", unsigned=[AWAY], run="unsigned")
    assert not (attack.study.folder / "unsigned" / AWAY / "cohort").exists()


def test_the_coordinator_names_no_labels(attack):
    """Neither the config nor the sheet says who is in which group: only the site's policy file does."""
    config = attack.study.config("run", {AWAY: "stays", LAB: "stays"}, LAB)
    sites = {each.name: {"store": each.store, "workers": "inline", "policy": "stays"} for each in config.sites}
    sites[AWAY]["labels"] = str(attack.folder / "first.tsv")
    with pytest.raises(GenocloudError, match="labels"):
        config_of({"samples": "s.tsv", "reference": "r.fa", "sites": sites, "coordinator": LAB})


@pytest.mark.parametrize("change", [{"groups": (("a", ""),)}, {"sites": "0" * 64}])
def test_a_request_of_other_groups_or_sites_is_refused(attack, monkeypatch, change):
    attack.run(labelled(attack, "plain"), "plain.parquet")
    submit = LocationClient.submit

    def other(client: LocationClient, function: Any, tasks: Sequence[Any], *rest: Any, **more: Any) -> list[Any]:
        if client.name == AWAY and function is gnomad_tables.send_counts:
            tasks = [replace(task, **change) for task in tasks]
        return submit(client, function, tasks, *rest, **more)

    monkeypatch.setattr(LocationClient, "submit", other)
    with pytest.raises(GenocloudError):
        attack.run(labelled(attack, "plain"), "refused.parquet")
    assert not (attack.folder / "refused.parquet").exists()
