"""The work folder of a joint run: its cohort and finished parts; check the disk's free space."""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from genocloud import callset, cohort, storage
from genocloud.errors import SettingError
from genocloud.pipeline.ingestion.arrivals import Arrival
from genocloud.pipeline.options import JointOptions

STORE_SHARE = 0.6
"""The cohort store's size over that of the gVCFs, at most (measured: tests/benchmarks)."""


def check_places(options: JointOptions) -> None:
    """Refuse a cohort at the URL of an output, and a run without samples. Raises SettingError, NoCohort."""
    if options.cohort_url is None:
        if options.listed is None:
            raise SettingError("no sample is listed; name a sample sheet or gVCFs, or a --cohort that holds some")
        return
    others = [
        options.out_url,
        WorkFolder.of(options).own_cohort,
        *([options.callset_url] if options.callset_url else []),
    ]
    if storage.open_store(options.cohort_url).url in {storage.open_store(url).url for url in others}:
        raise SettingError(f"{options.cohort_url}: the cohort has the place of an output; give it one of its own")
    if options.listed is None:
        cohort.open_cohort(options.cohort_url)


@dataclass(frozen=True)
class WorkFolder:
    """The folder with the finished parts of a run's VCF, and with its cohort, unless that has its own URL."""

    folder: Path
    kept_cohort: str | None

    @classmethod
    def of(cls, options: JointOptions) -> "WorkFolder":
        """See `work_folder`."""
        return cls(work_folder(options.out_url), options.cohort_url)

    @property
    def own_cohort(self) -> str:
        return str(self.folder / "cohort")

    @property
    def cohort(self) -> str:
        return self.kept_cohort or self.own_cohort

    @property
    def parts(self) -> str:
        return str(self.folder / "parts")

    def remove(self) -> None:
        """Remove what the run has put there, and the folder if that was all."""
        shutil.rmtree(self.own_cohort, ignore_errors=True)
        shutil.rmtree(self.parts, ignore_errors=True)
        with suppress(OSError):
            self.folder.rmdir()


def work_folder(out_url: str) -> Path:
    """The folder beside a local VCF; for a VCF at a URL in the current directory."""
    folder, name = storage.split(out_url)
    return Path(f"{name}.work") if "://" in out_url else Path(folder) / f"{name}.work"


def claim_callset(callset_url: str, out_url: str) -> None:
    """Refuse, before the work, a URL that cannot become a callset."""
    if callset_url == out_url:
        raise SettingError(f"{out_url}: VCF and callset have the same place; give the callset one of its own")
    callset.claim(storage.open_store(callset_url))


def check_room(work: WorkFolder, arrivals: Sequence[Arrival]) -> None:
    """Refuse a cohort that would not fit on this disk; a bucket's free space is not known."""
    need = int(STORE_SHARE * sum(arrival.bytes for arrival in arrivals))
    if "://" in work.cohort:
        return
    store = Path(work.cohort).absolute()
    folder = next(place for place in [store, *store.parents] if place.exists())
    free = shutil.disk_usage(folder).free
    if need > free:
        where = f"{work.kept_cohort or work.folder}: {free:,} bytes free, about {need:,} needed"
        raise SettingError(
            f"{where} for {len(arrivals):,} gVCFs; write to a larger disk, or run the workflow with its cohort on a "
            "store that has the room"
        )
