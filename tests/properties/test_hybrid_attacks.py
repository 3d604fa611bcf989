"""Attacks on a site from a coordinator's config and sheet: what its own policy does not cover does not leave it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from genocloud import callset, steps
from genocloud.cohort import open_cohort
from genocloud.errors import GenocloudError
from genocloud.federation import NotCovered, OtherPolicy, Register, TooFew, config_of
from genocloud.pipeline.hybrid.clients import LocationClient
from genocloud.pipeline.hybrid.location_tasks import UnusableLocation
from genocloud.scatter.progress import Silent
from genocloud.steps.hybrid import hybrid
from tests.support.hybrid_studies import Study, small, write_study
from tests.support.site_policies import obeying, write_policy

AWAY, COORDINATOR = "hospital", "lab"
MINIMUM = 3
CONTIGS = {"many": small("many", 3)}


class Attack:
    """A hospital under `stays` whose policy asks for MINIMUM people, and a lab that coordinates what it likes."""

    def __init__(self, folder: Path) -> None:
        self.study: Study = write_study(folder / "study", {AWAY: 8, COORDINATOR: 1}, CONTIGS, window_bp=400)
        self.folder, self.policies = folder, folder / "policies"
        inputs = [str(folder / "study")]
        self.policy = write_policy(
            self.policies / "hospital.yaml", AWAY, [f"{folder}/hospital"], inputs, minimum_people=MINIMUM,
            coordinates=False,
        )  # fmt: skip
        write_policy(self.policies / "lab.yaml", COORDINATOR, [f"{folder}/lab"], inputs)

    @property
    def people(self) -> Sequence[str]:
        return self.study.people[AWAY]

    def run(
        self,
        people: Sequence[str],
        name: str = "run",
        *,
        rename: Callable[[str], str] = str,
        gvcf: Callable[[str], Path] | None = None,
        column: Callable[[str], str] = lambda _: "",
        site: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        """A run over some of the hospital's people, into stores of a name."""
        path = gvcf or self.study.gvcf
        rows = [f"{rename(one)}\t{path(one)}\t{AWAY}\t{column(one)}\n" for one in people]
        (one,) = self.study.people[COORDINATOR]
        rows.append(f"{one}\t{self.study.gvcf(one)}\t{COORDINATOR}\t\n")
        sheet = self.folder / "sheet.tsv"
        sheet.write_text("".join(["sample\tgvcf\tsite\tname_in_gvcf\n", *rows]))
        sites = {
            each: {"store": f"{self.folder}/{each}/{name}", "workers": "inline", "policy": "stays"}
            for each in (AWAY, COORDINATOR)
        }
        sites[AWAY] |= site or {}
        values = {"samples": str(sheet), "reference": str(self.study.folder / "ref.fa"), "sites": sites}
        config = config_of({**values, "coordinator": COORDINATOR, "window_bp": 400, **settings})
        with obeying(self.policies):
            hybrid(config, progress=Silent())

    def refused(
        self, error: type[GenocloudError], said: str, people: Sequence[str], name: str = "run", **more: Any
    ) -> None:
        """Nothing of the run comes to be at the coordinator; the hospital has answered for nobody more."""
        before = len(Register(self.policy).entries())
        with pytest.raises(GenocloudError, match=said) as caught:
            self.run(people, name, **more)
        assert isinstance(caught.value, (error, UnusableLocation))
        assert len(Register(self.policy).entries()) == before

    def remove(self, name: str, *people: str) -> None:
        """The hospital itself takes people out of a cohort."""
        steps.remove(f"{self.folder}/hospital/{name}/cohort", people)


@pytest.fixture(scope="module")
def attack(tmp_path_factory: pytest.TempPathFactory) -> Attack:
    """After a first answer for five people, in the stores `run`."""
    made = Attack(tmp_path_factory.mktemp("attack"))
    made.run(made.people[:5])
    return made


NEAR = "differ by fewer than 3"


def test_one_who_is_added_does_not_leave_by_subtraction(attack: Attack) -> None:
    attack.refused(TooFew, NEAR, attack.people[:6])
    attack.remove("run", attack.people[5])
    attack.run(attack.people[:5])  # as before: nothing new leaves


def test_one_who_is_left_out_does_not_either(attack: Attack) -> None:
    attack.refused(TooFew, NEAR, attack.people[:4], "removal")
    attack.refused(TooFew, NEAR, attack.people[1:6], "exchange")


def test_one_alone_is_refused_whatever_the_rows_are_called(attack: Attack) -> None:
    attack.refused(TooFew, "of fewer than 3 people", attack.people[7:], "alone")


def test_other_names_are_the_same_people(attack: Attack) -> None:
    attack.refused(TooFew, NEAR, attack.people[:6], "renamed", rename=lambda one: f"x{one[-6:]}", column=str)
    attack.refused(TooFew, NEAR, attack.people[:6], "chosen", column=str)  # another fingerprint, same file


def test_another_coordinator_callset_or_interval_is_the_same_site(attack: Attack) -> None:
    attack.refused(TooFew, NEAR, attack.people[:6], "other_coordinators_store")
    for start in (1, 37):
        where = {"intervals": [f"many:{start}-{start + 35}"]}
        attack.refused(TooFew, NEAR, attack.people[:6], f"split{start}", **where)
    attack.refused(TooFew, NEAR, attack.people[:6], "windows", window_bp=150, batch_size=1)


def test_an_earlier_version_of_the_cohort_is_compared_too(attack: Attack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The coordinator names the version that tasks open: each is held to the register before it is read."""
    name = "versions"
    attack.run(attack.people[:5], name)
    attack.refused(TooFew, NEAR, attack.people[:6], name)
    later = open_cohort(f"{attack.folder}/hospital/{name}/cohort").version
    attack.remove(name, attack.people[5])
    submit = LocationClient.submit

    def other_version(
        client: LocationClient, function: Any, tasks: Sequence[Any], *rest: Any, **more: Any
    ) -> list[Any]:
        if client.name == AWAY and function.__name__ in ("discovery_needs", "finished"):
            tasks = [replace(task, context=replace(task.context, version=later)) for task in tasks]
        return submit(client, function, tasks, *rest, **more)

    monkeypatch.setattr(LocationClient, "submit", other_version)
    attack.refused(TooFew, NEAR, attack.people[:5], name)


def test_a_new_store_is_no_new_policy(attack: Attack) -> None:
    typo = {"store": f"{attack.folder}/hospitol/run", "policy": "may_leave"}
    attack.refused(NotCovered, "does not cover this store", attack.people[:5], site=typo)
    assert not (attack.folder / "hospitol").exists()
    other = {"store": f"{attack.folder}/hospital/new", "policy": "may_leave"}
    attack.refused(OtherPolicy, r"the site's own policy is stays \(.*hospital.yaml\)", attack.people[:5], site=other)
    assert not (attack.folder / "hospital/new").exists()


def test_files_outside_are_refused_before_they_are_looked_at(attack: Attack, tmp_path: Path) -> None:
    said = "the site's policy file does not cover this|site hospital's policy file does not cover this"
    for path in (tmp_path / "none.g.vcf.gz", Path("/etc/passwd")):
        attack.refused(NotCovered, said, attack.people[:5], "files", gvcf=lambda _, path=path: path)
        attack.refused(NotCovered, said, attack.people[:5], "files", site={"reference": str(path)})
    assert not (attack.folder / "hospital/files/cohort").exists()


def test_who_only_says_to_be_at_the_site_is_refused(attack: Attack) -> None:
    attack.refused(
        GenocloudError, "runs are coordinated here, the site's policy file", attack.people[:5], coordinator=AWAY
    )


def test_without_a_policy_file_nothing_leaves(attack: Attack, tmp_path: Path) -> None:
    kept = attack.policies
    try:
        attack.policies = tmp_path / "policies"
        attack.policies.mkdir()
        attack.refused(GenocloudError, "no policy file", attack.people[:5])
        (attack.policies / "lab.yaml").write_text((kept / "lab.yaml").read_text())
        attack.refused(NotCovered, "does not cover this store", attack.people[:5])
    finally:
        attack.policies = kept


def test_an_exception_lets_one_set_out(attack: Attack) -> None:
    with pytest.raises(TooFew) as caught:
        attack.run(attack.people[:6], "exception")
    Register(attack.policy).allow(caught.value.code, "A. Owner", "the person agreed")
    attack.run(attack.people[:6], "exception")
    attack.refused(TooFew, NEAR, attack.people[:7], "exception")


def test_entries_that_cross_name_no_checksum_of_genotypes(attack: Attack) -> None:
    made = callset.open_callset(f"{attack.folder}/lab/run/callset")
    away = {batch for batch, place in made.description.stores.items() if place.site == AWAY}
    files = [file for shard in made.shards for batch in away for each in shard.genotypes[batch] for file in each.tables]
    assert files
    assert all((file.rows, file.bytes, file.sha256, file.seal) == (0, 0, "", "") for file in files)
    assert not any(shard.shares.keys() & away for shard in made.shards)


def test_the_receipt_says_which_file_decides(attack: Attack, capsys: pytest.CaptureFixture[str]) -> None:
    from genocloud.cli import main

    attack.run(attack.people[:5])
    with obeying(attack.policies):
        config = attack.folder / "config.yaml"
        config.write_text(
            f"samples: {attack.folder}/sheet.tsv\nreference: {attack.study.folder}/ref.fa\n"
            "coordinator: lab\nwindow_bp: 400\nsites:\n"
            f"  hospital: {{store: {attack.folder}/hospital/run, workers: inline, policy: stays}}\n"
            f"  lab: {{store: {attack.folder}/lab/run, workers: inline, policy: stays}}\n"
        )
        assert main(["hybrid", str(config), "--receipt", "-"]) == 0
    captured = capsys.readouterr()
    assert f"genocloud: site lab: stays, of at least 1 people; decided by {attack.policies}/lab.yaml" in captured.err
    assert (
        f"site hospital: stays, of at least 3 people; decided by {attack.policies}/hospital.yaml, signed"
        in captured.out
    )
