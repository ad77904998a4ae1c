"""Loading and saving, with coremltools as the other side."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyruntime.errors import MLModelError, ModelIOError
from pyruntime.spec import load_lean, load_lean_bytes, load_model_bytes, load_spec, messages, save_spec
from pyruntime.spec.writer import model_pieces

from .conftest import dense_network, pipeline


def same(message: Any) -> bytes:
    return bytes(message.SerializeToString(deterministic=True))


def test_file_of_coremltools_loads_field_for_field(foreign: Any, tmp_path: Path) -> None:
    from google.protobuf.json_format import MessageToDict

    path = tmp_path / "foreign.mlmodel"
    path.write_bytes(foreign.SerializeToString())
    ours = load_spec(path)
    assert MessageToDict(ours) == MessageToDict(foreign)
    assert same(ours) == same(foreign)


@pytest.mark.parametrize("load", [load_spec, load_lean])
def test_what_we_save_coremltools_reads_the_same(foreign: Any, load: Callable[[Path], Any], tmp_path: Path) -> None:
    path, copy = tmp_path / "foreign.mlmodel", tmp_path / "copy.mlmodel"
    path.write_bytes(foreign.SerializeToString())
    save_spec(load(path), copy, check=False)
    assert type(foreign).FromString(copy.read_bytes()) == foreign
    assert copy.read_bytes() == same(foreign)


def test_lean_model_gives_the_standard_message(foreign: Any) -> None:
    lean = load_lean_bytes(foreign.SerializeToString())
    assert same(lean.to_spec()) == same(foreign)


def test_large_weights_are_kept_outside_the_lean_message() -> None:
    model = pipeline()
    lean = load_lean_bytes(model.SerializeToString())
    assert len(lean.payloads) == 1 + 20  # the dense matrix and each of the samples
    assert lean.payloads.nbytes == 4 * (4 * 600 + 20 * 300)
    assert lean.spec.ByteSize() < 6000


def test_lean_payloads_are_views_of_the_mapped_file(tmp_path: Path) -> None:
    path = tmp_path / "large.mlmodel"
    path.write_bytes(dense_network(width=100_000).SerializeToString())
    lean = load_lean(path)
    assert lean.payloads.nbytes == 4 * 4 * 100_000
    assert type(lean.payloads._parts[0].obj).__name__ == "mmap"


def test_opening_a_large_model_takes_no_memory_for_its_weights(tmp_path: Path) -> None:
    """Peak memory of a process before and after it opens 64 MB of weights."""
    path = tmp_path / "large.mlmodel"
    path.write_bytes(b"\x08\x04" + field(500, field(1, field(140, field(20, field(1, bytes(64 << 20)))))))
    script = """
        import resource, sys
        from pyruntime.spec import load_lean, messages
        def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        messages.Model()
        before = peak()
        model = load_lean(sys.argv[1])
        assert model.payloads.nbytes == 64 << 20
        print(peak() - before)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(path)]
    kib = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert kib < 0.15 * (64 << 10)


def test_lean_model_can_be_saved_over_its_own_file(tmp_path: Path) -> None:
    path = tmp_path / "large.mlmodel"
    foreign = dense_network(width=100_000)
    path.write_bytes(foreign.SerializeToString())
    lean = load_lean(path)
    lean.spec.description.metadata.author = foreign.description.metadata.author = "somebody"
    save_spec(lean, path)
    assert type(foreign).FromString(path.read_bytes()) == foreign


def test_message_with_detached_weights_is_not_saved_alone(tmp_path: Path) -> None:
    lean = load_lean_bytes(dense_network().SerializeToString())
    with pytest.raises(MLModelError, match="LeanModel"):
        save_spec(lean.spec, tmp_path / "x.mlmodel")
    assert list(tmp_path.iterdir()) == []


def test_unknown_fields_survive(tmp_path: Path) -> None:
    """Fields of a later format: in the model, in a layer, in a weight whose numbers are detached."""
    extra = b"\xfa\xff\x01\x05later"  # field 4095, a string
    weights = extra + b"\x0a\xa0\x1f" + np.arange(1000, dtype="<f4").tobytes() + b"\xf8\xff\x01\x07"
    layer = b"\x0a\x01l" + extra + field(140, field(20, weights) + extra)
    model = b"\x08\x04" + field(500, field(1, layer)) + extra
    for load in (load_model_bytes, load_lean_bytes):
        loaded = load(model)
        save_spec(loaded, tmp_path / "copy.mlmodel")
        data = (tmp_path / "copy.mlmodel").read_bytes()
        assert data.count(b"later") == 4
        assert b"\xf8\xff\x01\x07" in data
        again = load_model_bytes(data)
        assert len(data) == len(model)
        assert list(again.neuralNetwork.layers[0].innerProduct.weights.floatValue) == list(range(1000))


def field(number: int, data: bytes) -> bytes:
    """A length-delimited field, written independently of the package."""
    from google.protobuf.internal import encoder

    varint: Callable[[int], bytes] = encoder._VarintBytes  # type: ignore[attr-defined]
    return varint(number << 3 | 2) + varint(len(data)) + data


def test_real_files_load_and_round_trip(models_dir: Path) -> None:
    from coremltools.proto import Model_pb2

    paths = sorted(models_dir.glob("*.mlmodel"))
    assert paths
    for path in paths:
        foreign = Model_pb2.Model.FromString(path.read_bytes())
        for loaded in (load_spec(path), load_lean(path)):
            assert b"".join(model_pieces(loaded)) == same(foreign), path.name


def test_package_folder_loads(tmp_path: Path) -> None:
    import coremltools

    foreign = dense_network()
    package = tmp_path / "model.mlpackage"
    coremltools.models.utils.save_spec(foreign, str(package))
    assert same(load_spec(package)) == same(foreign)
    assert same(load_lean(package).to_spec()) == same(foreign)


def test_saving_keeps_permissions_and_follows_links(tmp_path: Path) -> None:
    model = load_model_bytes(dense_network().SerializeToString())
    real, link = tmp_path / "real.mlmodel", tmp_path / "link.mlmodel"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link.symlink_to(real)
    save_spec(model, link)
    assert link.is_symlink() and load_spec(real) == model
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def failing(error: OSError) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


@pytest.mark.parametrize("step", ["os.replace", "os.fsync", "os.write", "os.open"])
def test_failed_save_leaves_the_old_file_and_nothing_else(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model_bytes(dense_network().SerializeToString())
    path = tmp_path / "model.mlmodel"
    path.write_bytes(b"old")
    monkeypatch.setattr(step, failing(OSError(28, "No space left on device")))
    with pytest.raises(ModelIOError, match=r"model\.mlmodel.*No space left"):
        save_spec(model, path)
    assert [p.name for p in tmp_path.iterdir()] == ["model.mlmodel"]
    assert path.read_bytes() == b"old"


def test_full_disk_is_an_error_of_the_tree(tmp_path: Path) -> None:
    """A real refusal by the kernel: a limit on the size of files stands for a full disk."""
    import resource
    import signal

    model = load_model_bytes(dense_network(width=50_000).SerializeToString())
    old_handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    old_limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, old_limit[1]))
    try:
        with pytest.raises(ModelIOError, match="File too large"):
            save_spec(model, tmp_path / "model.mlmodel")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old_limit)
        signal.signal(signal.SIGXFSZ, old_handler)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["no/such/folder/x.mlmodel", "folder"])
def test_unwritable_places_are_errors_of_the_tree(place: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ModelIOError, match="cannot write the model"):
        save_spec(messages.Model(specificationVersion=1), tmp_path / place)
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_interrupted_process_leaves_the_old_file(tmp_path: Path) -> None:
    """A child is killed between writing and renaming, at the fsync of the new file."""
    path = tmp_path / "model.mlmodel"
    path.write_bytes(b"old")
    child = os.fork()
    if child == 0:
        os.fsync = lambda handle: os.kill(os.getpid(), 9)  # type: ignore[assignment]
        save_spec(messages.Model(specificationVersion=1), path)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -9
    assert path.read_bytes() == b"old"
