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

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from luftrom.geometry.compiling import compiled, released
from luftrom.geometry.ellipsoid import sincos_deg

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
# Kinds: 0, and these bits.
CLIMBS, FAST, KINDS = 1, 2, 4
# How a pair is told: bits.
CONFLICT, LOSS = 1, 2
LANES = 16                                 # so many are tested at once; tables are padded by it
_PAIRS_MIN = 1024                          # room for so many is made at first
_RAD_PER_DEG = math.pi / 180.0


# -- the definition ------------------------------------------------------------------------------

@compiled
def judge(states, i, j, horizontal_m, vertical_m, lookahead_s):
    """How the aircraft of row i meets that of row j (states: (n, 8), see LAT and on).

    Returns (bits CONFLICT and LOSS, east and north of the other in m, distance now in m, distance
    at the closest point in m, seconds to it, seconds until the conflict begins, until it ends).
    """
    lng_deg = (states[j, LNG] - states[i, LNG]) + 180.0
    if lng_deg >= 360.0:
        lng_deg -= 360.0
    elif lng_deg < 0.0:
        lng_deg += 360.0
    cosine = (states[i, COS_HALF] * states[j, COS_HALF]
              - states[i, SIN_HALF] * states[j, SIN_HALF])
    x = (lng_deg - 180.0) * _RAD_PER_DEG * cosine
    y = (states[j, LAT] - states[i, LAT]) * _RAD_PER_DEG
    distance = EARTH_RADIUS_M * math.sqrt(y * y + x * x)
    x, y = EARTH_RADIUS_M * x, EARTH_RADIUS_M * y
    u, v = states[j, EAST] - states[i, EAST], states[j, NORTH] - states[i, NORTH]
    speed2 = max(u * u + v * v, SLOW2_M2_S2)
    closest_s = -(u * x + v * y) / speed2
    closest2 = abs(distance * distance - closest_s * closest_s * speed2)
    limit2 = horizontal_m * horizontal_m
    height_m = states[j, ALTITUDE] - states[i, ALTITUDE]
    told = LOSS if distance < horizontal_m and abs(height_m) < vertical_m else 0
    start_s = end_s = 0.0
    if closest2 < limit2:
        half_s = math.sqrt(limit2 - closest2) / math.sqrt(speed2)
        climb = states[j, CLIMB] - states[i, CLIMB]
        if abs(climb) < SLOW_CLIMB_M_S:
            climb = SLOW_CLIMB_M_S
        one_s, two_s = (height_m + vertical_m) / -climb, (height_m - vertical_m) / -climb
        start_s = max(min(one_s, two_s), closest_s - half_s)
        end_s = min(max(one_s, two_s), closest_s + half_s)
        if start_s <= end_s and end_s > 0.0 and start_s < lookahead_s:
            told |= CONFLICT
    return told, x, y, distance, math.sqrt(closest2), closest_s, start_s, end_s


@released
def fill(first, last, states, order, pairs, limits, whose, bits, figures):
    """Judge the pairs `first` to `last` both ways and write what conflicts or is lost.

    The other way is the mirror of the one, but where the definition has a sign of its own: for
    rates that are nearly equal, and half around the Earth. There each sees the other in the west,
    which are two places in the plane, and `pairs` holds each way round for itself.

    Rows are written from 2 * `first` on: into `whose` (2p, 2) their numbers in the caller's order,
    into `bits` (2p,) and `figures` (2p, 7) what `judge` says. Returns how many.
    """
    horizontal_m, vertical_m, lookahead_s = limits[0], limits[1], limits[2]
    row = 2 * first
    for k in range(first, last):
        i, j = pairs[k, 0], pairs[k, 1]
        told, east_m, north_m, distance, closest, closest_s, start_s, end_s = judge(
            states, i, j, horizontal_m, vertical_m, lookahead_s)
        ways = 1 if abs(states[j, LNG] - states[i, LNG]) == 180.0 else 2
        for way in range(ways):
            if way == 1:
                i, j, east_m, north_m = j, i, -east_m, -north_m
                if abs(states[j, CLIMB] - states[i, CLIMB]) < SLOW_CLIMB_M_S:
                    told, east_m, north_m, distance, closest, closest_s, start_s, end_s = judge(
                        states, i, j, horizontal_m, vertical_m, lookahead_s)
            if told:
                whose[row, 0], whose[row, 1], bits[row] = order[i], order[j], told
                figures[row, 0], figures[row, 1] = east_m, north_m
                figures[row, 2], figures[row, 3] = distance, closest
                figures[row, 4], figures[row, 5], figures[row, 6] = closest_s, start_s, end_s
                row += 1
    return row - 2 * first


# -- the grid ------------------------------------------------------------------------------------

@released
def prepare(first, last, lat_deg, lng_deg, altitude_m, track_deg, speed_m_s, climb_m_s,
            fast_m_s, climbing_m_s, states, kinds):
    """Write the rows `first` to `last` of the table of states, and of which kind each is."""
    for k in range(first, last):
        states[k, LAT], states[k, LNG] = lat_deg[k], lng_deg[k]
        states[k, ALTITUDE], states[k, CLIMB] = altitude_m[k], climb_m_s[k]
        states[k, SIN_HALF], states[k, COS_HALF] = sincos_deg(lat_deg[k] * 0.5)
        s, c = sincos_deg(track_deg[k])
        states[k, EAST], states[k, NORTH] = speed_m_s[k] * s, speed_m_s[k] * c
        kinds[k] = (FAST * (speed_m_s[k] > fast_m_s)
                    + CLIMBS * (abs(climb_m_s[k]) > climbing_m_s))


@compiled
def survey(states, kinds, speed_m_s, lookahead_s):
    """How many of each kind (KINDS,), the table of kinds but for SLAB_M, and the bounds of all.

    REACH is metres without the minimum; the bounds are south, north, west, east in degrees.
    """
    counts = np.zeros(KINDS, np.int64)
    table = np.zeros((KINDS, 5))
    table[:, LOWEST], table[:, HIGHEST] = math.inf, -math.inf
    south, north, west, east = math.inf, -math.inf, math.inf, -math.inf
    for k in range(len(states)):
        kind = kinds[k]
        change = states[k, CLIMB] * lookahead_s
        lower = states[k, ALTITUDE] + min(0.0, change)
        counts[kind] += 1
        table[kind, REACH] = max(table[kind, REACH], speed_m_s[k] * lookahead_s)
        table[kind, CHANGE] = max(table[kind, CHANGE], abs(change))
        table[kind, LOWEST] = min(table[kind, LOWEST], lower)
        table[kind, HIGHEST] = max(table[kind, HIGHEST], lower)
        south, north = min(south, states[k, LAT]), max(north, states[k, LAT])
        west, east = min(west, states[k, LNG]), max(east, states[k, LNG])
    return counts, table, (south, north, west, east)


@compiled
def _index(value, start, size, count):
    """Which of `count` steps of a size from a start on holds a value; the ends hold all beyond."""
    return int(min(max((value - start) / size, 0.0), count - 1.0))


@compiled
def sort(states, kinds, table, slabs, grid, lookahead_s, starts, order):
    """Sort by cell: `order` (n,) gets who comes next, `starts` (cells + 1,) where cells begin.

    `slabs` (KINDS + 1,) int64 says at which slab each kind begins; `grid` is (south, degrees of a
    row, rows, west, degrees of a column, columns).
    """
    south, row_deg, rows, west, column_deg, columns = grid
    cells = np.empty(len(states), np.int32)
    for k in range(len(states)):
        kind = kinds[k]
        lower = states[k, ALTITUDE] + min(0.0, states[k, CLIMB] * lookahead_s)
        slab = slabs[kind] + _index(lower, table[kind, LOWEST], table[kind, SLAB_M],
                                    slabs[kind + 1] - slabs[kind])
        cell = ((slab * rows + _index(states[k, LAT], south, row_deg, rows)) * columns
                + _index(states[k, LNG], west, column_deg, columns))
        cells[k] = cell
        starts[cell + 1] += 1
    total = 0
    for cell in range(1, len(starts)):
        count = starts[cell]
        starts[cell] = total
        total += count
    for k in range(len(states)):
        cell = cells[k] + 1
        order[starts[cell]] = k
        starts[cell] += 1


@released
def gather(first, last, states, order, lookahead_s, ordered, narrow):
    """Write the states in their order, and in single precision by column into `narrow` (8, n+).

    Its columns are those of the states, but for the altitude after the look-ahead as the last.
    """
    for k in range(first, last):
        who = order[k]
        for column in range(STATE_COLUMNS):
            ordered[k, column] = states[who, column]
    for column in range(STATE_COLUMNS):
        for k in range(first, last):
            narrow[column, k] = ordered[k, column]
    for k in range(first, last):
        narrow[CLIMB, k] = ordered[k, ALTITUDE] + ordered[k, CLIMB] * lookahead_s


# -- candidates ----------------------------------------------------------------------------------

@intrinsic
def _may_meet(_, table, first, stride, own, limits):
    """Bits of the LANES aircraft from `first` on that may come near; single precision, at once.

    `table` is the address of `narrow`, `stride` the length of its columns; `own` is (latitude,
    turns less longitude in degrees, and the other columns of `narrow`), `limits` the squared reach
    in m2, the height in m and the look-ahead in s. It is written in vectors since the compiler
    makes none of runs as short as these.
    """
    def generate(_, build, __, values):
        return _vector_test(build, *values)

    return types.int64(table, first, stride, own, limits), generate


def _vector_test(build, table, first, stride, own, limits):
    """The code of `_may_meet`: the least distance within the look-ahead, and both heights."""
    single, word, short = ir.FloatType(), ir.IntType(64), ir.IntType(32)
    vector = ir.VectorType(single, LANES)
    start = build.inttoptr(table, single.as_pointer())
    nothing = ir.Constant(vector, ir.Undefined)
    first_lane = ir.Constant(ir.VectorType(short, LANES), [0] * LANES)

    def column(k):
        place = build.gep(start, [build.add(first, build.mul(stride, ir.Constant(word, k)))])
        return build.load(build.bitcast(place, vector.as_pointer()), align=4)

    def spread(pack, k):
        one = build.insert_element(nothing, build.extract_value(pack, k), ir.Constant(short, 0))
        return build.shuffle_vector(one, nothing, first_lane)

    def constant(value):
        return ir.Constant(vector, [ir.Constant(single, float(np.float32(value)))] * LANES)

    def both(x1, y1, x2, y2):
        return build.fadd(build.fmul(x1, x2), build.fmul(y1, y2))

    def larger(one, other):
        return build.select(build.fcmp_ordered(">", one, other), one, other)

    def smaller(one, other):
        return build.select(build.fcmp_ordered("<", one, other), one, other)

    zero, scale = constant(0.0), constant(M_PER_DEG)
    reach2, height, lookahead = (spread(limits, k) for k in range(3))
    y = build.fmul(build.fsub(column(LAT), spread(own, LAT)), scale)
    cosine = build.fsub(build.fmul(column(COS_HALF), spread(own, COS_HALF)),
                        build.fmul(column(SIN_HALF), spread(own, SIN_HALF)))
    x = build.fmul(build.fmul(build.fadd(column(LNG), spread(own, LNG)), scale), cosine)
    u = build.fsub(column(EAST), spread(own, EAST))
    v = build.fsub(column(NORTH), spread(own, NORTH))
    time = build.fdiv(build.fsub(zero, both(x, y, u, v)),
                      build.fadd(both(u, v, u, v), constant(1e-20)))
    time = smaller(larger(time, zero), lookahead)
    x, y = build.fadd(x, build.fmul(u, time)), build.fadd(y, build.fmul(v, time))
    now = build.fsub(column(ALTITUDE), spread(own, ALTITUDE))
    then = build.fsub(column(CLIMB), spread(own, CLIMB))
    met = build.and_(build.fcmp_ordered("<=", both(x, y, x, y), reach2), build.and_(
        build.fcmp_ordered(">=", larger(now, then), build.fsub(zero, height)),
        build.fcmp_ordered("<=", smaller(now, then), height)))
    return build.zext(build.bitcast(met, ir.IntType(LANES)), word)


@intrinsic
def _lowest_bit(_, bits):
    """The place of the lowest bit that is set, of int64 that is not 0."""
    def generate(_, build, __, values):
        return build.cttz(values[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(bits), generate


@compiled
def _is_own_pair(states, i, j, is_same_row, shift, is_narrow):
    """Is the pair found from i, with the other's longitude shifted by so many turns?

    Each pair is met from the southern row, in one row from the west, once around the Earth; but
    half around the Earth both from the west and from the east.
    `is_narrow`: no longitudes differ by more than half a turn.
    """
    if is_narrow and not is_same_row:
        return True
    lng_deg = states[j, LNG] - states[i, LNG]
    if shift == 0:
        if is_same_row and not (lng_deg > 0.0 or (lng_deg == 0.0 and j > i)):
            return False
        return abs(lng_deg) <= 180.0
    return lng_deg <= -180.0 if shift > 0 else lng_deg >= 180.0


@compiled
def _window(states, i, edge_cos, edge_sin, row, reach, lookahead_s, is_same_row):
    """How far west and east of an aircraft others of a row can be and still come near; degrees."""
    c, s = states[i, COS_HALF], states[i, SIN_HALF]
    cosine = min(c * edge_cos[row] - s * edge_sin[row],
                 c * edge_cos[row + 1] - s * edge_sin[row + 1])
    path = states[i, EAST] * lookahead_s
    scale = M_PER_DEG * cosine
    if scale * 180.0 <= reach + abs(path):
        west = east = 180.0
    else:
        west, east = (reach - min(0.0, path)) / scale, (reach + max(0.0, path)) / scale
    return (0.0 if is_same_row else west) + 1e-6, east + 1e-6


@compiled
def _runs(i, states, starts, kinds, slabs, grid, edge_cos, edge_sin, lookahead_s, margins, runs):
    """Write into `runs` (r, 4) where those stand whom aircraft i may meet; returns how many.

    A run is (first, end, turns to add to longitudes, is it the same row). `margins` are metres.
    """
    south, row_deg, rows, west, column_deg, columns = grid
    change = states[i, CLIMB] * lookahead_s
    lower = states[i, ALTITUDE] + min(0.0, change) - margins[1]
    upper = states[i, ALTITUDE] + max(0.0, change) + margins[1]
    northward = max(0.0, states[i, NORTH] * lookahead_s)
    row_first = _index(states[i, LAT], south, row_deg, rows)
    count = 0
    for kind in range(KINDS):
        slab_count = slabs[kind + 1] - slabs[kind]
        lowest, size = kinds[kind, LOWEST], kinds[kind, SLAB_M]
        if slab_count == 0 or upper < lowest or lower - kinds[kind, CHANGE] > kinds[kind, HIGHEST]:
            continue
        slab_first = slabs[kind] + _index(lower - kinds[kind, CHANGE], lowest, size, slab_count)
        slab_last = slabs[kind] + _index(upper, lowest, size, slab_count)
        reach = kinds[kind, REACH] + margins[0]
        row_last = _index(states[i, LAT] + (reach + northward) / M_PER_DEG, south, row_deg, rows)
        for row in range(row_first, row_last + 1):
            is_same = row == row_first
            before, behind = _window(states, i, edge_cos, edge_sin, row, reach, lookahead_s,
                                     is_same)
            for shift in range(0 if is_same else -1, 2):
                middle = states[i, LNG] - 360.0 * shift
                if middle + behind < west or middle - before > west + column_deg * columns:
                    continue
                column_first = _index(middle - before, west, column_deg, columns)
                column_last = _index(middle + behind, west, column_deg, columns)
                for slab in range(slab_first, slab_last + 1):
                    cell = (slab * rows + row) * columns
                    start, end = starts[cell + column_first], starts[cell + column_last + 1]
                    if start < end:
                        runs[count, 0], runs[count, 1] = start, end
                        runs[count, 2], runs[count, 3] = shift, is_same
                        count += 1
    return count


@released
def search(first, last, states, narrow, starts, kinds, slabs, grid, edge_cos, edge_sin,
           lookahead_s, margins, pairs_max, found):
    """The pairs (p, 2) that the aircraft `first` to `last` of the order may make with others.

    `margins` are the minima in metres, widened; `edge_cos`, `edge_sin` are of half the latitudes
    between rows. `found` (1,) counts for all threads, roughly, and too few if at all: beyond
    `pairs_max` the search ends early.
    """
    f4 = np.float32
    limits = (f4(margins[0] * margins[0]), f4(margins[1]), f4(lookahead_s))
    is_narrow = grid[4] * grid[5] < 179.0
    address, stride = narrow.ctypes.data, narrow.shape[1]
    runs = np.empty((3 * slabs[KINDS] * grid[2] + 1, 4), np.int32)
    pairs = np.empty((_PAIRS_MIN, 2), np.int32)
    count = 0
    for i in range(first, last):
        lat, lng, east, north = (f4(states[i, LAT]), states[i, LNG], f4(states[i, EAST]),
                                 f4(states[i, NORTH]))
        c, s, now = f4(states[i, COS_HALF]), f4(states[i, SIN_HALF]), f4(states[i, ALTITUDE])
        then = f4(states[i, ALTITUDE] + states[i, CLIMB] * lookahead_s)
        run_count = _runs(i, states, starts, kinds, slabs, grid, edge_cos, edge_sin, lookahead_s,
                          margins, runs)
        for run in range(run_count):
            end, shift, is_same = runs[run, 1], runs[run, 2], runs[run, 3] != 0
            own = (lat, f4(360.0 * shift - lng), c, s, east, north, now, then)
            for base in range(runs[run, 0], end, LANES):
                bits = _may_meet(address, base, stride, own, limits)
                while bits:
                    j = base + _lowest_bit(bits)
                    bits &= bits - 1
                    if j < end and _is_own_pair(states, i, j, is_same, shift, is_narrow):
                        if count == len(pairs):
                            found[0] += count - count // 2 if count > _PAIRS_MIN else count
                            if found[0] > pairs_max:
                                return pairs
                            wider = np.empty((2 * count, 2), np.int32)
                            wider[:count] = pairs
                            pairs = wider
                        pairs[count, 0], pairs[count, 1] = i, j
                        if states[j, LNG] - states[i, LNG] + 360.0 * shift == 180.0:
                            pairs[count, 0], pairs[count, 1] = j, i
                        count += 1
    return pairs[:count]
