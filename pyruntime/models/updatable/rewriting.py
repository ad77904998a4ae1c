"""rewrite_for_update: the layers that converters leave, as those that Core ML can train."""

from __future__ import annotations

from typing import Any

from pyruntime.models.updatable.chain import rewrite, walk
from pyruntime.models.updatable.losses import loss_blob
from pyruntime.models.updatable.make import last_network, lean_of
from pyruntime.models.updatable.network import Net
from pyruntime.spec import messages


def rewrite_for_update(model: Any, output: str | None = None) -> Any:
    """A copy of a model's message whose layers before the loss are such as Core ML can train, as far back as can be.

    The predictions stay, but for rounding: a matrix product with a constant becomes an inner product, a constant that
    is added behind it its bias; `softmaxND` over the channels becomes `softmax`; reshapes become `flatten`, or leave
    the way of the gradients.  Nothing learns yet: make_updatable does this by itself, and the rest.

    model: an MLModel, a path or a Model message; of a pipeline, its last model is rewritten.
    output: the output or blob that the loss would read, see make_updatable.
    """
    from pyruntime.layers.network import is_legacy

    lean = lean_of(model)
    network, where = last_network(lean.spec)
    net = Net(network, lean.payloads, where)
    legacy = is_legacy(net.message)
    net.name_apart()
    chain = walk(net, loss_blob(net, output), None)
    if chain:
        rewrite(net, chain, whole=False)
    net.commit()
    if not legacy and is_legacy(net.message):
        net.message.arrayInputShapeMapping = messages.EXACT_ARRAY_MAPPING
    return lean.to_spec()
