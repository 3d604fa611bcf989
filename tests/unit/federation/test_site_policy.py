"""A site's policy file decides: which stores and files are served, what leaves; nothing that is sent can widen it."""

from pathlib import Path

import pytest

from genocloud.federation import (
    BadPolicyFile,
    NoPolicy,
    NotCoordinator,
    NotCovered,
    OtherPolicy,
    OtherSite,
    TransferDenied,
    claim_store,
    is_below,
    policies_of,
    policy_for,
    read_policy,
    released,
)
from genocloud.federation.site_policy import policy_of_values
from genocloud.schema import SUMMARY
from tests.support.site_policies import write_policy

PROFILES = Path(__file__).resolve().parents[3] / "profiles"
GOOD = {"site": "hospital", "signed_off": "A. Owner, 2026-11-29", "stores": ["/data/study"], "policy": "may_leave"}


@pytest.mark.parametrize(
    ("url", "covered"),
    [
        ("ROOT/study", True),
        ("ROOT/study/", True),
        ("ROOT/study/deep/store", True),
        ("file://ROOT/study/store", True),
        ("ROOT/study2", False),  # another folder whose name begins alike
        ("ROOT/study/../secret", False),
        ("file://ROOT/study/%2e%2e/secret", False),
        ("ROOT/study/link/x", False),  # a link that leads out of it
        ("ROOT", False),
        ("study", False),
        ("gs://bucket/study/a", True),
        ("gs://bucket/study", True),
        ("gs://bucket/study2", False),
        ("gs://bucket/study/../secret", False),
        ("gs://bucket/study//a", False),
        ("gs://bucket/study/a?generation=1", False),
        ("GS://bucket/study/a", False),
        ("s3://bucket/study/a", False),
        ("https://bucket/study/a", False),
        ("", False),
    ],
)
def test_what_lies_below_a_folder_is_recognised_by_where_it_leads(tmp_path: Path, url: str, covered: bool) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "study/link").symlink_to(tmp_path / "secret")
    roots = [f"{tmp_path}/study", "gs://bucket/study/"]
    assert is_below(url.replace("ROOT", str(tmp_path)), roots) is covered


def test_a_store_of_another_path_is_not_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The typo by which a hospital's genotypes left: a new path had no policy yet."""
    write_policy(tmp_path / "p.yaml", "hospital", [f"{tmp_path}/study"], [])
    monkeypatch.setenv("GENOCLOUD_POLICY", str(tmp_path / "p.yaml"))
    assert policy_for(f"{tmp_path}/study").policy == "stays"
    with pytest.raises(NotCovered, match=r"studi: site hospital's policy file does not cover this store; correct"):
        policy_for(f"{tmp_path}/studi")
    with pytest.raises(NotCovered):  # nobody writes into the register itself
        policy_for(f"{tmp_path}/p-register/x")


def test_what_lies_in_the_store_widens_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_policy(tmp_path / "p.yaml", "hospital", [f"{tmp_path}/study"], [])
    monkeypatch.setenv("GENOCLOUD_POLICY", str(tmp_path / "p.yaml"))
    store = tmp_path / "study"
    for text in (None, '{"site": "hospital", "policy": "may_leave"}', "damaged"):
        if text:
            (store / "policy.json").write_text(text)
        with pytest.raises(
            TransferDenied, match="its policy is stays, under which summary does not leave the site; that"
        ):
            released(str(store), "summary", SUMMARY.empty_table())
    write_policy(tmp_path / "q.yaml", "hospital", [f"{tmp_path}/study"], [], "summaries")
    monkeypatch.setenv("GENOCLOUD_POLICY", str(tmp_path / "q.yaml"))
    assert released(str(store), "summary", SUMMARY.empty_table()).kind == "summary"
    with pytest.raises(TransferDenied):
        released(str(store), "genotypes", SUMMARY.empty_table())


def test_workers_keep_to_the_file_that_they_read_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_policy(tmp_path / "p.yaml", "hospital", [f"{tmp_path}/study"], [])
    monkeypatch.setenv("GENOCLOUD_POLICY", str(tmp_path / "p.yaml"))
    policy_for(f"{tmp_path}/study")
    write_policy(tmp_path / "p.yaml", "hospital", [f"{tmp_path}/study"], [], "may_leave")
    assert policy_for(f"{tmp_path}/study").policy == "stays"
    (tmp_path / "p.yaml").unlink()
    assert policy_for(f"{tmp_path}/study").policy == "stays"


def test_without_a_file_or_with_a_bad_one_nothing_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GENOCLOUD_POLICY", raising=False)
    with pytest.raises(NoPolicy):
        policy_for(str(tmp_path))
    monkeypatch.setenv("GENOCLOUD_POLICY", str(tmp_path / "none.yaml"))
    with pytest.raises(
        BadPolicyFile, match=r"none\.yaml: cannot be read \(No such file or directory\); check the path"
    ):
        policy_for(str(tmp_path))
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadPolicyFile, match="no policy file"):
        policies_of(str(tmp_path / "folder"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"policy": "all"}, r"policy: 'all' is not one of \['stays', 'summaries', 'may_leave'\]; What may leave"),
        ({"signed_off": None}, "'signed_off' is a required property"),
        ({"stores": []}, "stores: .*; A list of the folders"),
        ({"stores": ["study"]}, "stores: 'study' is no full path; give it from / on, or as a URL"),
        ({"inputs": ["gs://b/../c"]}, "inputs: 'gs://b/../c' is no full path"),
        ({"store": "/x"}, "'store' was unexpected.*; the keys are site, signed_off, stores"),
        ({"minimum_people": 0}, "minimum_people: 0 is less than the minimum"),
        ({"policy": "stays"}, "register: is missing; under `stays` say in which folder"),
    ],
)
def test_a_bad_file_is_one_clear_error(changes: dict[str, object], said: str) -> None:
    values = {key: value for key, value in (GOOD | changes).items() if value is not None}
    with pytest.raises(BadPolicyFile, match=said) as caught:
        policy_of_values("p.yaml", values)
    assert caught.value.exit_code == 5
    assert "\n" not in str(caught.value)


def test_a_policy_needs_its_keys_in_a_mapping() -> None:
    with pytest.raises(BadPolicyFile, match=r"p\.yaml: \['x'\] is not of type 'object'; the keys are site"):
        policy_of_values("p.yaml", ["x"])


def test_the_config_is_held_to_it() -> None:
    policy = policy_of_values("p.yaml", GOOD)
    policy.check("hospital", "/data/study", "may_leave", is_coordinator=False)
    with pytest.raises(OtherSite, match="the store of the site hospital, which the config gives to cloud"):
        policy.check("cloud", "/data/study", "may_leave", is_coordinator=False)
    with pytest.raises(OtherPolicy, match=r"the site's own policy is may_leave \(p.yaml\), the config says stays"):
        policy.check("hospital", "/data/study", "stays", is_coordinator=False)
    with pytest.raises(NotCoordinator, match="`coordinates: true`"):
        policy.check("hospital", "/data/study", "may_leave", is_coordinator=True)
    assert str(policy) == "site hospital: may_leave; decided by p.yaml, signed off by A. Owner, 2026-11-29"


def test_files_outside_are_refused_alike_whether_they_exist_or_not(tmp_path: Path) -> None:
    (tmp_path / "there.fa").touch()
    policy = policy_of_values("p.yaml", GOOD)
    said = set()
    for name in ("there.fa", "none.fa"):
        with pytest.raises(NotCovered) as caught:
            policy.check_input("reference", f"{tmp_path}/{name}")
        said.add(str(caught.value).replace(name, ""))
    assert len(said) == 1


def test_a_store_is_of_one_site(tmp_path: Path) -> None:
    claim_store(str(tmp_path), "alpha")
    claim_store(str(tmp_path), "alpha")
    with pytest.raises(OtherSite, match="the store of the site alpha, which the config gives to beta"):
        claim_store(str(tmp_path), "beta")
    (tmp_path / "site.json").write_text("damaged")
    with pytest.raises(OtherSite):
        claim_store(str(tmp_path), "alpha")


def test_two_files_for_one_store_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("alpha", "beta"):
        write_policy(tmp_path / "policies" / f"{name}.yaml", name, [f"{tmp_path}/store"], [], "may_leave")
    monkeypatch.setenv("GENOCLOUD_POLICY", str(tmp_path / "policies"))
    with pytest.raises(OtherSite, match=r"the store of the site alpha, which .*beta.yaml gives to beta"):
        policy_for(f"{tmp_path}/store")


def test_the_example_is_sound() -> None:
    policy = read_policy(str(PROFILES / "hybrid/policy.yaml"))
    assert (policy.site, policy.policy, policy.minimum_people, policy.coordinates) == ("hospital", "stays", 20, True)
