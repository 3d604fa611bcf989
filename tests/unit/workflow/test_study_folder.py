"""A new study folder has a config that holds, and its run is Snakemake's with all options passed on."""

import sys
from collections import Counter

import pytest
import yaml

from genocloud.cli import main
from genocloud.federation import checked_values
from genocloud.shipped_files import FILES, SCHEMAS, profile_names
from genocloud.storage import StoreFailed
from genocloud.storage.local import LocalStore
from genocloud.workflow.study_folder import StudyExists, config_text, snakemake_command, write_study
from genocloud.yaml_schema import read_schema

SCHEMA = read_schema(SCHEMAS / "config.schema.yaml")


def test_the_config_has_every_key_with_its_default_behind_a_comment_sign():
    text = config_text(SCHEMA)
    assert yaml.safe_load(text) == {"samples": "samples.tsv", "reference": "/path/to/reference.fa"}
    uncommented = "\n".join(line.removeprefix("#") for line in text.splitlines() if not line.startswith("# "))
    whole = yaml.safe_load(uncommented)
    assert whole.keys() == SCHEMA["properties"].keys()
    assert checked_values("config.yaml", whole) == checked_values("config.yaml", yaml.safe_load(text))


@pytest.mark.parametrize("profile", profile_names())
def test_a_study_folder_has_config_sheet_and_profile(tmp_path, capsys, profile):
    assert main(["workflow", "init", str(tmp_path / "study"), "--profile", profile]) == 0
    assert f"genocloud workflow run {tmp_path}/study --dry-run" in capsys.readouterr().err
    assert {file.name for file in (tmp_path / "study").iterdir()} == {"config.yaml", "samples.tsv", "profile"}
    shipped = (FILES / "profiles" / profile / "config.yaml").read_bytes()
    assert (tmp_path / "study/profile/config.yaml").read_bytes() == shipped


def test_a_demo_has_all_that_its_config_names(tmp_path, capsys):
    assert main(["workflow", "init", str(tmp_path), "--demo", "--profile", "slurm"]) == 0
    assert f"genocloud workflow run {tmp_path}\n" in capsys.readouterr().err
    config = yaml.safe_load((tmp_path / "config.yaml").read_text())
    assert all((tmp_path / config[key]).is_file() for key in ("samples", "reference", "pedigree"))
    sheet = tmp_path / config["samples"]
    rows = [line.split("\t") for line in sheet.read_text().splitlines()[1:]]
    assert len(rows) == 14
    for _, reads, gvcf, _ in rows:
        assert (sheet.parent / (reads or gvcf)).is_file()
    assert not list(tmp_path.rglob("*.py"))
    assert main(["workflow", "init", str(tmp_path), "--demo"]) == 5


def test_nothing_is_overwritten_and_nothing_half_written(tmp_path, capsys):
    (tmp_path / "samples.tsv").write_text("mine")
    with pytest.raises(StudyExists) as refused:
        write_study(tmp_path, "local")
    assert refused.value.file == tmp_path / "samples.tsv"
    assert [file.name for file in tmp_path.iterdir()] == ["samples.tsv"]
    assert main(["workflow", "init", str(tmp_path)]) == 5
    assert "exists already, and is not overwritten" in capsys.readouterr().err


def test_a_file_in_the_place_of_a_folder_is_refused_before_anything_is_written(tmp_path, capsys):
    (tmp_path / "profile").write_text("mine")
    for folder in (tmp_path, tmp_path / "profile", tmp_path / "profile/study"):
        assert main(["workflow", "init", str(folder)]) == 5
        assert f"'{tmp_path}/profile' is a file" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["profile"]
    assert main(["workflow", "run", str(tmp_path / "profile")]) == 5
    assert f"'{tmp_path}/profile' is a file" in capsys.readouterr().err


def test_a_study_that_cannot_be_written_whole_leaves_nothing(tmp_path, monkeypatch):
    create = LocalStore.create

    def full(store, name, data):
        if name.startswith("profile"):
            raise StoreFailed(name, "no space left", "make room")
        create(store, name, data)

    monkeypatch.setattr(LocalStore, "create", full)
    with pytest.raises(StoreFailed):
        write_study(tmp_path, "local")
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


@pytest.mark.parametrize(
    ("name", "problem"), [("gs://bucket/study", "is a URL"), ("file:///study", "is a URL"), ("", "is no name")]
)
@pytest.mark.parametrize("action", ["init", "run"])
def test_a_study_is_a_folder_of_this_machine(tmp_path, monkeypatch, capsys, action, name, problem):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.execv", lambda program, command: None)
    assert main(["workflow", action, name]) == 5
    assert f"{name!r} {problem}; name a folder of this machine" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_next_command_is_as_a_shell_takes_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["workflow", "init", "my study"]) == 0
    assert capsys.readouterr().err.endswith("then: genocloud workflow run 'my study' --dry-run\n")


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path / "study", "slurm")
    return tmp_path / "study"


def started(monkeypatch, *words):
    """Snakemake's words in the process that `genocloud workflow run` becomes."""
    commands = []
    monkeypatch.setattr("os.execv", lambda program, command: commands.append((program, command)))
    assert main(["workflow", "run", *words]) == 0
    program, command = commands[0]
    assert (program, command[:4]) == (
        sys.executable,
        [sys.executable, "-m", "snakemake", "--snakefile"],
    )
    assert command[4] == str(FILES / "Snakefile")
    return command[5:]


def test_snakemake_gets_the_folder_its_profile_and_all_options(study, monkeypatch):
    own = ["--workflow-profile", str(study / "profile")]
    options = ["--cores", "4", "-n", "--config", "caller=gatk", "-v", "--help"]
    assert started(monkeypatch, "study", *options) == ["--directory", "study", *own, *options]
    monkeypatch.chdir(study)
    assert started(monkeypatch, *options) == ["--directory", ".", *own, *options]
    assert started(monkeypatch) == ["--directory", ".", *own]


@pytest.mark.parametrize("words", [["--workflow-profile", "other"], ["--workflow-profile=other"]])
def test_a_workflow_profile_that_is_named_takes_the_place_of_the_studys(study, monkeypatch, words):
    (study.parent / "other").mkdir()
    named = ["--workflow-profile", str(study.parent / "other")]
    assert started(monkeypatch, "study", *words) == ["--directory", "study", *named]


@pytest.mark.parametrize("words", [["--profile", "other"], ["--profile=other"]])
def test_another_profile_leaves_the_studys_in_place(study, monkeypatch, words):
    (study.parent / "other").mkdir()
    own = ["--workflow-profile", str(study / "profile")]
    named = ["--profile", str(study.parent / "other")]
    assert started(monkeypatch, "study", *words) == ["--directory", "study", *own, *named]


def test_a_name_that_is_no_folder_stays_as_it_is(study):
    words = ["--workflow-profile", "none", "--config", "vcf=a.bcf"]
    assert snakemake_command("study", words)[-4:] == words


def test_a_folder_that_does_not_exist_is_not_made(tmp_path, capsys):
    assert main(["workflow", "run", str(tmp_path / "no"), "--dry-run"]) == 5
    assert f"genocloud workflow init {tmp_path}/no makes it" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(("words", "near"), [(["runn"], "run"), (["init", "--profile", "slrum"], "slurm")])
def test_a_mistyped_word_says_what_was_perhaps_meant(capsys, words, near):
    with pytest.raises(SystemExit) as ended:
        main(["workflow", *words])
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith(f"; did you mean {near}?\n")


def test_help_in_the_first_place_is_the_commands_own(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["workflow", "run", "--help"])
    assert ended.value.code == 0
    assert "SNAKEMAKE'S OPTIONS" in capsys.readouterr().out


def test_the_sdist_has_both_names_of_a_linked_profile():
    """`graft` takes a folder under one of its names alone, and the file system says which."""
    profiles = [folder for folder in (FILES / "profiles").iterdir() if folder.is_dir()]
    places = Counter(folder.resolve() for folder in profiles)
    linked = {folder.name for folder in profiles if places[folder.resolve()] > 1}
    assert linked == {"default", "local"}
    assert {f"include profiles/{name}/*" for name in linked} <= set((FILES / "MANIFEST.in").read_text().splitlines())
