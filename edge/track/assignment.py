"""Who gets whom, so that the sum of what all pairs are worth is the largest."""

import numpy as np
from numpy.typing import NDArray

Pairs = list[tuple[int, int]]


def assign(profits: NDArray[np.float64]) -> Pairs:
    """Return pairs (row, column), each row and column at most once, of the largest total profit.

    `profits` (n, m), finite; a pair that is worth 0 or less is never made. Sorted by row.
    """
    rivals = profits > 0
    if rivals.sum(axis=0).max(initial=0) <= 1 and rivals.sum(axis=1).max(initial=0) <= 1:
        rows, columns = np.nonzero(rivals)  # nobody competes: the usual frame
        return list(zip(rows.tolist(), columns.tolist(), strict=True))
    costs = -np.maximum(profits, 0.0)
    if len(costs) > costs.shape[1]:
        pairs = [(row, column) for column, row in enumerate(_cheapest(costs.T))]
    else:
        pairs = list(enumerate(_cheapest(costs)))
    return sorted((row, column) for row, column in pairs if profits[row, column] > 0)


def _cheapest(costs: NDArray[np.float64]) -> list[int]:
    """Return the column of each row for the least sum; costs (n, m) with n <= m.

    The Hungarian method by shortest augmenting paths (Kuhn, 1955; Jonker and Volgenant, 1987):
    rows are added one by one, and potentials keep all reduced costs at 0 or more.
    """
    count, width = costs.shape
    row_price, column_price = np.zeros(count), np.zeros(width)
    owner = np.full(width, -1)
    for row in range(count):
        distance = np.full(width, np.inf)
        via = np.full(width, -1)  # the column before, on the path to each column
        done = np.zeros(width, bool)
        here, column, so_far = row, -1, 0.0
        while here >= 0:
            reach = so_far + costs[here] - row_price[here] - column_price
            nearer = ~done & (reach < distance)
            distance[nearer], via[nearer] = reach[nearer], column
            column = int(np.argmin(np.where(done, np.inf, distance)))
            so_far = float(distance[column])
            done[column] = True
            here = int(owner[column])
        settled = done & (distance < so_far)
        row_price[owner[settled]] += so_far - distance[settled]
        row_price[row] += so_far
        column_price[settled] -= so_far - distance[settled]
        while column >= 0:  # every row on the path moves one column on
            before = int(via[column])
            owner[column] = owner[before] if before >= 0 else row
            column = before
    columns = np.full(count, -1)
    columns[owner[owner >= 0]] = np.flatnonzero(owner >= 0)
    return [int(column) for column in columns]
