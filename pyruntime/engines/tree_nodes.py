"""The nodes of a TreeEnsembleParameters message, checked and in the order in which C walks them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyruntime.errors import SpecError
from pyruntime.native.trees import NODE, Forest

LESS_EQUAL, LESS, GREATER_EQUAL, GREATER, EQUAL, NOT_EQUAL, LEAF = range(7)
"""TreeNodeBehavior of TreeEnsemble.proto."""

MAX_DIMENSIONS = 1 << 24

Ints = NDArray[np.int64]


class Nodes(NamedTuple):
    """One column per field, rows in the order of the file.  true, false: places of the children, -1 for leaves."""

    tree_id: NDArray[np.uint64]
    node_id: NDArray[np.uint64]
    behavior: Ints
    feature: NDArray[np.uint64]
    threshold: NDArray[np.float64]
    missing_true: NDArray[np.bool_]
    tree: Ints
    true: Ints
    false: Ints

    def name(self, place: int) -> str:
        return f"tree {self.tree_id[place]}, node {self.node_id[place]}"

    @property
    def is_leaf(self) -> NDArray[np.bool_]:
        return np.asarray(self.behavior == LEAF)


class ReadForest(NamedTuple):
    """forest: for C.  features: how many the comparisons reach.  single: compare in single precision (see trees.py)."""

    forest: Forest
    dimensions: int
    base: NDArray[np.float64]
    features: int
    single: bool


def read_forest(message: Any) -> ReadForest:
    """Check and read a TreeEnsembleParameters message.  Raises SpecError naming tree, node and rule."""
    dimensions = int(message.numPredictionDimensions)
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise _broken(f"numPredictionDimensions is {dimensions}, expected 1 to {MAX_DIMENSIONS}")
    base = np.array(message.basePredictionValue, np.float64)
    if base.size not in (0, dimensions) or not np.isfinite(base).all():
        raise _broken(f"basePredictionValue has {base.size} numbers, expected none or {dimensions} finite ones")
    nodes = _read_nodes(message.nodes)
    order = _walking_order(nodes)
    branches = ~nodes.is_leaf
    thresholds = nodes.threshold[branches]
    with np.errstate(over="ignore"):
        exact = bool((thresholds.astype(np.float32) == thresholds).all())
    single = exact and not np.isin(nodes.behavior, (EQUAL, NOT_EQUAL)).any()
    features = int(nodes.feature[branches].max(initial=0)) + 1
    forest = _forest(nodes, order, _read_values(message.nodes, nodes, dimensions))
    return ReadForest(forest, dimensions, base if base.size else np.zeros(dimensions), features, single)


def _broken(rule: str) -> SpecError:
    return SpecError(f"tree ensemble: {rule}; the file is damaged or badly written")


def _read_nodes(messages: Any) -> Nodes:
    if not messages:
        raise _broken("it has no nodes, expected at least one tree of one leaf")
    rows = [
        (n.treeId, n.nodeId, n.nodeBehavior, n.branchFeatureIndex, n.branchFeatureValue,
         n.missingValueTracksTrueChild, n.trueChildNodeId, n.falseChildNodeId)
        for n in messages
    ]  # fmt: skip
    columns = list(zip(*rows, strict=True))
    tree_id, node_id, feature, true_id, false_id = (np.array(columns[i], np.uint64) for i in (0, 1, 3, 6, 7))
    behavior, threshold = np.array(columns[2], np.int64), np.array(columns[4], np.float64)
    tree = _first_seen(tree_id)
    place = _Places(tree, node_id, tree_id)
    nodes = Nodes(
        tree_id, node_id, behavior, feature, threshold, np.array(columns[5], bool), tree,
        place.children(behavior, true_id, "trueChildNodeId"), place.children(behavior, false_id, "falseChildNodeId"),
    )  # fmt: skip
    _check_branches(nodes)
    return nodes


def _first_seen(values: NDArray[np.uint64]) -> Ints:
    """Equal values as equal numbers 0, 1, … in the order in which they first come."""
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse.reshape(-1)]


class _Places:
    """Where in the list the node of a tree and a number is."""

    def __init__(self, tree: Ints, node_id: NDArray[np.uint64], tree_id: NDArray[np.uint64]) -> None:
        self.tree, self.node_id, self.tree_id = tree, node_id, tree_id
        self.ids = np.unique(node_id)
        keys = tree * len(self.ids) + np.searchsorted(self.ids, node_id)
        self.order = np.argsort(keys, kind="stable")
        self.keys = keys[self.order]
        twice = np.flatnonzero(self.keys[1:] == self.keys[:-1])
        if twice.size:
            at = self.order[twice[0]]
            raise _broken(f"tree {tree_id[at]} has two nodes with nodeId {node_id[at]}")

    def children(self, behavior: Ints, wanted: NDArray[np.uint64], field: str) -> Ints:
        """Places of the nodes `wanted` in the trees of their parents; -1 for leaves."""
        ids = np.minimum(np.searchsorted(self.ids, wanted), len(self.ids) - 1)
        keys = self.tree * len(self.ids) + ids
        found = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        there = (self.ids[ids] == wanted) & (self.keys[found] == keys)
        lost = np.flatnonzero(~there & (behavior != LEAF))
        if lost.size:
            at = lost[0]
            raise _broken(
                f"tree {self.tree_id[at]}, node {self.node_id[at]}: {field} is {wanted[at]}, "
                "and the tree has no such node"
            )
        return np.where(behavior == LEAF, -1, self.order[found])


def _check_branches(nodes: Nodes) -> None:
    strange = np.flatnonzero((nodes.behavior < 0) | (nodes.behavior > LEAF))
    if strange.size:
        at = int(strange[0])
        raise _broken(f"{nodes.name(at)}: nodeBehavior is {nodes.behavior[at]}, expected 0 to {LEAF}")
    nameless = np.flatnonzero(np.isnan(nodes.threshold) & ~nodes.is_leaf)
    if nameless.size:
        raise _broken(f"{nodes.name(int(nameless[0]))}: branchFeatureValue is NaN, with which nothing compares")
    far = np.flatnonzero((nodes.feature >= 2**31 - 1) & ~nodes.is_leaf)
    if far.size:
        at = int(far[0])
        raise _broken(f"{nodes.name(at)}: branchFeatureIndex is {nodes.feature[at]}, which no input can have")


def _walking_order(nodes: Nodes) -> Ints:
    """Places of all nodes, tree by tree, parents before children.  Checks that each tree is a tree."""
    branches = np.flatnonzero(~nodes.is_leaf)
    children = np.concatenate([nodes.true[branches], nodes.false[branches]])
    parents = np.bincount(children, minlength=len(nodes.tree))
    crowded = np.flatnonzero(parents > 1)
    if crowded.size:
        raise _broken(f"{nodes.name(int(crowded[0]))} is the child of {parents[crowded[0]]} branches, expected one")
    level = np.flatnonzero(parents == 0)
    roots = np.bincount(nodes.tree[level], minlength=int(nodes.tree.max()) + 1)
    if (roots != 1).any():
        tree = int(np.flatnonzero(roots != 1)[0])
        name = nodes.tree_id[np.flatnonzero(nodes.tree == tree)[0]]
        raise _broken(f"tree {name} has {roots[tree]} nodes without parent, expected one, its root; are there cycles?")
    rank, count = np.full(len(nodes.tree), -1, np.int64), 0
    while level.size:
        rank[level] = np.arange(count, count + level.size)
        count += level.size
        branching = level[nodes.behavior[level] != LEAF]
        level = np.stack([nodes.true[branching], nodes.false[branching]], axis=1).reshape(-1)
    lost = np.flatnonzero(rank < 0)
    if lost.size:
        raise _broken(f"{nodes.name(int(lost[0]))} cannot be reached from the root: its branches form a cycle")
    return np.lexsort((rank, nodes.tree))


Values = tuple[Ints, NDArray[np.int32], NDArray[np.float64]]


def _read_values(messages: Any, nodes: Nodes, dimensions: int) -> Values:
    """(place of the leaf, output, value) of everything that leaves add."""
    owners: list[int] = []
    indices: list[int] = []
    values: list[float] = []
    for at in np.flatnonzero(nodes.is_leaf).tolist():
        for info in messages[at].evaluationInfo:
            owners.append(at)
            indices.append(info.evaluationIndex)
            values.append(info.evaluationValue)
    found = np.array(indices, np.uint64)
    if (found >= dimensions).any():
        at = int(np.flatnonzero(found >= dimensions)[0])
        raise _broken(f"{nodes.name(owners[at])}: evaluationIndex is {found[at]}, expected less than {dimensions}")
    numbers = np.array(values, np.float64)
    if not np.isfinite(numbers).all():
        at = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise _broken(f"{nodes.name(owners[at])}: evaluationValue is {numbers[at]}, expected a finite number")
    return np.array(owners, np.int64), found.astype(np.int32), numbers


def _forest(nodes: Nodes, order: Ints, values: Values) -> Forest:
    """Every comparison as `<=`: `>` and `>=` change their children, `<` takes the next smaller threshold, and `==`
    becomes two nodes, the second of which takes the equal away from the smaller."""
    kind = nodes.behavior[order]
    is_pair = (kind == EQUAL) | (kind == NOT_EQUAL)
    starts = np.concatenate([[0], np.cumsum(1 + is_pair)])
    if starts[-1] >= 2**31 - 1:
        raise _broken(f"it has {len(order)} nodes, more than can be walked")
    place = np.empty(len(order), np.int64)  # of a node of the file in the new list
    place[order] = starts[:-1]
    here, leaf = starts[:-1], kind == LEAF
    yes = np.where(leaf, here, place[nodes.true[order]])
    no = np.where(leaf, here, place[nodes.false[order]])
    missing = nodes.missing_true[order]
    flipped = (kind == GREATER) | (kind == GREATER_EQUAL) | (kind == NOT_EQUAL)
    yes, no, missing = np.where(flipped, no, yes), np.where(flipped, yes, no), missing ^ flipped
    limit = nodes.threshold[order]
    # x < -inf is never true, and neither is x <= NaN
    below = np.where(limit == -np.inf, np.nan, np.nextafter(limit, -np.inf))
    made = np.zeros(int(starts[-1]), NODE)
    first = made[here]
    first["threshold"] = np.where((kind == LESS) | (kind == GREATER_EQUAL), below, limit)
    first["feature"] = np.where(leaf, 0, nodes.feature[order].astype(np.int64))
    first["left"], first["right"], first["missing_left"] = np.where(is_pair, here + 1, yes), no, missing
    made[here] = first
    second = made[here[is_pair] + 1]
    second["threshold"], second["feature"] = below[is_pair], first["feature"][is_pair]
    second["left"], second["right"] = no[is_pair], yes[is_pair]
    made[here[is_pair] + 1] = second
    owners, indices, numbers = values
    by_owner = np.argsort(place[owners], kind="stable")
    begin = np.searchsorted(place[owners][by_owner], np.arange(len(made) + 1)).astype(np.int64)
    trees = nodes.tree[order]
    roots = here[np.flatnonzero(np.concatenate([[True], trees[1:] != trees[:-1]]))].astype(np.int32)
    return Forest(made, roots, begin, np.ascontiguousarray(indices[by_owner]), np.ascontiguousarray(numbers[by_owner]))
