"""The order of passes, and why."""

from __future__ import annotations

from dataclasses import replace

from pyruntime.ir.graph import Graph, Node, Pass
from pyruntime.ir.verify import verify
from pyruntime.native.lib import Context
from pyruntime.passes.affine import (
    constants_to_affine,
    fold_affine_into_weights,
    fold_scale_into_affine,
    merge_affines,
)
from pyruntime.passes.attention import fuse_attention
from pyruntime.passes.clamps import merge_clamps
from pyruntime.passes.clean import drop_dead_nodes, fold_constants, remove_identities
from pyruntime.passes.fuse import fuse_activation, fuse_residual
from pyruntime.passes.inverted import fuse_inverted
from pyruntime.passes.layout import sink_transposes
from pyruntime.passes.norms import fuse_layer_norm
from pyruntime.passes.pack import pack_weights
from pyruntime.passes.recurrent import recognise_recurrent_loops
from pyruntime.passes.regions import constants_inside, drop_dead_results
from pyruntime.passes.reshapes import sink_reshapes

PASSES: tuple[Pass, ...] = (
    drop_dead_nodes,           # before anything costs time
    fold_constants,            # before layout: constants then transpose for free
    remove_identities,
    recognise_recurrent_loops, # while bodies are as lowering wrote them
    sink_transposes,           # before the fusions: they look at the last axis for channels
    sink_reshapes,             # before the fusions: a dense layer and its ReLU must meet
    merge_clamps,              # before fuse_activation: a ReLU6 in four nodes must be one
    remove_identities,         # what merging left: times -1, times -1
    drop_dead_nodes,           # what merging replaced would count as readers below
    fuse_attention,            # before constants_to_affine: a mask that is one row would become a shift
    drop_dead_nodes,
    constants_to_affine,       # before folding: x * c and x + c are Affine then
    merge_affines,
    fuse_layer_norm,           # behind these two: gamma and beta are one Affine then
    drop_dead_nodes,
    fold_scale_into_affine,    # after merging: one Affine is left to take the scale
    fold_affine_into_weights,  # before fuse_activation: the activation must see the folded bias
    fuse_activation,
    fuse_residual,             # after fuse_activation: the addition brings its own activation along
    drop_dead_nodes,
)  # fmt: skip


def optimise(graph: Graph, context: Context) -> Graph:
    """All passes, each followed by `verify`; last the packing of weights for `context`'s kernels.

    Regions of branches and loops take the same way, after the graph around them: they may learn constants from it.
    """
    graph = drop_dead_results(graph)
    verify(graph, after=drop_dead_results.__name__)
    return _optimise(graph, context)


def _optimise(graph: Graph, context: Context) -> Graph:
    for step in PASSES:
        graph = step(graph)
        verify(graph, after=step.__name__)
    if any(node.regions for node in graph.nodes):
        graph = drop_dead_nodes(graph.with_nodes(_with_regions(node, graph, context) for node in graph.nodes))
    return fuse_inverted(pack_weights(graph, context))


def _with_regions(node: Node, graph: Graph, context: Context) -> Node:
    if not node.regions:
        return node
    node = constants_inside(node, graph.constants)
    return replace(node, regions=tuple(_optimise(region, context) for region in node.regions))
