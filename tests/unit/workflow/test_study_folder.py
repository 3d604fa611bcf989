"""A new study folder has a config that holds, and its run is Snakemake's with all options passed on."""

import sys

import pytest
import yaml

from genocloud.cli import main
from genocloud.federation import checked_values
from genocloud.shipped_files import FILES, SCHEMAS, profile_names
from genocloud.workflow.study_folder import StudyExists, config_text, snakemake_command, write_study
from genocloud.yaml_schema import read_schema

SCHEMA = read_schema(SCHEMAS / "config.schema.yaml")


def test_the_config_has_every_key_with_its_default_behind_a_comment_sign():
    text = config_text(SCHEMA)
    assert yaml.safe_load(text) == {"samples": "samples.tsv", "reference": "/path/to/reference.fa"}
    uncommented = "\n".join(line.removeprefix("#") for line in text.splitlines() if not line.startswith("# "))
    whole = yaml.safe_load(uncommented)
    assert whole.keys() == SCHEMA["properties"].keys()
    assert whole == checked_values("config.yaml", yaml.safe_load(text))


@pytest.mark.parametrize("profile", profile_names())
def test_a_study_folder_has_config_sheet_and_profile(tmp_path, capsys, profile):
    assert main(["workflow", "init", str(tmp_path / "study"), "--profile", profile]) == 0
    assert f"genocloud workflow run {tmp_path}/study --dry-run" in capsys.readouterr().err
    assert {file.name for file in (tmp_path / "study").iterdir()} == {"config.yaml", "samples.tsv", "profile"}
    shipped = (FILES / "profiles" / profile / "config.yaml").read_bytes()
    assert (tmp_path / "study/profile/config.yaml").read_bytes() == shipped


def test_nothing_is_overwritten_and_nothing_half_written(tmp_path, capsys):
    (tmp_path / "samples.tsv").write_text("mine")
    with pytest.raises(StudyExists) as refused:
        write_study(tmp_path, "local")
    assert refused.value.file == tmp_path / "samples.tsv"
    assert [file.name for file in tmp_path.iterdir()] == ["samples.tsv"]
    assert main(["workflow", "init", str(tmp_path)]) == 5
    assert "exists already, and is not overwritten" in capsys.readouterr().err


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


@pytest.mark.parametrize("words", [["--workflow-profile", "other"], ["--profile=other"]])
def test_a_profile_that_is_named_takes_the_place_of_the_studys(study, monkeypatch, words):
    (study.parent / "other").mkdir()
    option = words[0].partition("=")[0]
    assert started(monkeypatch, "study", *words) == ["--directory", "study", option, str(study.parent / "other")]


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
