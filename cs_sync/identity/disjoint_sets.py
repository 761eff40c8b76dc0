"""Disjoint sets (union-find) with tags, in near-linear time."""

from collections import defaultdict
from collections.abc import Iterable

Node = tuple[str, ...]


class DisjointSets:
    """Disjoint sets that only merge, each with the tags of all its members.

    A node that was never merged is a set of its own, and takes no memory.
    """

    def __init__(self) -> None:
        self._parent: dict[Node, Node] = {}
        self._size: dict[Node, int] = {}
        self._tags: dict[Node, set[Node]] = defaultdict(set)

    def find(self, node: Node) -> Node:
        """Return the representative node of the node's set."""
        parent = self._parent
        while (above := parent.get(node)) is not None:
            if (over := parent.get(above)) is None:
                return above
            parent[node] = node = over
        return node

    def union(self, first: Node, second: Node) -> None:
        """Merge the sets of two nodes."""
        large, small = self.find(first), self.find(second)
        if large == small:
            return
        sizes = self._size.pop(large, 1), self._size.pop(small, 1)
        if sizes[0] < sizes[1]:
            large, small = small, large
        self._parent[small] = large
        self._size[large] = sum(sizes)
        if tags := self._tags.pop(small, None):
            self._tags[large] |= tags

    def tag(self, node: Node, tag: Node) -> None:
        """Add a tag to a node, and so to its set."""
        self._tags[self.find(node)].add(tag)

    def get_tags(self, node: Node, kind: str) -> set[Node]:
        """Return the tags of the node's set that begin with `kind`."""
        return {tag for tag in self._tags.get(self.find(node), ()) if tag[0] == kind}

    def join(self, nodes: Iterable[Node]) -> None:
        """Merge the sets of all nodes."""
        listed = list(nodes)
        for node in listed[1:]:
            self.union(listed[0], node)
