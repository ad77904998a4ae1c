"""Save models.  A reader, or a power cut, sees the old file or the new one, never a part."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress

from pyruntime.errors import MLModelError, ModelIOError, SpecError
from pyruntime.spec import messages, wire
from pyruntime.spec.payloads import attach, has_reference
from pyruntime.spec.reader import LeanModel

_NAME = 50  # characters of a file's name that are in that of its unfinished one


def save_spec(spec: messages.Model | LeanModel, path: str | os.PathLike[str], *, check: bool = True) -> None:
    """Write a model as a .mlmodel file, replacing what is there in one step.

    check: ask first whether the model is legal (see spec/legality), and write nothing if it is not.

    Maps are written in sorted order, so equal models give equal files.  A LeanModel may be saved over the
    file that it was loaded from.

    Raises ModelIOError when the path cannot be written (the old file is still there then), and SpecError when
    the model is larger than the format allows or breaks a rule, which is named.
    """
    if isinstance(spec, LeanModel):
        spec = _with_examples(spec)
    if check:
        from pyruntime.spec.legality import check_spec

        message, payloads = (spec.spec, spec.payloads) if isinstance(spec, LeanModel) else (spec, None)
        check_spec(message, payloads)
    write_atomically(path, model_pieces(spec))


def model_pieces(spec: messages.Model | LeanModel) -> list[memoryview | bytes]:
    """The bytes of the .mlmodel file, in pieces; weights of a LeanModel are not copied."""
    if isinstance(spec, LeanModel):
        spec = _with_examples(spec)
    from google.protobuf.message import EncodeError

    message = spec.spec if isinstance(spec, LeanModel) else spec
    try:
        data = message.SerializeToString(deterministic=True)
    except (EncodeError, ValueError) as error:
        raise SpecError(f"the model cannot be written: {error}") from None
    pieces: list[memoryview | bytes] = [data]
    size = len(data)
    if isinstance(spec, LeanModel):
        pieces, size = attach(data, message.DESCRIPTOR, spec.payloads)
    elif has_reference(data):
        raise MLModelError("the weights of this message are kept outside it: save the LeanModel, or use its to_spec()")
    if size > wire.MAX_BYTES:
        raise SpecError(f"the model has {size} bytes; the format (protobuf) ends at {wire.MAX_BYTES}")
    return pieces


def _with_examples(lean: LeanModel) -> LeanModel:
    """With a message for each example of its k-NN."""
    from pyruntime.neighbors.messages import with_examples

    return LeanModel(with_examples(lean.spec, lean.payloads), lean.payloads, lean.source)


def write_atomically(
    path: str | os.PathLike[str], pieces: Iterable[bytes | memoryview], *, previous: str | None = None
) -> None:
    """Write a file beside `path`, bring it to the disk, rename it to `path`, bring the name to the disk.

    A symbolic link is followed, and permissions of a file that is replaced are kept.  previous: a path in the same
    folder that the file before is renamed to; then there is a moment in which it has only that name.
    Raises ModelIOError.
    """
    target = os.path.realpath(os.fspath(path))
    folder, name = os.path.split(target)
    temporary = os.path.join(folder, f".{name[:_NAME]}.{os.urandom(8).hex()}.part")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            _write_all(handle, pieces)
            if os.path.exists(target):
                os.chmod(temporary, os.stat(target).st_mode & 0o7777)
            _exchange(temporary, target, previous)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ModelIOError(f"cannot write the model {target}: {reason}; what was there before is unchanged") from None
    try:
        _sync_folder(folder)
    except OSError as error:
        raise ModelIOError(
            f"{target} is written, but the system does not say that it is safe on the disk: {error.strerror}"
        ) from None


def is_unfinished(entry: str, name: str) -> bool:
    """Whether a file is what a killed `write_atomically` of the file `name` left beside it."""
    return re.fullmatch(re.escape(f".{name[:_NAME]}.") + "[0-9a-f]{16}[.]part", entry) is not None


def _exchange(temporary: str, target: str, previous: str | None) -> None:
    moved = False
    try:
        if previous is not None and os.path.exists(target):
            os.replace(target, previous)
            moved = True
        os.replace(temporary, target)
    except OSError:
        if moved and previous is not None:
            with suppress(OSError):
                os.replace(previous, target)
        raise


def _write_all(handle: int, pieces: Iterable[bytes | memoryview]) -> None:
    try:
        for piece in pieces:
            left = memoryview(piece).cast("B")
            while left:
                left = left[os.write(handle, left) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(folder: str) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
