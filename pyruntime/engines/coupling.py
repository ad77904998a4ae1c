"""Probabilities of classes from probabilities of pairs: the second method of Wu, Lin and Weng,
"Probability Estimates for Multi-class Classification by Pairwise Coupling", JMLR 5 (2004)."""

from __future__ import annotations

import numpy as np

from pyruntime.engines.values import Doubles


def coupled(pairwise: Doubles, classes: int) -> Doubles:
    """(count, classes) from (count, pairs): P(first | first or second) of the pairs (0,1), (0,2), …, (1,2), …

    The p that minimises the sum over pairs of (r_ji p_i - r_ij p_j)^2, by the paper's fixed-point iteration, one class
    after the other.  Stops as libsvm does: at a deviation of 0.005 / classes, or after max(100, classes) rounds.
    """
    q = _quadratic(pairwise, classes)
    p = np.full((len(pairwise), classes), 1 / classes)
    running = np.arange(len(pairwise))
    for _ in range(max(100, classes)):
        qp = (q[running] * p[running][:, None]).sum(axis=2)
        value = (p[running] * qp).sum(axis=1)
        open_ = np.abs(qp - value[:, None]).max(axis=1) >= 0.005 / classes
        running = running[open_]
        if not running.size:
            break
        p[running] = _round(q[running], p[running], qp[open_], value[open_])
    return p


def _quadratic(pairwise: Doubles, classes: int) -> Doubles:
    """Q of the paper (count, classes, classes): sums of r_ji^2 on the diagonal, -r_ji r_ij elsewhere."""
    first, second = np.triu_indices(classes, 1)
    r = np.zeros((len(pairwise), classes, classes))
    r[:, first, second], r[:, second, first] = pairwise, 1 - pairwise
    q = np.asarray(-r * r.transpose(0, 2, 1), np.float64)
    diagonal = np.arange(classes)
    q[:, diagonal, diagonal] = (r**2).sum(axis=1)
    return q


def _round(q: Doubles, p: Doubles, qp: Doubles, value: Doubles) -> Doubles:
    """One pass over the classes: each p_t moves to its best value, then all are divided by their new sum."""
    for t in range(p.shape[1]):
        change = (value - qp[:, t]) / q[:, t, t]
        p[:, t] += change
        total = 1 + change
        value = (value + change * (change * q[:, t, t] + 2 * qp[:, t])) / total**2
        qp = (qp + change[:, None] * q[:, t]) / total[:, None]
        p = p / total[:, None]
    return p
