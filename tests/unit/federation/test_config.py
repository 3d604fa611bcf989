"""A config over several sites is checked before anything is read: one message, which says where and what to do."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from genocloud.cohort import open_cohort
from genocloud.errors import GenocloudError
from genocloud.federation import BadConfig, config_of, read_config
from genocloud.scatter.progress import Silent
from genocloud.steps.hybrid import hybrid
from tests.conftest import DATA
from tests.support.site_policies import write_policy

REFERENCE = str(DATA / "reference.fa")


@pytest.fixture(autouse=True)
def policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Policy files of both sites, for small samples."""
    for name in ("alpha", "beta"):
        stores = [f"{tmp_path}/{name}", f"{tmp_path}/file/{name}"]
        write_policy(tmp_path / "policies" / f"{name}.yaml", name, stores, [str(DATA), str(tmp_path)])
    monkeypatch.setenv("GENOCLOUD_POLICY", str(tmp_path / "policies"))


def sites(folder: Path, **more: Any) -> dict[str, Any]:
    """Two sound sites, with other values for some keys of the second."""
    return {
        "alpha": {"store": f"{folder}/alpha", "workers": "threads:1", "policy": "stays"},
        "beta": {"store": f"{folder}/beta", "workers": "threads:1", "policy": "stays", **more},
    }


def values(folder: Path, **more: Any) -> dict[str, Any]:
    rows = "".join(
        f"{name}\t{DATA}/gvcf/{name}.g.vcf.gz\t{site}\n" for name, site in (("p07", "alpha"), ("p08", "beta"))
    )
    (folder / "samples.tsv").write_text("sample\tgvcf\tsite\n" + rows)
    settings = {"samples": str(folder / "samples.tsv"), "reference": REFERENCE, "coordinator": "alpha"}
    return {**settings, "sites": sites(folder), **more}


BAD = [
    ({"coordinator": "gamma"}, r"coordinator: 'gamma' is no site; name one of alpha, beta"),
    ({"coordinator": "alhpa"}, r"name one of alpha, beta; did you mean alpha\?"),
    ({"deepvariant_model": "WGSS"}, r"did you mean WGS\?"),
    ({"coordinator": ""}, r"coordinator: no site is said to coordinate; name one of"),
    ({"batchsize": 3}, r"batchsize.* was unexpected.*; the keys are"),
    ({"batch_size": 0}, r"batch_size: 0 is less than the minimum"),
]
BAD_SITES = [
    ({"policy": "mostly"}, r"sites.beta.policy: 'mostly' is not one of \['stays', 'summaries', 'may_leave'\]; "),
    ({"policy": "stay"}, r"sites.beta.policy: .*; did you mean stays\?"),
    ({"stores": "/x"}, r"sites.beta: .*'stores' was unexpected.*; the keys are store, workers, policy"),
    ({"store": "study"}, r"sites.beta: store 'study' is no full path; give one from / on, or a URL"),
    ({"store": None}, r"sites.beta.store: None is not of type 'string'; "),
]


@pytest.mark.parametrize(("more", "said"), BAD)
def test_what_is_wrong_is_said_with_its_place(tmp_path, more, said):
    with pytest.raises(BadConfig, match=said) as caught:
        config_of(values(tmp_path, **more))
    assert caught.value.exit_code == 5


@pytest.mark.parametrize(("more", "said"), BAD_SITES)
def test_what_is_wrong_with_a_site_is_said_with_its_place(tmp_path, more, said):
    with pytest.raises(BadConfig, match=said):
        config_of(values(tmp_path, sites=sites(tmp_path, **more)))


def test_two_sites_do_not_share_a_store(tmp_path):
    shared = sites(tmp_path, store=f"{tmp_path}/alpha/")
    with pytest.raises(BadConfig, match=r"sites.beta: has the store of alpha, .*; give each site a store of its own"):
        config_of(values(tmp_path, sites=shared))


def test_a_key_that_is_missing_and_what_is_no_yaml_are_said(tmp_path):
    with pytest.raises(BadConfig, match="'policy' is a required property"):
        config_of(values(tmp_path, sites={"alpha": {"store": "/a", "workers": "inline"}}))
    (tmp_path / "config.yaml").write_text("samples: [")
    with pytest.raises(BadConfig, match=r"config.yaml: not YAML"):
        read_config(str(tmp_path / "config.yaml"))


def test_a_config_without_sites_has_one():
    settings = config_of({"samples": "s.tsv", "reference": "ref.fa", "cohort": "/study/cohort"})
    assert [(site.name, site.store) for site in settings.sites] == [("here", "/study")]


def other_reference(folder: Path) -> dict[str, Any]:
    for suffix in ("fa", "fa.fai"):
        text = (DATA / f"reference.{suffix}").read_text()
        (folder / f"other.{suffix}").write_text(text.replace("chr2", "chrB"))
    return sites(folder, reference=str(folder / "other.fa"))


def unwritable(folder: Path) -> dict[str, Any]:
    shutil.rmtree(folder / "file")
    (folder / "file").write_text("no folder")
    return sites(folder, store=f"{folder}/file/beta")


def no_scheduler(folder: Path) -> dict[str, Any]:
    return sites(folder, workers="tcp://127.0.0.1:9")


def no_such_workers(folder: Path) -> dict[str, Any]:
    return sites(folder, workers="ssh://somewhere")


def unknown_store(folder: Path) -> dict[str, Any]:
    return sites(folder, store="ftp://somewhere/study")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (other_reference, r"site beta: its reference is sha256:.*, the coordinator's is sha256:.*; give beta the same"),
        (unwritable, r"file/beta.*; "),
        (no_scheduler, r"sites.beta.workers: no Dask scheduler"),
        (no_such_workers, r"sites.beta.workers: scatter 'ssh://somewhere' is none of"),
        (unknown_store, r"ftp://somewhere/study: the site's policy file does not cover this store"),
    ],
)
def test_a_site_that_cannot_be_used_is_said_before_any_gvcf_is_read(tmp_path, monkeypatch, wrong, said):
    monkeypatch.setattr("genocloud.scatter.deploy.dask_clusters.CONNECT_SECONDS", 1)
    config = config_of(values(tmp_path, sites=wrong(tmp_path)))
    with pytest.raises(GenocloudError, match=said) as caught:
        hybrid(config, progress=Silent())
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "alpha" / "cohort").exists()


def test_a_sample_at_an_unknown_site_is_said_with_its_line(tmp_path):
    config = config_of(values(tmp_path))
    sheet = tmp_path / "samples.tsv"
    sheet.write_text(sheet.read_text().replace("\tbeta", "\tgamma"))
    with pytest.raises(
        GenocloudError, match=r"line 3: sample p08 lies at the site 'gamma', .*; its sites are alpha, beta"
    ):
        hybrid(config, progress=Silent())


@pytest.mark.slow
def test_a_cohort_of_another_layout_is_said(tmp_path):
    hybrid(config_of(values(tmp_path, window_bp=60_000)), progress=Silent())
    assert len(open_cohort(str(tmp_path / "beta" / "cohort")).samples) == 1
    with pytest.raises(
        GenocloudError, match=r"cohort's part_bp and window_bp is \(10000000, 60000\), the coordinator's"
    ):
        hybrid(config_of(values(tmp_path, window_bp=70_000)), progress=Silent())
