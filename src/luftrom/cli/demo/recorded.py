"""Recorded flights as input: positions of a day in, operational intents' 4D volumes out.

In goes a gzipped JSON list of positions as `traffic` 2.13 ships it (`switzerland.json.gz`: OpenSky
data of 2018-08-01): `timestamp` in ms since 1970 UTC, `latitude` and `longitude` in degrees WGS84,
`altitude` in feet, `icao24`, `callsign`. Out come flights, each cut into pieces of track with one
oriented rectangle, one altitude band and one time interval around each piece.

The altitudes are barometric (above the 1013.25 hPa surface). They are taken as metres W84 as they
are: all flights of the recording share the same error, so what is near in the air is near here.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from luftrom import limits
from luftrom.clock import NS_PER_S
from luftrom.errors import BadInput, NotFound, TooLarge
from luftrom.geometry.volume import Polygon, Volume4D

PACKAGE = "traffic"
SAMPLE = "data/samples/collections/switzerland.json.gz"
M_PER_FT = 0.3048
EARTH_RADIUS_M = 6_371_008.8
NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How closely volumes follow a track, and how a track is cut out of positions.

    A piece of track strays at most `lateral_m` from the chord of its ends and spans at most
    `vertical_m` of altitude and `piece_s_max` of time; its volume is wider than its positions by
    the margins. The agreement's separation minima are not in here: the conflict check adds them.
    """

    lateral_m: float = 250.0
    vertical_m: float = 150.0
    piece_s_max: float = 120.0
    margin_lateral_m: float = 100.0
    margin_vertical_m: float = 30.0
    margin_s: float = 10.0                 # the recording holds one position every 10 s
    gap_s_max: float = 600.0               # a longer silence begins another flight
    volumes_max: int = 20


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One flight as recorded, in order of time; arrays of one length n >= 2.

    `time_s` float64 seconds since 1970 UTC, strictly rising; `lat_deg`, `lng_deg` WGS84;
    `altitude_m` metres W84 under the assumption of the module.
    """

    icao24: str
    callsign: str
    time_s: np.ndarray
    lat_deg: np.ndarray
    lng_deg: np.ndarray
    altitude_m: np.ndarray


@dataclass(frozen=True, slots=True)
class Flight:
    """A track as an operational intent would declare it."""

    name: str
    icao24: str
    volumes: tuple[Volume4D, ...]


def find_recording() -> Path:
    """The sample inside the installed `traffic` package, which is never imported.

    Raises NotFound with the mend if the package is not there.
    """
    spec = importlib.util.find_spec(PACKAGE)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(place) / SAMPLE
        if path.is_file():
            return path
    raise NotFound("the recorded flights are not installed; "
                   "`pip install --no-deps traffic==2.13` brings them, and so does `make demo`")


def read_tracks(path: Path, tolerance: Tolerance = Tolerance()) -> list[Track]:
    """All flights of a recording, by time of first position. Raises BadInput, TooLarge."""
    try:
        with gzip.open(path) as stream:
            data = stream.read(limits.RECORDING_BYTES_MAX + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"cannot read {path}: {error}", field="recording") from None
    if len(data) > limits.RECORDING_BYTES_MAX:
        raise TooLarge(f"is larger than {limits.RECORDING_BYTES_MAX} bytes", field="recording")
    try:
        rows = json.loads(data)
        columns = {name: np.array([row[name] for row in rows]) for name in
                   ("timestamp", "latitude", "longitude", "altitude", "icao24", "callsign")}
        numbers = {name: columns[name].astype(np.float64) for name in
                   ("timestamp", "latitude", "longitude", "altitude")}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInput(f"is not a list of positions: {error!r}", field="recording") from None
    return list(_tracks(columns["icao24"].astype(str), columns["callsign"].astype(str),
                        numbers["timestamp"] / 1000, numbers["latitude"], numbers["longitude"],
                        numbers["altitude"] * M_PER_FT, tolerance))


def flights(tracks: list[Track], start_ns: int,
            tolerance: Tolerance = Tolerance()) -> list[Flight]:
    """The tracks as flights of another day: the hour of the first position becomes `start_ns`."""
    if not tracks:
        return []
    origin_s = min(track.time_s[0] for track in tracks) // 3600 * 3600
    shift_ns = start_ns - int(origin_s) * NS_PER_S
    return [Flight(track.callsign or track.icao24, track.icao24,
                   volumes_of(track, shift_ns, tolerance)) for track in tracks]


def volumes_of(track: Track, shift_ns: int = 0,
               tolerance: Tolerance = Tolerance()) -> tuple[Volume4D, ...]:
    """4D volumes that hold every position of the track at its time, in order of time.

    Neighbours share the position at which they meet. Where more than `volumes_max` pieces would
    be needed, the tolerances grow until they suffice.
    """
    scale = 1.0
    pieces = _pieces(track, tolerance, scale)
    while len(pieces) > tolerance.volumes_max:
        scale *= 1.3
        pieces = _pieces(track, tolerance, scale)
    return tuple(_volume(track, first, last, shift_ns, tolerance) for first, last in pieces)


def _tracks(icao24: np.ndarray, callsign: np.ndarray, time_s: np.ndarray, lat_deg: np.ndarray,
            lng_deg: np.ndarray, altitude_m: np.ndarray, tolerance: Tolerance) -> Iterator[Track]:
    good = (np.isfinite(time_s) & np.isfinite(altitude_m)
            & (np.abs(lat_deg) <= 90) & (np.abs(lng_deg) <= 180))
    order = np.flatnonzero(good)
    order = order[np.lexsort((time_s[order], callsign[order], icao24[order]))]
    who, call, when = icao24[order], callsign[order], time_s[order]
    same = (who[1:] == who[:-1]) & (call[1:] == call[:-1])
    twice = np.concatenate(([False], same & (when[1:] == when[:-1])))
    order, who, call, when = (values[~twice] for values in (order, who, call, when))
    new = ((who[1:] != who[:-1]) | (call[1:] != call[:-1])
           | (np.diff(when) > tolerance.gap_s_max))
    groups = [rows for rows in np.split(order, np.flatnonzero(new) + 1) if len(rows) > 1]
    for rows in sorted(groups, key=lambda rows: time_s[rows[0]]):
        yield Track(str(icao24[rows[0]]), str(callsign[rows[0]]).strip(), time_s[rows],
                    lat_deg[rows], lng_deg[rows], altitude_m[rows])


def _pieces(track: Track, tolerance: Tolerance, scale: float) -> list[tuple[int, int]]:
    """The track cut as Douglas and Peucker do, then joined again where a join still fits.

    Returns index pairs (first, last), both ends included; each begins where the one before ends.
    """
    piece_s = tolerance.piece_s_max * scale
    count = math.ceil((track.time_s[-1] - track.time_s[0]) / piece_s)
    ends = np.linspace(track.time_s[0], track.time_s[-1], count + 1)
    marks = np.unique(np.searchsorted(track.time_s, ends)).tolist()
    waiting, cut = list(pairwise(marks))[::-1], []
    while waiting:
        first, last = waiting.pop()
        split = _split(track, first, last, tolerance, scale)
        if split is None:
            cut.append((first, last))
        else:
            waiting += [(split, last), (first, split)]
    joined = cut[:1]
    for first, last in cut[1:]:
        begin = joined[-1][0]
        if (track.time_s[last] - track.time_s[begin] <= piece_s
                and _split(track, begin, last, tolerance, scale) is None):
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined


def _split(track: Track, first: int, last: int, tolerance: Tolerance,
           scale: float) -> int | None:
    """Where a piece must be cut to follow the track within the tolerances; None if it does."""
    if last - first < 2:
        return None
    inner = slice(first, last + 1)
    time_s = track.time_s[inner]
    altitude_m = track.altitude_m[inner]
    if altitude_m.max() - altitude_m.min() > tolerance.vertical_m * scale:
        chord = np.interp(time_s, time_s[[0, -1]], altitude_m[[0, -1]])
        off = np.abs(altitude_m - chord)[1:-1]
        worst = int(off.argmax()) if off.max() > tolerance.vertical_m / 4 else len(off) // 2
        return first + 1 + worst
    frame = _Frame(track.lat_deg[inner], track.lng_deg[inner])
    off = np.abs(frame.across_m)[1:-1]
    if off.max() > tolerance.lateral_m * scale:
        return first + 1 + int(off.argmax())
    return None


class _Frame:
    """Positions of a piece in a plane along the chord of its ends, in metres; n >= 2."""

    def __init__(self, lat_deg: np.ndarray, lng_deg: np.ndarray):
        self.lat0 = (lat_deg[0] + lat_deg[-1]) / 2
        lng = lng_deg[0] + (lng_deg - lng_deg[0] + 180) % 360 - 180    # no jump at 180 degrees
        self.lng0 = (lng[0] + lng[-1]) / 2
        self.m_per_lat = math.radians(EARTH_RADIUS_M)
        self.m_per_lng = self.m_per_lat * math.cos(math.radians(self.lat0))
        east, north = (lng - self.lng0) * self.m_per_lng, (lat_deg - self.lat0) * self.m_per_lat
        chord = math.hypot(east[-1] - east[0], north[-1] - north[0])
        self.ahead = (((east[-1] - east[0]) / chord, (north[-1] - north[0]) / chord)
                      if chord > 1 else (1.0, 0.0))
        self.along_m = (east * self.ahead[0] + north * self.ahead[1])
        middle = (east[0] + east[-1]) / 2, (north[0] + north[-1]) / 2
        self.across_m = ((north - middle[1]) * self.ahead[0]
                         - (east - middle[0]) * self.ahead[1])

    def place(self, along_m: float, across_m: float) -> tuple[float, float]:
        """(lat_deg, lng_deg) of a point of the plane, rounded to about a centimetre."""
        east = along_m * self.ahead[0] - across_m * self.ahead[1]
        north = along_m * self.ahead[1] + across_m * self.ahead[0]
        lng = (self.lng0 + east / self.m_per_lng + 180) % 360 - 180
        return round(self.lat0 + north / self.m_per_lat, 7), round(lng, 7)


def _volume(track: Track, first: int, last: int, shift_ns: int, tolerance: Tolerance) -> Volume4D:
    inner = slice(first, last + 1)
    frame = _Frame(track.lat_deg[inner], track.lng_deg[inner])
    margin = tolerance.margin_lateral_m
    back, front = frame.along_m.min() - margin, frame.along_m.max() + margin
    right, left = frame.across_m.min() - margin, frame.across_m.max() + margin
    corners = (frame.place(back, right), frame.place(front, right),
               frame.place(front, left), frame.place(back, left))
    altitude_m = track.altitude_m[inner]
    start_s = track.time_s[first] - tolerance.margin_s
    end_s = track.time_s[last] + tolerance.margin_s
    return Volume4D(
        outline=Polygon(corners),
        altitude_m_w84_lower=round(float(altitude_m.min()) - tolerance.margin_vertical_m, 1),
        altitude_m_w84_upper=round(float(altitude_m.max()) + tolerance.margin_vertical_m, 1),
        time_start_ns=int(start_s * 1000) * NS_PER_MS + shift_ns,
        time_end_ns=int(end_s * 1000) * NS_PER_MS + shift_ns)
