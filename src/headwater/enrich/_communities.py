"""Communities of a graph of which most parts are small, by Louvain, each part by itself.

The gain of Louvain on the whole graph falls apart into its parts: the modularity of a part with m_c
of the m edges has the resolution m_c / m. So it is found part by part, and what is found for one
does not depend on the order in which chance visits the others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..extras import needs

__all__ = ["communities"]


def communities(n: int, links: Sequence[tuple[int, int, float]], seed: int) -> list[list[int]]:
    """The nodes 0 to n - 1 as communities, ascending, in the order of their first nodes.

    ``links`` are (i, j, weight), each pair once. The result depends on the numbering alone.
    """
    if not links:
        return [[i] for i in range(n)]
    i, j, weight = (np.array(each) for each in zip(*sorted(links), strict=True))
    graph = coo_array((weight, (i, j)), shape=(n, n))
    _, part = connected_components(graph, directed=False)
    of_part = part[i]
    order = np.argsort(of_part, kind="stable")
    edges = np.split(order, np.flatnonzero(np.diff(of_part[order])) + 1)
    linked = {int(of_part[some[0]]): some for some in edges}
    found: list[list[int]] = []
    members = np.argsort(part, kind="stable")
    for nodes in np.split(members, np.flatnonzero(np.diff(part[members])) + 1):
        if len(nodes) < 3:  # one edge: together is always better
            found.append(nodes.tolist())
            continue
        some = linked[int(part[nodes[0]])]
        inner = float(weight[some].sum()) / float(weight.sum())
        found += _louvain(nodes, i[some], j[some], weight[some], inner, seed)
    return sorted(found)


def _louvain(
    nodes: np.ndarray, i: np.ndarray, j: np.ndarray, weight: np.ndarray, scale: float, seed: int
) -> list[list[int]]:
    with needs("communities of names and stories", "news"):
        import networkx as nx
    graph = nx.Graph()
    graph.add_nodes_from(nodes.tolist())
    graph.add_weighted_edges_from(zip(i.tolist(), j.tolist(), weight.tolist(), strict=True))
    made = nx.community.louvain_communities(graph, resolution=scale, seed=seed)
    return [sorted(each) for each in made]
