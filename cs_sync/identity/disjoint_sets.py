"""Disjoint sets: which things have been found to be one and the same, in near-linear time."""

from collections import defaultdict
from collections.abc import Iterable

Node = tuple[str, ...]


class DisjointSets:
    """Sets that only ever grow together, each with the tags of all its members."""

    def __init__(self) -> None:
        self._parent: dict[Node, Node] = {}
        self._size: dict[Node, int] = {}
        self._tags: dict[Node, set[Node]] = defaultdict(set)

    def find(self, node: Node) -> Node:
        """The one node that stands for all of its set."""
        parent = self._parent
        if node not in parent:
            parent[node] = node
            self._size[node] = 1
            return node
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    def union(self, one: Node, other: Node) -> None:
        """Make the sets of both one set."""
        large, small = self.find(one), self.find(other)
        if large == small:
            return
        if self._size[large] < self._size[small]:
            large, small = small, large
        self._parent[small] = large
        self._size[large] += self._size.pop(small)
        self._tags[large] |= self._tags.pop(small, set())

    def tag(self, node: Node, tag: Node) -> None:
        """Note something that is true of a member, and so of its set."""
        self._tags[self.find(node)].add(tag)

    def tags(self, node: Node, kind: str) -> set[Node]:
        """The tags of the node's set that begin with `kind`."""
        return {tag for tag in self._tags.get(self.find(node), ()) if tag[0] == kind}

    def join(self, nodes: Iterable[Node]) -> None:
        """Make the sets of all of them one set."""
        listed = list(nodes)
        for node in listed[1:]:
            self.union(listed[0], node)
