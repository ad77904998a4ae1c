"""Directories of files that are written so that at every instant the old or the new content can be read.

Manifests say which other files count, and the names of those contain their hash.  So a directory is renewed by adding
files, then older generations' manifests, and then renaming one manifest over the other: a single step that every file
system does atomically, while exchanging two directories is not possible on all of them (FAT, overlays, network drives).
Files that stay the same are not written again.  A new directory is filled under another name and renamed when it is
complete.

What a killed writer leaves (files that no manifest names, an unfinished `.name.….part` directory) is ignored by readers
and removed by the next writer.  Writers exclude each other with a lock that the system drops when a process dies.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from pyruntime.compiled.files import Content, Pieces, open_file, open_folder
from pyruntime.compiled.manifest import FILE_NAME, GENERATION_NAME, NAME
from pyruntime.errors import ModelIOError

LOCK = "lock"
UPDATE_LOCK = "update.lock"
PART = ".part"
_CHUNK = 1 << 20
# While a directory is filled: another writer made the target, or took ours, not locked yet, for one of a killed writer.
_OTHER_WRITERS = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT)


class Commit(NamedTuple):
    """What a directory is to become.

    manifests: in the order in which they are written, the one that decides last.
    keep: which files of ours stay afterwards.  keep_failed: which stay when it cannot be written.
    """

    manifests: Mapping[str, bytes]
    keep: Callable[[str], bool]
    keep_failed: Callable[[str], bool]


Compose = Callable[[int | None], Commit]
"""From the open directory, locked, or None for a new one.  Raises FileNotFoundError when no manifest is there, and an
MLModelError when it is none of ours: the directory is then left alone."""


def write_folder(
    path: str | os.PathLike[str], files: Mapping[str, Content], compose: Compose, *, renew: bool = True
) -> bool:
    """Make or renew the directory `path`, and bring it to the disk; whether it was written.

    files: by names that contain their hash.  renew: False leaves a directory that is there.  Raises ModelIOError when
    it cannot be written; then what was there before is still there.
    """
    target = Path(os.path.realpath(path))
    try:
        while True:  # until a directory that appears or disappears at this moment has decided itself
            if not target.exists() or (target.is_dir() and not any(target.iterdir())):
                done = _create(target, files, compose(None))
            elif renew:
                done = _renew(target, files, compose)
            else:
                return False
            if done:
                return True
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ModelIOError(
            f"cannot write the compiled model {target}: {reason}; what was there before is unchanged"
        ) from None


def _create(target: Path, files: Mapping[str, Content], commit: Commit) -> bool:
    """Fill a directory beside `target` and rename it; False when another writer was faster."""
    remove_unfinished(target.parent, target.name)
    temporary = target.with_name(f"{_prefix(target.name)}{os.urandom(8).hex()}{PART}")
    with open_folder(target.parent) as parent:
        os.mkdir(temporary)
        try:
            with open_folder(temporary) as folder, _locked(folder):
                _fill(folder, files, commit.manifests)
                os.fsync(folder)  # a directory without its manifest would be nobody's
                os.rename(temporary, target)
        except BaseException as error:
            _remove(temporary)
            if isinstance(error, OSError) and error.errno in _OTHER_WRITERS:
                return False
            raise
        _sync_written(parent, target)
    return True


def _renew(target: Path, files: Mapping[str, Content], compose: Compose) -> bool:
    """Add files, rename the manifest, remove what nobody names; False when the directory went away."""
    if not target.is_dir():
        raise ModelIOError(f"cannot write the compiled model {target}: there is a file of that name; remove it first")
    with open_folder(target) as folder:
        _compose(compose, folder, target)  # before a lock file is made in somebody else's folder
        with _locked(folder):
            if not _is_at(folder, target):
                return False
            commit = _compose(compose, folder, target)
            try:
                _fill(folder, files, commit.manifests)
            except BaseException:
                _remove_others(folder, commit.keep_failed)
                raise
            _sync_written(folder, target)
            _remove_others(folder, commit.keep)
    return True


def _compose(compose: Compose, folder: int, target: Path) -> Commit:
    try:
        return compose(folder)
    except FileNotFoundError:
        raise ModelIOError(
            f"cannot write the compiled model {target}: the folder has no {NAME}, so it is none of ours and "
            "is left alone; choose another path, or remove it first"
        ) from None


def _fill(folder: int, files: Mapping[str, Content], manifests: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        if not _has(folder, name, content):
            _write(folder, name, content.pieces)
    for name, manifest in manifests.items():
        if name == NAME:
            os.fsync(folder)  # names before the manifest that relies on them
        if not _has(folder, name, Content([manifest])):
            _write(folder, name, [manifest])


def _sync_written(folder: int, target: Path) -> None:
    try:
        os.fsync(folder)
    except OSError as error:
        raise ModelIOError(
            f"{target} is written, but the system does not say that it is safe on the disk: {error.strerror}"
        ) from None


def _write(folder: int, name: str, pieces: Pieces) -> None:
    """Write a file under another name, bring it to the disk and rename it."""
    part = name + PART
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with open(os.open(part, flags, 0o666, dir_fd=folder), "wb", buffering=0) as file:
            for piece in pieces:
                _write_all(file.fileno(), memoryview(piece).cast("B"))
            os.fsync(file.fileno())
        os.rename(part, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(part, dir_fd=folder)
        raise


def _write_all(handle: int, data: memoryview) -> None:
    while data:
        data = data[os.write(handle, data) :]


def _has(folder: int, name: str, content: Content) -> bool:
    """Whether a file is there already, undamaged."""
    try:
        with open_file(folder, name) as file:
            if os.fstat(file.fileno()).st_size != content.size:
                return False
            if content.known is not None:  # what is there is what is mapped, or as good
                return True
            digest = sha256()
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
            return digest.hexdigest() == content.sha256
    except OSError:
        return False


def _remove_others(folder: int, keep: Callable[[str], bool]) -> None:
    """Remove files of ours that are not to stay, manifests first.  Other people's files stay."""
    with suppress(OSError):  # it is only litter
        for name in sorted(os.listdir(folder)):  # "generation…" stands before "model…" and "network…"
            plain = name.removesuffix(PART)
            ours = FILE_NAME.fullmatch(plain) or GENERATION_NAME.fullmatch(plain) or plain == NAME
            if ours and (plain != name or not (name == NAME or keep(name))):
                os.unlink(name, dir_fd=folder)


def remove_unfinished(parent: str | os.PathLike[str], name: str | None = None) -> None:
    """Remove directories that killed writers left in `parent`; with `name`, those meant to become it.

    A directory whose lock is held belongs to a writer at work.
    """
    prefix = _prefix(name) if name is not None else "."
    pattern = re.compile(re.escape(prefix) + (".*" if name is None else "") + "[0-9a-f]{16}" + re.escape(PART))
    for entry in os.listdir(parent):
        if pattern.fullmatch(entry):
            path = Path(parent, entry)
            with suppress(OSError), open_folder(path) as folder, _locked(folder, wait=False):
                _remove(path)


def remove_folder(path: str | os.PathLike[str]) -> None:
    """Remove a directory of ours: at once for readers, then file by file."""
    gone = Path(path).with_name(f"{_prefix(Path(path).name)}{os.urandom(8).hex()}{PART}")
    os.rename(path, gone)
    _remove(gone)


def _remove(path: Path) -> None:
    with suppress(OSError):
        for name in os.listdir(path):
            plain = name.removesuffix(PART)
            if FILE_NAME.fullmatch(plain) or GENERATION_NAME.fullmatch(plain) or plain in (NAME, LOCK, UPDATE_LOCK):
                os.unlink(path / name)
        os.rmdir(path)


def _prefix(name: str) -> str:
    return f".{name[:50]}."


def _is_at(folder: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(folder), os.stat(path))
    except FileNotFoundError:
        return False


@contextmanager
def _locked(folder: int, *, wait: bool = True) -> Iterator[None]:
    """Hold the directory's lock.  Raises BlockingIOError when it is taken and `wait` is False."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(LOCK, flags, 0o666, dir_fd=folder)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(handle)
