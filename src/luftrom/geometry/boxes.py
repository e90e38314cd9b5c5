"""A tree of boxes over straight edges of a plane: which edges come near another one?

In go edges (n, 4), each the coordinates of its two ends, in metres of any plane; out come the
numbers of those that may lie within a reach of an edge asked about, and of nobody else's: the tree
is a filter, and whoever asks looks at each answer himself.

Edges are sorted along a curve that fills the plane (G. M. Morton, IBM, 1966, on their middles), so
that neighbours in a branch are neighbours in the plane whatever the order of the ring is. A box
lies along the mean direction of its edges (S. Gottschalk et al., OBBTree, SIGGRAPH 1996), so that
bundles of long thin neighbours fall apart in it. Memory is some 16 numbers an edge. A question
costs the logarithm of n where edges are spread as those of ordinary rings are; where n edges meet
in a place smaller than the reach, or radiate from one, it costs n.
"""

from __future__ import annotations

import math

import numpy as np

from luftrom.geometry.compiling import compiled

_LEAF_EDGES = 4                            # a branch with no more edges is not divided
_FEW = 64                                  # up to here numbers are sorted by insertion
_RUN = 16                                  # so many are sorted by insertion before runs are merged
_BITS = 16                                 # of each coordinate on the curve
# Columns of a tree: middle, direction, half length and width, first and last place in the order,
# the greatest number of an edge, and the row at which this branch ends.
_U, _V, _COS, _SIN, _LONG, _WIDE, _FIRST, _LAST, _GREATEST, _SKIP = range(10)


@compiled
def _spread(number):
    """The bits of a number of 16 bits with a free place before each."""
    number = (number | number << 8) & 0x00FF00FF
    number = (number | number << 4) & 0x0F0F0F0F
    number = (number | number << 2) & 0x33333333
    return (number | number << 1) & 0x55555555


@compiled
def _along_curve(edges):
    """The numbers of edges (n, 4) in the order in which the curve passes their middles."""
    low_u, high_u, low_v, high_v = math.inf, -math.inf, math.inf, -math.inf
    for i in range(len(edges)):
        u, v = edges[i, 0] + edges[i, 2], edges[i, 1] + edges[i, 3]
        low_u, high_u = min(low_u, u), max(high_u, u)
        low_v, high_v = min(low_v, v), max(high_v, v)
    extent = max(high_u - low_u, high_v - low_v)
    scale = ((1 << _BITS) - 1) / extent if extent > 0.0 else 0.0
    keys = np.empty(len(edges), np.int64)
    for i in range(len(edges)):
        u, v = edges[i, 0] + edges[i, 2], edges[i, 1] + edges[i, 3]
        keys[i] = _spread(int((u - low_u) * scale)) | _spread(int((v - low_v) * scale)) << 1
    return ranked(keys)


@compiled
def _enclose(edges, order, tree, row):
    """Fill in the box of a branch around its edges."""
    first, last = int(tree[row, _FIRST]), int(tree[row, _LAST])
    # Directions are added with doubled angles, as an edge has no front and no back.
    cos2, sin2, greatest = 0.0, 0.0, 0
    for k in range(first, last):
        i = order[k]
        greatest = max(greatest, i)
        eu, ev = edges[i, 2] - edges[i, 0], edges[i, 3] - edges[i, 1]
        cos2, sin2 = cos2 + (eu * eu - ev * ev), sin2 + 2.0 * eu * ev
    size = math.sqrt(cos2 * cos2 + sin2 * sin2)
    c, s = 1.0, 0.0
    if size > 0.0:
        c = math.sqrt(max(0.0, 0.5 * (1.0 + cos2 / size)))
        s = math.sqrt(max(0.0, 0.5 * (1.0 - cos2 / size)))
        s = -s if sin2 < 0.0 else s
    low_a, high_a, low_b, high_b = math.inf, -math.inf, math.inf, -math.inf
    for k in range(first, last):
        i = order[k]
        for end in (0, 2):
            u, v = edges[i, end], edges[i, end + 1]
            a, b = u * c + v * s, v * c - u * s
            low_a, high_a = min(low_a, a), max(high_a, a)
            low_b, high_b = min(low_b, b), max(high_b, b)
    a, b = (low_a + high_a) * 0.5, (low_b + high_b) * 0.5
    tree[row, _U], tree[row, _V] = a * c - b * s, a * s + b * c
    tree[row, _COS], tree[row, _SIN] = c, s
    tree[row, _GREATEST] = greatest
    tree[row, _LONG], tree[row, _WIDE] = (high_a - low_a) * 0.5, (high_b - low_b) * 0.5


@compiled
def plant(edges):
    """The tree over edges (n, 4), n > 0, and their numbers in its order; for `find_near`."""
    count = len(edges)
    order = _along_curve(edges)
    tree = np.empty((count, 10))           # enough, since a divided branch leaves two edges a leaf
    first, last = np.empty(64, np.int64), np.empty(64, np.int64)
    first[0], last[0] = 0, count
    waiting, rows = 1, 0
    while waiting:
        waiting -= 1
        start, stop = first[waiting], last[waiting]
        tree[rows, _FIRST], tree[rows, _LAST] = start, stop
        _enclose(edges, order, tree, rows)
        rows += 1
        if stop - start > _LEAF_EDGES:     # the first half is taken next, just behind its branch
            middle = (start + stop) // 2
            first[waiting], last[waiting] = middle, stop
            first[waiting + 1], last[waiting + 1] = start, middle
            waiting += 2
    for row in range(rows - 1, -1, -1):
        if tree[row, _LAST] - tree[row, _FIRST] > _LEAF_EDGES:
            tree[row, _SKIP] = tree[int(tree[row + 1, _SKIP]), _SKIP]
        else:
            tree[row, _SKIP] = row + 1
    return tree[:rows], order


@compiled
def find_near(tree, order, au, av, bu, bv, reach, after, out):
    """The edges behind number `after` in boxes within `reach` of that from a to b (or that point).

    Their numbers are written to `out` (n), and how many there are is returned.
    """
    pu, pv = (au + bu) * 0.5, (av + bv) * 0.5
    hu, hv = (bu - au) * 0.5, (bv - av) * 0.5
    size = math.sqrt(hu * hu + hv * hv)
    nu, nv = (-hv / size, hu / size) if size > 0.0 else (0.0, 0.0)
    kept, row = 0, 0
    while row < len(tree):
        du, dv = pu - tree[row, _U], pv - tree[row, _V]
        c, s = tree[row, _COS], tree[row, _SIN]
        half, width = tree[row, _LONG], tree[row, _WIDE]
        # Apart along the box, across it, or across the edge: then an axis separates the two.
        if (tree[row, _GREATEST] <= after
                or abs(du * c + dv * s) > half + abs(hu * c + hv * s) + reach
                or abs(dv * c - du * s) > width + abs(hv * c - hu * s) + reach
                or abs(du * nu + dv * nv) > (half * abs(nu * c + nv * s)
                                             + width * abs(nv * c - nu * s) + reach)):
            row = int(tree[row, _SKIP])
            continue
        if tree[row, _LAST] - tree[row, _FIRST] <= _LEAF_EDGES:
            for k in range(int(tree[row, _FIRST]), int(tree[row, _LAST])):
                if order[k] > after:
                    out[kept] = order[k]
                    kept += 1
        row += 1
    return kept


@compiled
def way_out(tree, u, v):
    """The end of a short straight way from a point to where no edge is."""
    du, dv, c, s = u - tree[0, _U], v - tree[0, _V], tree[0, _COS], tree[0, _SIN]
    along, across = du * c + dv * s, dv * c - du * s
    if tree[0, _LONG] < tree[0, _WIDE]:
        step = max(0.0, tree[0, _LONG] - abs(along)) + 1.0
        step = step if along > 0.0 else -step
        return u + step * c, v + step * s
    step = max(0.0, tree[0, _WIDE] - abs(across)) + 1.0
    step = step if across > 0.0 else -step
    return u - step * s, v + step * c


@compiled
def sort(numbers, count, most):
    """Put the first `count` numbers, all different and from 0 to `most`, into rising order."""
    if count > _FEW:
        is_there = np.zeros(most + 1, np.bool_)
        for k in range(count):
            is_there[numbers[k]] = True
        count = 0
        for number in range(most + 1):
            if is_there[number]:
                numbers[count] = number
                count += 1
        return
    for k in range(1, count):              # so few are sorted faster by putting each in its place
        number, j = numbers[k], k
        while j > 0 and numbers[j - 1] > number:
            numbers[j] = numbers[j - 1]
            j -= 1
        numbers[j] = number


# Sorting and counting as numpy does it takes a second and more to compile; this does not.

@compiled
def ranked(keys):
    """The places of numbers in rising order; of equal ones the first comes first."""
    count = len(keys)
    order, other = numbered(count), np.empty(count, np.int64)
    for k in range(count):
        place, j = order[k], k
        while j % _RUN and keys[order[j - 1]] > keys[place]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = place
    width = _RUN
    while width < count:
        for start in range(0, count, 2 * width):
            middle, stop = min(start + width, count), min(start + 2 * width, count)
            a, b = start, middle
            for k in range(start, stop):
                if b == stop or (a < middle and keys[order[a]] <= keys[order[b]]):
                    other[k] = order[a]
                    a += 1
                else:
                    other[k] = order[b]
                    b += 1
        order, other = other, order
        width *= 2
    return order


@compiled
def sort_values(values, count):
    """Put the first `count` values into rising order."""
    if count > _FEW:
        held = np.empty(count)
        for k in range(count):
            held[k] = values[k]
        order = ranked(held)
        for k in range(count):
            values[k] = held[order[k]]
        return
    for k in range(1, count):
        value, j = values[k], k
        while j > 0 and values[j - 1] > value:
            values[j] = values[j - 1]
            j -= 1
        values[j] = value


@compiled
def numbered(count):
    """The numbers from 0 to before `count`."""
    numbers = np.empty(count, np.int64)
    for k in range(count):
        numbers[k] = k
    return numbers
