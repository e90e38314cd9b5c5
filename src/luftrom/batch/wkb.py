"""Well-known binary of many outlines to arrays, all rows at once (OGC 06-103r4, section 8).

A Polygon is the byte order, the type 3, the count of rings, for each the count of its points and
the points; a Point the byte order, the type 1 and its point. A point is two doubles, x (longitude)
and y (latitude). Both byte orders are read; other types, Z, M and SRIDs are refused.
"""

from __future__ import annotations

import numpy as np

from luftrom.errors import BadInput

_POINT, _POLYGON = 1, 3
_POLYGON_BYTES, _PLACE_BYTES = 13, 16
_HEAD_BYTES = 5                            # the byte order and the type


def decode_wkb(data: np.ndarray, offsets: np.ndarray, first: int
               ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`n` outlines to (m, 2) longitudes and latitudes, (n + 1,) ends, and (n,) whether a point.

    `data` is uint8, row k of it `data[offsets[k]:offsets[k + 1]]`, `offsets` (n + 1,) int64. Rings
    have one point for the centre, or keep their closing point. Raises BadInput for a row, counted
    from `first`.
    """
    starts, lengths = offsets[:-1], np.diff(offsets)
    _refuse(lengths < _POLYGON_BYTES, first, "is no whole WKB geometry")
    big = data[starts] == 0
    _refuse(data[starts] > 1, first, "is no WKB: its first byte is neither 0 nor 1")
    kinds = _integers(data, starts + 1, big)
    is_point = kinds == _POINT
    _refuse(~is_point & (kinds != _POLYGON), first,
            "is neither a Polygon nor a Point of two dimensions; several outlines are several rows "
            "with one id")
    rings = _integers(data, starts + _HEAD_BYTES, big)
    _refuse(~is_point & (rings > 1), first, "has holes, which are not taken: split the outline")
    _refuse(~is_point & (rings == 0), first, "is empty")
    counts = np.where(is_point, 1, _integers(data, starts + _HEAD_BYTES + 4, big))
    heads = np.where(is_point, _HEAD_BYTES, _POLYGON_BYTES)
    _refuse(heads + _PLACE_BYTES * counts != lengths, first, "is longer or shorter than it says")
    ends = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
    begins = np.repeat(starts + heads - _PLACE_BYTES * ends[:-1], counts)
    at = (begins + _PLACE_BYTES * np.arange(ends[-1]))[:, None] + np.arange(_PLACE_BYTES)
    raw = data[at]
    places = raw.view("<f8").astype(np.float64)
    swapped = np.repeat(big, counts)
    places[swapped] = raw.view(">f8")[swapped]
    return places, ends, is_point


def _integers(data: np.ndarray, at: np.ndarray, big: np.ndarray) -> np.ndarray:
    """The unsigned 32-bit integers at places of the data, as int64."""
    raw = data[at[:, None] + np.arange(4)]
    return np.where(big, raw.view(">u4")[:, 0], raw.view("<u4")[:, 0]).astype(np.int64)


def _refuse(wrong: np.ndarray, first: int, message: str) -> None:
    if wrong.any():
        raise BadInput(message, field=f"rows[{first + int(np.argmax(wrong))}].geometry")
