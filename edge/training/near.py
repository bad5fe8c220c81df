"""Pictures that are nearly the same, brought together so that they teach or score, never both."""

from collections.abc import Sequence

from edge.vision.alike import NEAR_BITS, distance

BITS = 64
# hashes that differ in NEAR_BITS bits or less are equal in one of so many bands at least
BANDS = NEAR_BITS + 1
BAND_BITS = -(-BITS // BANDS)


def near_groups(hashes: Sequence[int | None]) -> list[list[int]]:
    """Return the indices in groups: what is linked by steps of NEAR_BITS bits or less is together.

    A picture without a hash is alone. Groups and indices come in ascending order.
    """
    parents = list(range(len(hashes)))
    first: dict[int, int] = {}
    for i, code in enumerate(hashes):
        if code is not None:
            parents[i] = first.setdefault(code, i)
    for one, other in _near_pairs(list(first)):
        a, b = _root(parents, first[one]), _root(parents, first[other])
        parents[max(a, b)] = min(a, b)
    groups: dict[int, list[int]] = {}
    for i in range(len(hashes)):
        groups.setdefault(_root(parents, i), []).append(i)
    return list(groups.values())


def _near_pairs(codes: Sequence[int]) -> list[tuple[int, int]]:
    """Return the pairs of different hashes that are near; only those with an equal band are met."""
    pairs = []
    for band in range(BANDS):
        met: dict[int, list[int]] = {}
        for code in codes:
            same = met.setdefault(code >> (band * BAND_BITS) & ((1 << BAND_BITS) - 1), [])
            pairs += [(other, code) for other in same if distance(other, code) <= NEAR_BITS]
            same.append(code)
    return pairs


def _root(parents: list[int], i: int) -> int:
    while parents[i] != i:
        parents[i] = parents[parents[i]]
        i = parents[i]
    return i
