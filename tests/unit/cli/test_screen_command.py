"""The command screen: what it says, and how it ends."""

import json
import shutil

from tests.support.command_line import error_text, run


def test_a_cohort_is_screened_and_the_bad_are_taken_out(tmp_path, made, capsys):
    cohort = shutil.copytree(made.cohort, tmp_path / "cohort")
    base = ("screen", cohort, tmp_path / "out", "--quiet", "--scatter", "inline")
    text = error_text(capsys, *base, "--flag", "depth<1")
    assert "flags.tsv: 0 of 8 samples are flagged." in text
    assert "Without --frequencies duplicates were not looked for" in text
    text = error_text(capsys, *base, "--frequencies", made.callset, "--flag", "depth<1", "--quarantine", "depth<14.7")
    assert "1 of 8 samples is flagged (depth 1)." in text
    assert f"{cohort}: took out p11; version 2 has 7 samples." in text
    assert "Without" not in text
    capsys.readouterr()
    assert run(*base, "--flag", "depth<1", "--receipt", "-") == 0
    assert json.loads(capsys.readouterr().out)["balance"]["taken"] == 7
    assert run(*base, "--quarantine", "depth<1000") == 5
    assert "every sample fails one of depth<1000, and none was taken out" in capsys.readouterr().err
    assert run(*base, "--flag", "deep<1") == 5
    assert run("screen", tmp_path / "none", tmp_path / "out", "--quiet") == 4
