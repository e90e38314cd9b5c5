"""Who meets whom: the volumes of all records in one index, and how two of them meet.

What was over long before the later of two was signed plays no part between them, and is dropped
once every log has come so far: see docs/decisions/over.md.
"""

from __future__ import annotations

from luftrom.airspace.over import not_over, over_until_ns
from luftrom.errors import Unverified
from luftrom.geometry.encounter import Encounter, encounter
from luftrom.geometry.index.volume_index import VolumeIndex
from luftrom.geometry.volume import Separation, Volume4D
from luftrom.state.record import ACCEPTED, Record


class Meetings:
    """Records by the volumes that they ask for. The parts of `Record.met` are kept here."""

    def __init__(self, separation: Separation):
        self.separation = separation
        self._index = VolumeIndex(separation)
        self._records: dict[int, Record] = {}          # by serial: those with volumes in the index
        self._encounters: dict[tuple[int, int], Encounter] = {}

    @property
    def volumes(self) -> int:
        """How many volumes are held."""
        return self._index.volumes

    def enter(self, record: Record) -> None:
        """Take the record's volumes in, and note on both sides whom they meet."""
        volumes = self._not_over(record.volumes, record.as_of_s)
        if not volumes:
            return
        # Asked once: whatever comes later finds this one, and both note it.
        for other in self.meeting(volumes, record.as_of_s):
            record.met[other.serial] = other
            other.met[record.serial] = record
        self._index.insert(record.serial, volumes)
        self._records[record.serial] = record

    def leave(self, record: Record) -> None:
        """Let go of the record's volumes: nothing depends on them any more."""
        if self._records.pop(record.serial, None) is not None:
            self._index.remove(record.serial)
        for other in record.met.values():
            del other.met[record.serial]
        record.met.clear()

    def expire(self, before_ns: int) -> None:
        """Let go of all volumes that ended by then."""
        for serial in self._index.expire(before_ns):
            del self._records[serial]

    def meeting(self, volumes: tuple[Volume4D, ...], as_of_s: int) -> list[Record]:
        """Those that a declaration with these volumes meets, made as of that time."""
        volumes = self._not_over(volumes, as_of_s)
        found = [self._records[s] for s in self._index.query(volumes)] if volumes else []
        return [other for other in found if self._do_meet(volumes, as_of_s, other)]

    def overlapping(self, area: Volume4D) -> list[Record]:
        """Those whose volumes, not widened, overlap an area of interest."""
        return [self._records[serial] for serial in self._index.query_overlap((area,))]

    def _do_meet(self, volumes: tuple[Volume4D, ...], as_of_s: int, other: Record) -> bool:
        """Do they that were found to meet still do so without what is over for the two of them?"""
        later_s = max(as_of_s, other.as_of_s)
        ours, theirs = (self._not_over(vs, later_s) for vs in (volumes, other.volumes))
        if len(ours) == len(volumes) and len(theirs) == len(other.volumes):
            return True                    # nothing is: the index said all there is to say
        return bool(ours and theirs) and encounter(ours, theirs, self.separation) is not None

    def _not_over(self, volumes: tuple[Volume4D, ...], as_of_s: int) -> tuple[Volume4D, ...]:
        return not_over(volumes, over_until_ns(as_of_s, self.separation))

    # -- two of them -------------------------------------------------------------------------

    def encounter(self, one: Record, other: Record) -> Encounter:
        """How two records that conflict meet; the same whichever is named first."""
        key = _pair(one, other)
        met = self._encounters.get(key)
        if met is None:
            later_s = max(one.as_of_s, other.as_of_s)
            ours, theirs = (self._not_over(r.volumes, later_s) for r in (one, other))
            met = encounter(ours, theirs, self.separation)
            if met is None:
                raise Unverified(f"{one.name} and {other.name} do not meet")
            if one.status == other.status == ACCEPTED:
                self._encounters[key] = met
        return met

    def forget_encounter(self, one: Record, other: Record) -> None:
        """One of the two stands no more."""
        self._encounters.pop(_pair(one, other), None)


def _pair(one: Record, other: Record) -> tuple[int, int]:
    return (one.serial, other.serial) if one.serial < other.serial else (other.serial, one.serial)
