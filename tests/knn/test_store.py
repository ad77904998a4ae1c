"""The store of examples: segments, their files, and the text that a .mlmodel file keeps of them."""

from __future__ import annotations

from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyruntime.compiled.examples import attached, segment_name
from pyruntime.compiled.manifest import File
from pyruntime.errors import SpecError
from pyruntime.neighbors import layout
from pyruntime.neighbors.messages import METADATA, SEGMENTS, neighbor_models, put_store, read_store, with_examples
from pyruntime.neighbors.segments import BOTH, CODES, FLOATS, FORMS, UNKNOWN
from pyruntime.neighbors.store import ExampleStore
from pyruntime.spec import LeanModel, messages
from pyruntime.spec.payloads import Payloads
from tests.knn.models import knn_spec, pipeline_spec

WIDTH = 5


def some(count: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal((count, WIDTH)).astype(np.float32)


def table(store: ExampleStore) -> list[tuple[int, Any, int, bytes]]:
    """All that a store says of its examples."""
    rows = zip(store.ids.tolist(), store.labels(), store.added.tolist(), store.floats(), strict=True)
    return [(number, label, added, vector.tobytes()) for number, label, added, vector in rows]


def reopened(store: ExampleStore) -> ExampleStore:
    """Every segment through the bytes of its file."""
    files = [b"".join(layout.to_pieces(segment)) for segment in store.segments]
    segments = tuple(layout.from_bytes(memoryview(data), "", "file") for data in files)
    return ExampleStore(store.dimensions, segments, store.form, store.next_id)


@settings(deadline=None, max_examples=60)
@given(
    sizes=st.lists(st.integers(0, 9), max_size=12), seed=st.integers(0, 99), whole=st.booleans(),
    form=st.sampled_from(FORMS), drop=st.floats(0, 1),
)  # fmt: skip
def test_a_store_says_what_was_put_in(sizes: list[int], seed: int, whole: bool, form: str, drop: float) -> None:
    rng = np.random.default_rng(seed)
    names: Any = [3, -1, 2**40, 0] if whole else ["b", "a", "\N{SNOWMAN}", ""]
    store, expected = ExampleStore(WIDTH, form=form), []
    for time, size in enumerate(sizes):
        vectors, labels = some(size, seed + time), [names[place] for place in rng.integers(0, 4, size)]
        store = store.appended(vectors, labels, time)
        expected += [(label, time, vector) for label, vector in zip(labels, vectors, strict=True)]
        if time % 3 == 2:  # numbers of those that are gone are not given again
            keep = rng.random(len(expected)) >= drop
            store = reopened(store.kept(keep))
            expected = [row for row, stays in zip(expected, keep, strict=True) if stays]
    assert [(label, time) for _, label, time, _ in table(store)] == [row[:2] for row in expected]
    vectors = np.array([row[2] for row in expected], np.float32).reshape(-1, WIDTH)
    coarse = np.abs(vectors).max(initial=0) / 250 if form == CODES else 0
    np.testing.assert_allclose(store.floats(), vectors, atol=coarse)
    assert (np.diff(store.ids) > 0).all()
    assert store.next_id == sum(sizes)
    first_seen = list(dict.fromkeys(row[0] for row in expected))
    assert [store.table[place] for place in store.known] == first_seen
    assert len(store.segments) <= 1 + np.log2(max(1, sum(sizes)))


def test_segments_that_keep_their_examples_are_shared() -> None:
    store = ExampleStore(WIDTH).appended(some(100), ["a"] * 100).appended(some(10), ["b"] * 10)
    grown = store.appended(some(2), ["c"] * 2)
    assert grown.segments[:2] == store.segments
    without_b = grown.kept(np.array([label != "b" for label in grown.labels()]))
    assert without_b.segments == (store.segments[0], grown.segments[2])


@pytest.mark.parametrize("form", FORMS)
def test_vectors_in_a_file_begin_at_a_page_and_are_not_copied(form: str) -> None:
    segment = ExampleStore(WIDTH, form=form).appended(some(70), ["a"] * 70).segments[0]
    data = np.frombuffer(b"".join(layout.to_pieces(segment)), np.uint8)
    back = layout.from_bytes(data.data, "", "file")
    for array in (back.samples.floats, back.samples.codes):
        if array is not None:
            assert (array.ctypes.data - data.ctypes.data) % 4096 == 0
            assert np.shares_memory(array, data)
    assert layout.to_pieces(back) == [data.data]


@pytest.mark.parametrize("form", FORMS)
def test_no_damaged_byte_leads_outside(form: str) -> None:
    """A segment with any byte changed is refused, or still says where everything is."""
    data = b"".join(layout.to_pieces(ExampleStore(WIDTH, form=form).appended(some(3), ["a", "b", "a"]).segments[0]))
    used = [*range(300), 4096, len(data) - 1]
    for place in used:
        for value in (0x00, 0x01, 0x7F, 0x80, 0xFF):
            changed = bytearray(data)
            changed[place] = value
            try:
                segment = layout.from_bytes(memoryview(bytes(changed)), "", "file")
            except SpecError as error:
                assert "file is damaged" in str(error)
                continue
            assert segment.samples.shape == (3, WIDTH)
            assert segment.codes.max() < len(segment.table)
    for size in (0, 20, 100, 4096, len(data) - 1):
        with pytest.raises(SpecError, match="file is damaged"):
            layout.from_bytes(memoryview(data[:size]), "", "file")
    with pytest.raises(SpecError, match="file is damaged"):
        layout.from_bytes(memoryview(data + b"x"), "", "file")


@pytest.mark.parametrize("form", [CODES, BOTH])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_scales_that_are_no_scales_are_refused(form: str, value: float) -> None:
    segment = ExampleStore(WIDTH, form=form).appended(some(3), ["a", "b", "a"]).segments[0]
    assert segment.samples.scales is not None
    segment.samples.scales[1] = value
    with pytest.raises(SpecError, match="scales are no finite numbers"):
        reopened(ExampleStore(WIDTH, (segment,)))


def model_of(store: ExampleStore) -> tuple[Any, Payloads]:
    spec, payloads = knn_spec(default="none", dimensions=WIDTH), Payloads()
    put_store(spec, payloads, store)
    return spec, payloads


@settings(deadline=None, max_examples=40)
@given(sizes=st.lists(st.integers(1, 5), max_size=6), seed=st.integers(0, 99), known=st.booleans())
def test_messages_keep_numbers_and_times(sizes: list[int], seed: int, known: bool) -> None:
    store = ExampleStore(WIDTH)
    for time, size in enumerate(sizes):
        store = store.appended(some(size, seed + time), ["x", "y", "z", "x", "y"][:size], time if known else UNKNOWN)
    store = store.kept(np.random.default_rng(seed).random(len(store)) < 0.7)
    spec = messages.Model.FromString(with_examples(*model_of(store)).SerializeToString())
    back = read_store(spec, None)
    assert table(back) == table(store)
    assert back.next_id == store.next_id
    assert len(spec.kNearestNeighborsClassifier.nearestNeighborsIndex.floatSamples) == len(store)


def test_a_file_that_others_made_has_no_metadata_afterwards() -> None:
    spec = knn_spec(some(4), ["a", "b", "a", "c"], dimensions=WIDTH)
    payloads = Payloads()
    before = spec.SerializeToString(deterministic=True)
    put_store(spec, payloads, read_store(spec, None))
    assert with_examples(spec, payloads).SerializeToString(deterministic=True) == before


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("next=9 0*2@5 7*1", [0, 1, 7, 9]),  # another program added the last one
        ("next=9 0*2@5 7*2", [0, 1, 7, 8]),
        ("next=9 0*2 7*9", [0, 1, 2, 3]),
        ("next=9 7*2 0*2", [0, 1, 2, 3]),
        ("next=3 0*2 7*2", [0, 1, 2, 3]),
        ("next=3", [3, 4, 5, 6]),
        ("next=x 0*4", [0, 1, 2, 3]),
        ("next=4 0*999999999999999999", [0, 1, 2, 3]),
        ("nonsense", [0, 1, 2, 3]),
    ],
)
def test_metadata_that_does_not_fit_says_nothing(text: str, ids: list[int]) -> None:
    spec = knn_spec(some(4), ["a", "b", "a", "c"], dimensions=WIDTH)
    spec.description.metadata.userDefined[METADATA] = text
    store = read_store(spec, None)
    assert store.ids.tolist() == ids
    assert store.next_id > ids[-1]


def test_long_vectors_keep_their_numbers() -> None:
    """Vectors from 1 KiB on are payloads one by one when a file is opened."""
    vectors = np.random.default_rng(0).standard_normal((3, 400)).astype(np.float32)
    store = ExampleStore(400).appended(vectors, ["a", "b", "c"])
    spec, payloads = knn_spec(default="none", dimensions=400), Payloads()
    put_store(spec, payloads, store)
    np.testing.assert_array_equal(read_store(with_examples(spec, payloads), None).floats(), vectors)


def test_a_k_nn_inside_a_pipeline_is_found_by_its_place() -> None:
    assert [place for place, _ in neighbor_models(pipeline_spec())] == ["1"]
    assert ExampleStore(1).form == FLOATS


class Files:
    """Files of a directory whose manifest lists them."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self.contents = {segment_name(sha256(data).hexdigest()): data for data in contents.values()}
        files = {name: File(len(data), sha256(data).hexdigest()) for name, data in self.contents.items()}
        self.manifest = SimpleNamespace(files=files)

    def path(self, name: str) -> str:
        return f"folder/{name}"

    def data(self, name: str) -> memoryview:
        return memoryview(self.contents[name])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("next=9 float32 {a} {b}", None),
        ("next=7 float32 {a} {b}", "numbers of its examples do not rise"),
        ("next=9 float32 {b} {a}", "numbers of its examples do not rise"),
        ("next=9 float32 {a} {a}", "numbers of its examples do not rise"),
        ("next=9 float32 {wide}", "folder/segment-.* has 5 numbers per example and other labels"),
        ("next=9 float32 {whole}", "folder/segment-.* has 5 numbers per example and other labels"),
        ("next=9 float32 " + "0" * 64, "folder/segment-0{16}.examples is not among the files"),
        ("next=9 float32 ../../etc", "list of its examples is damaged"),
        ("next=9 float16 {a}", "list of its examples is damaged"),
        ("next=-1 float32", "list of its examples is damaged"),
        ("", "list of its examples is damaged"),
    ],
)
def test_the_list_of_segments_is_not_believed(text: str, message: str | None) -> None:
    store = ExampleStore(WIDTH).appended(some(6), ["a"] * 6).appended(some(2), ["b"] * 2)
    whole = ExampleStore(WIDTH).appended(some(1), [3])
    contents = {
        name: b"".join(layout.to_pieces(segment))
        for name, segment in zip(["a", "b", "whole"], (*store.segments, *whole.segments), strict=True)
    }
    contents["wide"] = contents["a"]
    spec = knn_spec(default="none", dimensions=4 if "wide" in text else WIDTH)
    spec.kNearestNeighborsClassifier.stringClassLabels.SetInParent()
    hashes = {name: sha256(data).hexdigest() for name, data in contents.items()}
    spec.description.metadata.userDefined[SEGMENTS] = text.format(**hashes)
    lean = LeanModel(spec, Payloads(), "folder/model")
    if message is None:
        assert table(read_store(attached(lean, Files(contents)).spec, lean.payloads)) == table(store)
    else:
        with pytest.raises(SpecError, match=message):
            attached(lean, Files(contents))
