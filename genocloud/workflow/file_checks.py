"""Check every file of a study before its first job, unless none has changed since an earlier run did."""

from pathlib import Path
from shutil import which

from genocloud import storage
from genocloud.errors import UnreadableFile
from genocloud.federation import BadConfig
from genocloud.workflow.callers import CallerProgram
from genocloud.workflow.remote import local, modified_times, receipt_of, remote
from genocloud.workflow.study import Study

MANY = 1000
"""Samples; fewer are checked too fast for a progress display."""


def check_files(study: Study) -> None:
    """Check the caller's program and files, and every input. Raises InputError or BadConfig."""
    if study.called and study.caller:
        _check_caller(study, study.caller)
    named = [*study.filter_files, *study.pedigree, *study.settings["supporting"], *study.model_files]
    if missing := [file for file in local(named) if not Path(file).is_file()]:
        raise UnreadableFile(missing[0], "there is no such file", "correct its path in the config")
    refined = study.settings["refined"] or any(each.is_refined for each in study.exports.values())
    if refined and study.export_sites:
        problem = "genotypes are refined by those of all samples, and those of some sites may not be read here"
        raise BadConfig("config", "refined", problem, "leave it out")
    if study.run.is_main and not study.federation and not _is_checked(study):
        _check_inputs(study)


def _check_caller(study: Study, caller: CallerProgram) -> None:
    reference = study.settings["reference"]
    reads = [sample.reads for sample in study.samples.values() if sample.reads]
    if caller.launch and (urls := remote([reference, *reads])):
        problem = f"{caller.name} is run on files of this machine, and {urls[0]} is none"
        raise BadConfig("config", "caller", problem, "copy reads and reference here, or use bcftools")
    if caller.dictionary and not Path(study.dictionary).exists():
        remedy = f"make it: gatk CreateSequenceDictionary -R {reference}"
        raise UnreadableFile(study.dictionary, f"{caller.title} needs this file", remedy)
    if caller.program and not (study.run.brings_programs or which(caller.program)):
        problem = f"there is no program {caller.program} on the PATH"
        raise BadConfig("config", "caller", problem, caller.install_hint)


def _check_inputs(study: Study) -> None:
    # Imported here: the readers take long to load, and a run with nothing to do should not wait for them.
    from genocloud.pipeline.intervals import intervals_of
    from genocloud.scatter.executors import open_scatter
    from genocloud.scatter.progress_display import open_progress
    from genocloud.steps.inputs import check_inputs

    settings = study.settings
    intervals = intervals_of(settings)
    with open_scatter("threads:4") as scatter, open_progress(quiet=len(study.samples) < MANY) as progress:
        check_inputs(
            settings["samples"],
            settings["reference"],
            scatter=scatter,
            progress=progress,
            intervals=intervals,
            called_dialect=study.caller.dialect if study.caller else "",
        )


def _is_checked(study: Study) -> bool:
    """Whether the receipt of an earlier check is newer than every file that the run reads."""
    try:
        checked = Path(receipt_of("inputs")).stat().st_mtime
        times = (*(Path(file).stat().st_mtime for file in local(study.inputs)), *modified_times(study.inputs))
        return all(time < checked for time in times)
    except (OSError, storage.StoreFailed):
        return False
