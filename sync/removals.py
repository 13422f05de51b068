"""What the network no longer has, found without reading all of its ids.

The network's count of rows tells whether anything is missing. Where something is, the ids
at the edges of a few pages tell between which of them: both lists ascend, so an id that
stands further down in the mirror than on the network has that many missing rows before it.
Ten thousand rows and three removals take some twenty requests instead of a hundred.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from bridge.errors import NetworkError
from bridge.network.client import NetworkClient
from bridge.network.entities import Entity
from bridge.network.faults import Gone

PAGE: Final = 100


class RowHidden(NetworkError):
    """The network {network} still has {entity} {id}, but its listings do not show it."""

    hint = "Nothing was removed from the mirror; look for a plugin that changes queries."


def confirm_gone(client: NetworkClient, entity: Entity, ids: Sequence[int]) -> None:
    """Ask for rows about to be removed by their ids: a listing may hide what is there.

    Raises:
        RowHidden: one of them is there.
    """
    for row_id in ids:
        try:
            client.get(entity, row_id)
        except Gone:
            continue
        raise RowHidden(network=client.name, entity=entity.value, id=row_id)


class MiscountedRows(Exception):
    """The network's count of rows is not that of its own listing."""


@dataclass(slots=True)
class Difference:
    """Ids that only one side has: ``missing`` on the network, ``unknown`` to the mirror."""

    missing: list[int] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)


def differing_ids(
    read_page: Callable[[int], list[int]], known: array[int], *, there: int
) -> Difference:
    """Where the network's ``there`` ids and the ascending known ones part.

    ``read_page`` gives a page of the network's ids, counted from 1. Pages whose edges
    agree with the mirror are not read, so one row missing and one unknown between the same
    two edges make up for each other; a comparison of all ids finds them.

    Raises:
        MiscountedRows: there are fewer ids than ``there`` says.
    """
    return _Comparison(read_page, known, there).run()


def compare_all(ids: Iterable[int], known: array[int]) -> Difference:
    """The same by going through all ids of the network, in ascending order."""
    found = Difference()
    position = 0
    for each in ids:
        here = bisect_left(known, each, position)
        found.missing += known[position:here]
        position = here
        if here < len(known) and known[here] == each:
            position += 1
        else:
            found.unknown.append(each)
    found.missing += known[position:]
    return found


class _Comparison:
    def __init__(
        self, read_page: Callable[[int], list[int]], known: array[int], there: int
    ) -> None:
        self._read = read_page
        self._known = known
        self._last = -(-there // PAGE)
        self._pages: dict[int, list[int]] = {}
        # The rank in the mirror of the first id of a page. The first page begins at the top
        # whatever stands there, and the end is behind the last one.
        self._ranks = {1: 0, self._last + 1: len(known)}
        self._there = there
        self._found = Difference()

    def run(self) -> Difference:
        if self._last == 0:
            return Difference(missing=list(self._known))
        self._between(1, self._last + 1)
        return self._found

    def _between(self, first: int, behind: int) -> None:
        if self._surplus(first) == self._surplus(behind):
            return
        if behind - first == 1:
            ours = set(self._known[self._rank(first) : self._rank(behind)])
            theirs = set(self._page(first))
            self._found.missing += sorted(ours - theirs)
            self._found.unknown += sorted(theirs - ours)
            return
        middle = (first + behind) // 2
        self._between(first, middle)
        self._between(middle, behind)

    def _surplus(self, page: int) -> int:
        """How many ids more the mirror has before a page than the network."""
        return self._rank(page) - min((page - 1) * PAGE, self._there)

    def _rank(self, page: int) -> int:
        if page not in self._ranks:
            ids = self._page(page)
            if not ids:
                raise MiscountedRows
            self._ranks[page] = bisect_left(self._known, ids[0])
        return self._ranks[page]

    def _page(self, page: int) -> list[int]:
        if page not in self._pages:
            self._pages[page] = self._read(page)
        return self._pages[page]
