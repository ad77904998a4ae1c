"""What a disk can look like after the power went: calls to the file system, recorded and replayed in part.

`Recorder` notes every call that changes files below a folder.  `disks` gives the trees that may be there when the power
went after a number of these calls.  The rules are those of POSIX and no better:

- the bytes of a file are safe when the file was synced after they were written; else it may have none of them, a part,
  zeros in their place, or all;
- a name is safe when its directory was synced after it was made, renamed or removed; else each of these changes has
  happened or not, whatever became of the others.  A rename happens as a whole or not at all.
"""

from __future__ import annotations

import errno
import itertools
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

CALLS = ("open", "write", "pwrite", "ftruncate", "fsync", "rename", "replace", "unlink", "mkdir", "rmdir", "chmod")
CONTENTS = ("none", "half", "zeros", "all")
Tree = dict[str, Any]
"""Names in a directory: bytes of a file, or another tree."""


@dataclass
class Event:
    """names: (directory, name, before, after) that change together.  node: whose bytes change, or are synced."""

    kind: str
    names: tuple[tuple[int, str, int | None, int | None], ...] = ()
    node: int = -1
    offset: int = 0
    data: bytes = b""


@dataclass
class Recorder:
    """Notes what happens below `root` while it is installed; numbers stand for files and directories.

    fail: (place, error): that call fails with the error of the system instead, all others work.
    """

    root: Path
    fail: tuple[int, int] | None = None
    events: list[Event] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    names: dict[int, dict[str, int]] = field(default_factory=dict)
    contents: dict[int, bytes] = field(default_factory=dict)
    handles: dict[int, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._count = itertools.count()
        self.root = Path(os.path.realpath(self.root))
        self.top = self._load(self.root)
        self._first = ({d: dict(names) for d, names in self.names.items()}, dict(self.contents))

    def _load(self, path: Path) -> int:
        node = next(self._count)
        if path.is_dir():
            self.names[node] = {entry.name: self._load(entry) for entry in sorted(path.iterdir())}
        else:
            self.contents[node] = path.read_bytes()
        return node

    def install(self, patch: pytest.MonkeyPatch) -> None:
        for name in CALLS:
            patch.setattr(os, name, self._wrapped(name, getattr(os, name)))

    def _wrapped(self, name: str, real: Any) -> Any:
        note = getattr(self, f"_{name}", None)

        def call(*args: Any, **options: Any) -> Any:
            place = self._place(args[0], options.get("src_dir_fd", options.get("dir_fd")))
            if place is None or (name == "open" and not args[1] & (os.O_WRONLY | os.O_RDWR)):
                result = real(*args, **options)
                if place is not None:
                    self.handles[result] = [self._node(place), 0]
                return result
            self.calls.append(name)
            if self.fail and self.fail[0] == len(self.calls) - 1:
                raise OSError(self.fail[1], os.strerror(self.fail[1]))
            result = real(*args, **options)
            if name == "write":
                self._append(args[0], result, args[1])
            else:
                note(place, result, *args[1:], **options)
            return result

        return call

    # where a call happens: (directory, name), or (number of an open file, "")

    def _place(self, target: Any, folder: int | None) -> tuple[int, str] | None:
        if isinstance(target, int):
            return (self.handles[target][0], "") if target in self.handles and self._alive(target) else None
        path = os.fspath(target)
        if folder is not None and not os.path.isabs(path):
            return (self.handles[folder][0], path) if folder in self.handles else None
        path = os.path.abspath(path)
        if path != str(self.root) and not path.startswith(f"{self.root}/"):
            return None
        node, parts = self.top, Path(path).relative_to(self.root).parts
        for part in parts[:-1]:
            if part not in self.names[node]:
                return None  # it is not there, as the system will say
            node = self.names[node][part]
        return node, parts[-1] if parts else "."

    def _alive(self, handle: int) -> bool:
        """Whether the number is still the file that we saw it opened for."""
        try:
            return os.path.realpath(f"/proc/self/fd/{handle}").startswith(str(self.root))
        except OSError:
            return False

    def _node(self, place: tuple[int, str]) -> int:
        directory, name = place
        return directory if name in ("", ".") else self.names[directory][name]

    def _change(self, kind: str, *names: tuple[int, str, int | None, int | None]) -> None:
        for directory, name, _, after in names:
            if after is None:
                self.names[directory].pop(name)
            else:
                self.names[directory][name] = after
        self.events.append(Event(kind, names))

    # one note per call

    def _open(self, place: tuple[int, str], handle: int, flags: int, *_: Any, **__: Any) -> None:
        directory, name = place
        if name not in self.names[directory]:
            node = next(self._count)
            self.contents[node] = b""
            self._change("create", (directory, name, None, node))
        node = self.names[directory][name]
        if flags & os.O_TRUNC and self.contents[node]:
            self._cut(node, 0)
        self.handles[handle] = [node, 0]

    def _bytes(self, node: int, offset: int, data: bytes) -> None:
        old = self.contents[node].ljust(offset, b"\0")
        self.contents[node] = old[:offset] + data + old[offset + len(data) :]
        self.events.append(Event("data", (), node, offset, data))

    def _cut(self, node: int, size: int) -> None:
        self.contents[node] = self.contents[node][:size].ljust(size, b"\0")
        self.events.append(Event("cut", (), node, size))

    def _append(self, handle: int, count: int, data: Any) -> None:
        node, offset = self.handles[handle]
        self._bytes(node, offset, bytes(data)[:count])
        self.handles[handle][1] += count

    def _pwrite(self, place: tuple[int, str], count: int, data: Any, offset: int) -> None:
        self._bytes(place[0], offset, bytes(data)[:count])

    def _ftruncate(self, place: tuple[int, str], _: None, size: int) -> None:
        self._cut(place[0], size)

    def _fsync(self, place: tuple[int, str], _: None) -> None:
        self.events.append(Event("sync", (), place[0]))

    def _rename(self, place: tuple[int, str], _: None, target: Any, **options: Any) -> None:
        to = self._place(target, options.get("dst_dir_fd"))
        assert to is not None, "out of the folder"
        node = self._node(place)
        self._change("rename", (*place, node, None), (*to, self.names[to[0]].get(to[1]), node))

    _replace = _rename

    def _unlink(self, place: tuple[int, str], _: None, **__: Any) -> None:
        self._change("unlink", (*place, self._node(place), None))

    _rmdir = _unlink

    def _mkdir(self, place: tuple[int, str], _: None, *__: Any, **___: Any) -> None:
        node = next(self._count)
        self.names[node] = {}
        self._change("mkdir", (*place, None, node))

    def _chmod(self, place: tuple[int, str], _: None, *__: Any, **___: Any) -> None:
        """Permissions are not what this is about."""

    # disks

    def tree(self) -> Tree:
        """All that was done."""
        return self._tree(self.names, self.contents, self.top)

    def disks(self, after: int, rng: random.Random, most: int = 12) -> list[Tree]:
        """Trees that may be there when the power goes after so many events; each once."""
        done = self.events[:after]
        synced = [self._is_synced(i, done) for i in range(after)]
        free = [i for i, event in enumerate(done) if event.names and not synced[i]]
        found: dict[str, Tree] = {}
        for chosen in _subsets(free, rng, most):
            for contents in CONTENTS:
                names, data = self._replay(done, synced, chosen, contents)
                tree = self._tree(names, data, self.top)
                found.setdefault(repr(tree), tree)
        return list(found.values())

    def _is_synced(self, place: int, done: list[Event]) -> bool:
        event = done[place]
        needed = {directory for directory, *_ in event.names} or {event.node}
        return needed <= {later.node for later in done[place:] if later.kind == "sync"}

    def _replay(
        self, done: list[Event], synced: list[bool], chosen: frozenset[int], contents: str
    ) -> tuple[dict[int, dict[str, int]], dict[int, bytes]]:
        names = {directory: dict(entries) for directory, entries in self._first[0].items()}
        data = dict(self._first[1])
        for place, event in enumerate(done):
            if event.names and (synced[place] or place in chosen):
                for directory, name, before, after in event.names:
                    entries = names.setdefault(directory, {})
                    if after is not None:
                        entries[name] = after
                    elif entries.get(name) == before:
                        del entries[name]
            elif event.kind in ("data", "cut"):
                _apply(data, event, "all" if synced[place] else contents)
        return names, data

    def _tree(self, names: dict[int, dict[str, int]], data: dict[int, bytes], node: int) -> Tree:
        return {
            name: self._tree(names, data, child) if child in self.names else data.get(child, b"")
            for name, child in sorted(names.get(node, {}).items())
        }


def _apply(data: dict[int, bytes], event: Event, contents: str) -> None:
    old = data.get(event.node, b"")
    if event.kind == "cut":
        data[event.node] = old[: event.offset] if contents != "none" else old
        return
    new = event.data
    if contents == "none":
        return
    if contents == "half":
        new = new[: len(new) // 2]
    elif contents == "zeros":
        new = bytes(len(new))
    old = old.ljust(event.offset, b"\0")
    data[event.node] = old[: event.offset] + new + old[event.offset + len(new) :]


def _subsets(free: list[int], rng: random.Random, most: int) -> Iterator[frozenset[int]]:
    """All of them where they are few; else none, all, beginnings, each alone, all but one, and some by chance."""
    if 1 << len(free) <= most:
        for size in range(len(free) + 1):
            yield from map(frozenset, itertools.combinations(free, size))
        return
    yield from (frozenset(free[:count]) for count in range(len(free) + 1))
    for one in free:
        yield frozenset([one])
        yield frozenset(free) - {one}
    for _ in range(most):
        yield frozenset(i for i in free if rng.random() < 0.5)


def make(tree: Tree, path: Path) -> None:
    """The tree as real files."""
    path.mkdir(parents=True)
    for name, content in tree.items():
        if isinstance(content, dict):
            make(content, path / name)
        else:
            (path / name).write_bytes(content)


def read(path: Path) -> Tree:
    return {e.name: read(e) if e.is_dir() else e.read_bytes() for e in sorted(path.iterdir())}


ERRORS = (errno.ENOSPC, errno.EIO)
