"""What a folder as a store must get right beyond the laws: killed writers, full disks, shared file systems."""

import builtins
import errno
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from genocloud import storage
from genocloud.errors import SettingError
from genocloud.storage.local import DRAFT

KILLED = """
import sys, time
from genocloud import storage
with storage.open_store(sys.argv[1]).writer("a/b") as stream:
    stream.write(bytes(5_000_000))
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def store(tmp_path):
    return storage.open_store(str(tmp_path / "store"))


def files(store) -> list[str]:
    return sorted(path.name for path in Path(store.url).rglob("*") if path.is_file())


def write_and_raise(store, stream):
    stream.write(bytes(5_000_000))
    assert len(files(store)) == 1
    raise ZeroDivisionError


def fails_with(number: int):
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_a_killed_writer_leaves_nothing_that_is_seen(store):
    with subprocess.Popen([sys.executable, "-c", KILLED, store.url], stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"writing\n"
        writer.send_signal(signal.SIGKILL)
    assert [name.startswith(DRAFT) for name in files(store)] == [True]
    assert (store.list(), store.list("a/"), store.exists("a/b")) == ([], [], False)
    store.create("a/b", b"next")
    assert store.list() == ["a/b"]


def test_a_sweep_removes_what_killed_writers_left_long_ago(store):
    store.write("a/b", b"kept")
    left = [Path(store.url, "a", f"{DRAFT}{age}") for age in (10, 5000)]
    for draft in left:
        draft.write_bytes(b"half")
        then = time.time() - int(draft.name.removeprefix(DRAFT))
        os.utime(draft, (then, then))
    assert store.sweep(3600) == [f"a/{DRAFT}5000"]
    assert files(store) == [f"{DRAFT}10", "b"]
    assert store.sweep(0) == [f"a/{DRAFT}10"]
    assert files(store) == ["b"]


def test_a_mapped_file_takes_no_memory(tmp_path):
    path = tmp_path / "sparse"
    path.touch()
    os.truncate(path, 1 << 40)
    mapped = storage.map_file(str(path))
    assert (len(mapped), mapped[-1]) == (1 << 40, 0)


def test_a_pipe_can_be_mapped():
    reading, writing = os.pipe()
    os.write(writing, b"streamed")
    os.close(writing)
    assert storage.map_file(f"/dev/fd/{reading}") == b"streamed"
    os.close(reading)


def test_a_writer_that_raises_leaves_no_file(store):
    with pytest.raises(ZeroDivisionError), store.writer("a/b") as stream:
        write_and_raise(store, stream)
    assert files(store) == []


def test_losing_a_creation_leaves_no_file(store):
    store.create("a", b"first")
    with pytest.raises(storage.ObjectExists):
        store.create("a", b"second")
    assert files(store) == ["a"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("method", ["write", "create"])
def test_a_full_disk_is_reported_and_leaves_no_file(store, monkeypatch, number, method):
    store.write("before", b"")
    monkeypatch.setattr(os, "fsync", fails_with(number))
    with pytest.raises(storage.StoreFailed) as caught:
        getattr(store, method)("a", b"hello")
    messages = {
        errno.ENOSPC: "no space is left",
        errno.EDQUOT: "your disk quota is used up",
        errno.EIO: "Input/output error",
    }
    assert (caught.value.url, caught.value.problem) == (f"{store.url}/a", messages[number])
    assert files(store) == ["before"]


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_too_many_open_files_are_reported_with_what_helps(store, monkeypatch, number):
    monkeypatch.setattr(builtins, "open", fails_with(number))
    with pytest.raises(storage.StoreFailed, match=r"too many open files; raise `ulimit -n`, or .* --batch-size"):
        store.read("a")


def test_a_disk_that_fills_up_in_the_middle_is_reported(store, monkeypatch):
    resource = pytest.importorskip("resource")
    signal_before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_500_000, limits[1]))
    try:
        with pytest.raises(storage.StoreFailed, match="File too large"), store.writer("a") as stream:
            stream.writelines([bytes(1_000_000)] * 10)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, signal_before)
    assert files(store) == []


@contextmanager
def not_root():
    """Root may read and write anywhere; the user `nobody` for a while, within the test alone."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_a_forbidden_folder_is_reported(tmp_path):
    (tmp_path / "closed").mkdir(mode=0)
    store = storage.open_store(str(tmp_path / "closed"))
    for use in (store.list, lambda: store.read("a"), lambda: store.write("a", b""), lambda: store.exists("a")):
        with not_root(), pytest.raises(storage.StoreFailed, match="permission denied"):
            use()


def test_a_folder_that_may_not_be_listed_is_not_empty(store, monkeypatch):
    store.write("a", b"")
    monkeypatch.setattr(os, "scandir", fails_with(errno.EACCES))
    with pytest.raises(storage.StoreFailed, match="permission denied; ask for access"):
        store.list()


def test_a_file_where_a_folder_must_be_is_reported(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    store = storage.open_store(str(tmp_path / "file" / "store"))
    assert store.list() == []
    with pytest.raises(storage.StoreFailed, match="a part of the path is a file"):
        store.write("a", b"")


def test_an_answer_that_a_network_file_system_lost_is_no_defeat(store, monkeypatch):
    link = Path.hardlink_to

    def link_and_lose_the_answer(path: Path, target: Path) -> None:
        link(path, target)
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))

    monkeypatch.setattr(Path, "hardlink_to", link_and_lose_the_answer)
    store.create("a", b"mine")
    assert store.read("a") == b"mine"
    assert files(store) == ["a"]


def test_a_file_system_without_hard_links_is_reported(store, monkeypatch):
    monkeypatch.setattr(Path, "hardlink_to", fails_with(errno.EPERM))
    with pytest.raises(storage.StoreFailed, match="cannot make hard links"):
        store.create("a", b"")
    assert files(store) == []


def test_a_folder_that_cannot_be_synced_is_fine(store, monkeypatch):
    sync = os.fsync

    def sync_files_only(place: int) -> None:
        if stat.S_ISDIR(os.fstat(place).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        sync(place)

    monkeypatch.setattr(os, "fsync", sync_files_only)
    store.create("a/b", b"hello")
    assert store.read("a/b") == b"hello"


def test_the_name_is_synced_after_the_content(store, monkeypatch):
    store.write("before", b"")
    synced = []
    monkeypatch.setattr(os, "fsync", lambda place: synced.append((os.fstat(place).st_size == 5, files(store))))
    store.write("a", b"hello")
    (content, (draft, *_)), (_, finished) = synced
    assert (content, draft.startswith(DRAFT), finished) == (True, True, ["a", "before"])


@pytest.fixture
def umask(request) -> Iterator[None]:
    """A umask of the process, put back at the end."""
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.parametrize(
    ("umask", "setting", "folder", "file"),
    [
        (0o000, None, 0o750, 0o640),  # others may not read, whatever the umask would allow
        (0o022, None, 0o750, 0o640),
        (0o002, None, 0o750, 0o640),
        (0o077, None, 0o700, 0o600),  # a stricter umask stays in force
        (0o022, "022", 0o755, 0o644),  # the setting widens it
        (0o002, "000", 0o775, 0o664),  # as far as the umask goes
        (0o022, "077", 0o700, 0o600),
    ],
    indirect=["umask"],
)
def test_others_may_not_read_new_files_and_folders(store, monkeypatch, umask, setting, folder, file):
    if setting is not None:
        monkeypatch.setenv("GENOCLOUD_UMASK", setting)
    store.write("a", b"")
    store.create("deep/b", b"")
    with store.writer("deep/c") as stream:
        stream.write(b"")
    places = Path(store.url), *Path(store.url).rglob("*")
    assert {stat.S_IMODE(path.stat().st_mode) for path in places if path.is_dir()} == {folder}
    assert {stat.S_IMODE(path.stat().st_mode) for path in places if path.is_file()} == {file}


@pytest.mark.parametrize("setting", ["rw", "1000", "-1", "700"])
def test_a_setting_that_is_no_mask_is_one_clear_error(store, monkeypatch, setting):
    monkeypatch.setenv("GENOCLOUD_UMASK", setting)
    with pytest.raises(SettingError, match=f"GENOCLOUD_UMASK={setting}: no mask from 000 to 077 in octal"):
        store.write("a", b"")


def test_a_folder_that_was_there_keeps_its_permissions(tmp_path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o775)
    storage.open_store(str(tmp_path / "shared")).write("a", b"")
    assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o775


@pytest.mark.parametrize("umask", [0o022], indirect=True)
def test_commands_hold_other_writers_to_the_mask_too(tmp_path, umask):
    with storage.private_files():
        (tmp_path / "a").touch()
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
    (tmp_path / "b").touch()
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o644


def test_a_relative_path_stays_where_it_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = storage.open_store("cohort/")
    store.write("a", b"hello")
    monkeypatch.chdir("/")
    assert (store.url, store.read("a")) == (str(tmp_path / "cohort"), b"hello")


def test_other_hidden_files_are_objects(store):
    store.write(".a", b"")
    assert store.list() == [".a"]


def test_what_is_no_regular_file_is_written_to_and_never_replaced(tmp_path):
    """A FIFO stays one, and whoever reads it has the data; a full device says so, and stays a device."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_bytes()))
    reader.start()
    storage.open_store(str(tmp_path)).write("fifo", b"receipt")
    reader.join()
    assert read == [b"receipt"]
    assert fifo.is_fifo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fifo"]
    (tmp_path / "full").symlink_to("/dev/full")
    for folder, name in (("/dev", "full"), (str(tmp_path), "full")):
        with pytest.raises(storage.StoreFailed, match="no space is left"):
            storage.open_store(folder).write(name, b"receipt")
    assert Path("/dev/full").is_char_device()
    assert (tmp_path / "full").is_symlink()


def test_of_a_symbolic_link_the_target_is_replaced(tmp_path):
    (tmp_path / "there").mkdir()
    target, link, dangling = tmp_path / "there" / "target", tmp_path / "link", tmp_path / "dangling"
    target.write_bytes(b"old")
    link.symlink_to("there/target")
    dangling.symlink_to("there/new")
    store = storage.open_store(str(tmp_path))
    store.write("link", b"new")
    store.write("dangling", b"new")
    assert link.is_symlink()
    assert dangling.is_symlink()
    assert target.read_bytes() == (tmp_path / "there" / "new").read_bytes() == b"new"
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(storage.StoreFailed, match="symbolic links"):
        store.write("circle", b"new")
