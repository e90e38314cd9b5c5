"""Compiled answers about aircraft in flight: who comes near whom, when and how near.

In go states as columns; out come pairs and their figures. `judge` holds the definition (see
`approach`); the rest finds the pairs that it must be asked about. Aircraft are sorted into a grid
of kinds (level or not, fast or not), slabs of altitude, rows of latitude and columns of longitude,
in this order, so that what an aircraft may meet in one slab of one row lies side by side, and is
tested in single precision, many at once. Each test before `judge` lets through too many, never too
few: they are about whole paths over the look-ahead, widened by what the rounding may come to.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from luftrom.ellipsoid import arctan2, compiled, sincos_deg

EARTH_RADIUS_M = 6_371_000.0               # of the sphere that BlueSky's flat distances are on
M_PER_DEG = EARTH_RADIUS_M * (math.pi / 180.0)
SLOW2_M2_S2 = 1e-6                         # relative speeds squared below this count as this
SLOW_CLIMB_M_S = 1e-6                      # relative vertical rates below this count as this

# Columns of the table of states that the kernels share.
LAT, LNG, COS_HALF, SIN_HALF, EAST, NORTH, ALTITUDE, CLIMB = range(8)
STATE_COLUMNS = 8
# Columns of the table of kinds: how far the fastest of them comes, with the minimum; the longest
# change of altitude; the lowest lower end, the highest lower end, and the height of a slab.
REACH, CHANGE, LOWEST, HIGHEST, SLAB_M = range(5)
KINDS = 4
# How a pair is told: bits.
CONFLICT, LOSS = 1, 2
LANES = 16                                 # so many are tested at once; tables are padded to it
_BATCH = 1024                              # a multiple of LANES
_RAD_PER_DEG = math.pi / 180.0
_DEG_PER_RAD = 180.0 / math.pi


# -- the definition ------------------------------------------------------------------------------

@compiled
def judge(own, other, horizontal_m, vertical_m, lookahead_s):
    """How the aircraft of the row `own` meets that of the row `other` (rows: see LAT and on).

    Returns (bits CONFLICT and LOSS, east and north of the other in m, distance now in m, distance
    at the closest point in m, seconds to it, seconds until the conflict begins, until it ends).
    """
    lng_deg = (other[LNG] - own[LNG]) + 180.0
    if lng_deg >= 360.0:
        lng_deg -= 360.0
    elif lng_deg < 0.0:
        lng_deg += 360.0
    cosine = own[COS_HALF] * other[COS_HALF] - own[SIN_HALF] * other[SIN_HALF]
    x = (lng_deg - 180.0) * _RAD_PER_DEG * cosine
    y = (other[LAT] - own[LAT]) * _RAD_PER_DEG
    distance = EARTH_RADIUS_M * math.sqrt(y * y + x * x)
    x, y = EARTH_RADIUS_M * x, EARTH_RADIUS_M * y
    u, v = other[EAST] - own[EAST], other[NORTH] - own[NORTH]
    speed2 = max(u * u + v * v, SLOW2_M2_S2)
    closest_s = -(u * x + v * y) / speed2
    closest2 = abs(distance * distance - closest_s * closest_s * speed2)
    limit2 = horizontal_m * horizontal_m
    height_m = other[ALTITUDE] - own[ALTITUDE]
    told = LOSS if distance < horizontal_m and abs(height_m) < vertical_m else 0
    start_s = end_s = 0.0
    if closest2 < limit2:
        half_s = math.sqrt(limit2 - closest2) / math.sqrt(speed2)
        climb = other[CLIMB] - own[CLIMB]
        if abs(climb) < SLOW_CLIMB_M_S:
            climb = SLOW_CLIMB_M_S
        one_s, two_s = (height_m + vertical_m) / -climb, (height_m - vertical_m) / -climb
        start_s = max(min(one_s, two_s), closest_s - half_s)
        end_s = min(max(one_s, two_s), closest_s + half_s)
        if start_s <= end_s and end_s > 0.0 and start_s < lookahead_s:
            told |= CONFLICT
    return told, x, y, distance, math.sqrt(closest2), closest_s, start_s, end_s


@partial(compiled, nogil=True)
def fill(states, order, pairs, limits, whose, bits, figures):
    """Judge candidates both ways and write those that conflict or have lost separation.

    `whose` (2p, 2) gets their numbers in the order of the caller, `bits` (2p,) and `figures`
    (2p, 6) what `judge` says: bearing in degrees, then from the distance now on. Returns how many.
    """
    count = 0
    for k in range(len(pairs)):
        for way in range(2):
            i, j = pairs[k, way], pairs[k, 1 - way]
            told, x, y, distance, closest, closest_s, start_s, end_s = judge(
                states[i], states[j], limits[0], limits[1], limits[2])
            if told:
                bearing = arctan2(x, y) * _DEG_PER_RAD
                whose[count, 0], whose[count, 1], bits[count] = order[i], order[j], told
                row = figures[count]
                row[0] = bearing + 360.0 if bearing < 0.0 else bearing
                row[1], row[2], row[3], row[4], row[5] = (distance, closest, closest_s, start_s,
                                                          end_s)
                count += 1
    return count


# -- the grid ------------------------------------------------------------------------------------

@partial(compiled, nogil=True)
def prepare(first, last, lat_deg, lng_deg, altitude_m, track_deg, speed_m_s, climb_m_s,
            fast_m_s, climbing_m_s, states, kinds):
    """Write the rows `first` to `last` of the table of states, and of which kind each is."""
    for k in range(first, last):
        row = states[k]
        row[LAT], row[LNG], row[ALTITUDE], row[CLIMB] = (lat_deg[k], lng_deg[k], altitude_m[k],
                                                         climb_m_s[k])
        row[SIN_HALF], row[COS_HALF] = sincos_deg(lat_deg[k] * 0.5)
        s, c = sincos_deg(track_deg[k])
        row[EAST], row[NORTH] = speed_m_s[k] * s, speed_m_s[k] * c
        kinds[k] = 2 * (speed_m_s[k] > fast_m_s) + (abs(climb_m_s[k]) > climbing_m_s)


@compiled
def survey(states, kinds, speed_m_s, lookahead_s):
    """How many of each kind (KINDS,), the table of kinds but for SLAB_M, and the bounds of all.

    REACH is metres without the minimum; the bounds are south, north, west, east in degrees.
    """
    counts = np.zeros(KINDS, np.int64)
    table = np.zeros((KINDS, 5))
    table[:, LOWEST], table[:, HIGHEST] = math.inf, -math.inf
    bounds = np.array((math.inf, -math.inf, math.inf, -math.inf))
    for k in range(len(states)):
        row, kind = states[k], kinds[k]
        change = row[CLIMB] * lookahead_s
        lower = row[ALTITUDE] + min(0.0, change)
        counts[kind] += 1
        table[kind, REACH] = max(table[kind, REACH], speed_m_s[k] * lookahead_s)
        table[kind, CHANGE] = max(table[kind, CHANGE], abs(change))
        table[kind, LOWEST] = min(table[kind, LOWEST], lower)
        table[kind, HIGHEST] = max(table[kind, HIGHEST], lower)
        bounds[0], bounds[1] = min(bounds[0], row[LAT]), max(bounds[1], row[LAT])
        bounds[2], bounds[3] = min(bounds[2], row[LNG]), max(bounds[3], row[LNG])
    return counts, table, bounds


@compiled
def _index(value, start, size, count):
    """Which of `count` steps of a size from a start on holds a value; the ends hold all beyond."""
    step = (value - start) / size
    return 0 if step < 0.0 else min(count - 1, int(min(step, 1e9)))


@compiled
def sort(states, kinds, table, slabs, grid, lookahead_s, starts, order):
    """Sort by cell: `order` (n,) gets who comes next, `starts` (cells + 1,) where cells begin.

    `slabs` (KINDS + 1,) int64 says at which slab each kind begins; `grid` is (south, degrees of a
    row, rows, west, degrees of a column, columns).
    """
    south, row_deg, rows, west, column_deg, columns = grid
    cells = np.empty(len(states), np.int32)
    for k in range(len(states)):
        row, kind = states[k], kinds[k]
        lower = row[ALTITUDE] + min(0.0, row[CLIMB] * lookahead_s)
        slab = slabs[kind] + _index(lower, table[kind, LOWEST], table[kind, SLAB_M],
                                    slabs[kind + 1] - slabs[kind])
        cell = ((slab * rows + _index(row[LAT], south, row_deg, rows)) * columns
                + _index(row[LNG], west, column_deg, columns))
        cells[k] = cell
        starts[cell + 1] += 1
    total = 0
    for cell in range(len(starts) - 1):
        count = starts[cell + 1]
        starts[cell + 1] = total
        total += count
    for k in range(len(states)):
        place = starts[cells[k] + 1]
        order[place] = k
        starts[cells[k] + 1] = place + 1


@partial(compiled, nogil=True)
def gather(first, last, states, order, lookahead_s, ordered, narrow):
    """Write the states in their order, and in single precision by column into `narrow` (8, n+).

    Its columns are those of the states, but for the altitude after the look-ahead as the last.
    """
    for k in range(first, last):
        row, new = states[order[k]], ordered[k]
        for column in range(STATE_COLUMNS):
            new[column] = row[column]
            narrow[column, k] = row[column]
        narrow[CLIMB, k] = row[ALTITUDE] + row[CLIMB] * lookahead_s


# -- candidates ----------------------------------------------------------------------------------

@compiled
def _test(narrow, first, blocks, own, shift_deg, reach2, height, lookahead, marks):
    """Mark which of the aircraft from `first` on may come near; all in single precision."""
    lat, lng, cos_half, sin_half = np.float32(own[LAT]), np.float32(shift_deg - own[LNG]), \
        np.float32(own[COS_HALF]), np.float32(own[SIN_HALF])
    east, north, altitude = (np.float32(own[EAST]), np.float32(own[NORTH]),
                             np.float32(own[ALTITUDE]))
    later = np.float32(own[ALTITUDE] + own[CLIMB] * np.float64(lookahead))
    scale, zero, tiny = np.float32(M_PER_DEG), np.float32(0.0), np.float32(1e-20)
    for block in range(blocks):
        base = first + block * LANES
        for lane in range(LANES):
            j = base + lane
            y = (narrow[LAT, j] - lat) * scale
            x = ((narrow[LNG, j] + lng) * scale
                 * (narrow[COS_HALF, j] * cos_half - narrow[SIN_HALF, j] * sin_half))
            u, v = narrow[EAST, j] - east, narrow[NORTH, j] - north
            time = -(x * u + y * v) / (u * u + v * v + tiny)
            time = time if time > zero else zero
            time = time if time < lookahead else lookahead
            x, y = x + u * time, y + v * time
            now, then = narrow[ALTITUDE, j] - altitude, narrow[CLIMB, j] - later
            upper = now if now > then else then
            lower = then if now > then else now
            marks[block * LANES + lane] = ((x * x + y * y <= reach2) & (upper >= -height)
                                           & (lower <= height))


@compiled
def _is_own_pair(states, i, j, is_same_row, shift):
    """Is the pair found from i, with the other's longitude shifted by so many turns?

    Each pair is met from the southern row, in one row from the west, once around the Earth.
    """
    lng_deg = states[j, LNG] - states[i, LNG]
    if shift == 0:
        if is_same_row and not (lng_deg > 0.0 or (lng_deg == 0.0 and j > i)):
            return False
        return abs(lng_deg) <= 180.0
    return lng_deg < -180.0 if shift > 0 else lng_deg > 180.0


@compiled
def _window(own, edge_cos, edge_sin, row, reach, lookahead_s, is_same_row):
    """How far west and east of an aircraft others of a row can be and still come near; degrees."""
    cosine = min(own[COS_HALF] * edge_cos[row] - own[SIN_HALF] * edge_sin[row],
                 own[COS_HALF] * edge_cos[row + 1] - own[SIN_HALF] * edge_sin[row + 1])
    path = own[EAST] * lookahead_s
    scale = M_PER_DEG * cosine
    if scale * 180.0 <= reach + abs(path):
        west = east = 180.0
    else:
        west, east = (reach - min(0.0, path)) / scale, (reach + max(0.0, path)) / scale
    return (0.0 if is_same_row else west) + 1e-6, east + 1e-6


@partial(compiled, nogil=True)
def search(first, last, states, narrow, starts, table, slabs, grid, edge_cos, edge_sin,
           limits, margins, pairs_max):
    """The pairs (p, 2) that the aircraft `first` to `last` of the order may make with others.

    `limits` and `margins` are metres horizontally and vertically, and limits the look-ahead in
    seconds; `edge_cos`, `edge_sin` are of half the latitudes between rows. Ends early behind
    `pairs_max` pairs: then there is one more than that at least.
    """
    south, row_deg, rows, west, column_deg, columns = grid
    lookahead_s = limits[2]
    reach_m, height_m = limits[0] + margins[0], limits[1] + margins[1]
    reach2, height = np.float32(reach_m * reach_m), np.float32(height_m)
    lookahead = np.float32(lookahead_s)
    marks = np.zeros(_BATCH, np.bool_)
    words = marks.view(np.uint64)
    pairs = np.empty((1024, 2), np.int32)
    count = 0
    for i in range(first, last):
        own = states[i]
        change = own[CLIMB] * lookahead_s
        lower = own[ALTITUDE] + min(0.0, change) - height_m
        upper = own[ALTITUDE] + max(0.0, change) + height_m
        row_first = _index(own[LAT], south, row_deg, rows)
        for kind in range(KINDS):
            slab_count = slabs[kind + 1] - slabs[kind]
            if (slab_count == 0 or upper < table[kind, LOWEST]
                    or lower - table[kind, CHANGE] > table[kind, HIGHEST]):
                continue
            slab_first = slabs[kind] + _index(lower - table[kind, CHANGE], table[kind, LOWEST],
                                              table[kind, SLAB_M], slab_count)
            slab_last = slabs[kind] + _index(upper, table[kind, LOWEST], table[kind, SLAB_M],
                                             slab_count)
            reach = table[kind, REACH] + reach_m
            northward = (reach + max(0.0, own[NORTH] * lookahead_s)) / M_PER_DEG
            row_last = _index(own[LAT] + northward, south, row_deg, rows)
            for row in range(row_first, row_last + 1):
                is_same = row == row_first
                before, behind = _window(own, edge_cos, edge_sin, row, reach, lookahead_s, is_same)
                for shift in range(0 if is_same else -1, 2):
                    middle = own[LNG] - 360.0 * shift
                    if middle + behind < west or middle - before > west + column_deg * columns:
                        continue
                    column_first = _index(middle - before, west, column_deg, columns)
                    column_last = _index(middle + behind, west, column_deg, columns)
                    for slab in range(slab_first, slab_last + 1):
                        cell = (slab * rows + row) * columns
                        start, end = starts[cell + column_first], starts[cell + column_last + 1]
                        while start < end:
                            size = min(end - start, _BATCH)
                            _test(narrow, start, (size + LANES - 1) // LANES, own, 360.0 * shift,
                                  reach2, height, lookahead, marks)
                            for word in range((size + 7) // 8):
                                if words[word] == 0:
                                    continue
                                for k in range(8 * word, min(8 * word + 8, size)):
                                    if marks[k] and _is_own_pair(states, i, start + k, is_same,
                                                                 shift):
                                        if count == len(pairs):
                                            if count > pairs_max:
                                                return pairs
                                            wider = np.empty((2 * count, 2), np.int32)
                                            wider[:count] = pairs
                                            pairs = wider
                                        pairs[count, 0], pairs[count, 1] = i, start + k
                                        count += 1
                            start += size
    return pairs[:count]
