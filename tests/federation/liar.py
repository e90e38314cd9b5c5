"""Bravo, who has real keys, speaks the real protocol, and says what it likes."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import httpx
from hosting import ALFA, BRAVO, House

from leaves import LeafSigner
from luftrom.errors import LuftromError
from luftrom.exchange.message import (
    CONTENT_TYPE,
    Message,
    Opening,
    Part,
    encode_message,
    parse_message,
)
from luftrom.formats.f3548.volumes import parse_volume4d
from luftrom.geometry.measure import size_class
from luftrom.logs.head import HEAD_HEADER, Head, check_body, sign_head, verify_head
from luftrom.statements.disclosure import make_disclosure, parse_disclosure
from luftrom.statements.kinds import KINDS
from luftrom.statements.leaf import parse_statement
from luftrom.transparency.checkpoint import Checkpoint, sign_checkpoint
from luftrom.transparency.merkle import Tree, leaf_hash
from luftrom.transparency.receipt import sign_receipt
from parties import make_keys

HOUR_S = 3600


def new_id() -> str:
    return str(uuid.uuid4())


def volume(lat: float = 46.0, lng: float = 7.0, start_s: int = HOUR_S, **changes: Any
           ) -> dict[str, Any]:
    """An F3548 Volume4D: a circle of 150 m for an hour, the coming one unless said otherwise."""
    now_s = int(time.time())

    def moment(s: int) -> dict[str, str]:
        text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s - now_s % 60 + s))
        return {"value": text, "format": "RFC3339"}

    shape = {"outline_circle": {"center": {"lat": lat, "lng": lng},
                                "radius": {"value": 150.0, "units": "M"}},
             "altitude_lower": {"value": 100.0, "reference": "W84", "units": "M"},
             "altitude_upper": {"value": 200.0, "reference": "W84", "units": "M"}} | changes
    return {"volume": {name: value for name, value in shape.items() if value is not None},
            "time_start": moment(start_s), "time_end": moment(start_s + HOUR_S)}


def ring(*vertices: tuple[float, float]) -> dict[str, Any]:
    return {"outline_circle": None, "outline_polygon": {
        "vertices": [{"lat": lat, "lng": lng} for lat, lng in vertices]}}


def content(*volumes: dict[str, Any], entity_id: str | None = None, version: Any = 1,
            name: str = "Liar", state: str = "Accepted", remarks: Any = "",
            **details: Any) -> tuple[bytes, bytes, bytes]:
    """The three disclosures of a declaration; a detail that is None is left out."""
    whole = {"id": entity_id or new_id(), "version": version, "state": state,
             "volumes": list(volumes or (volume(),)), "priority": 0} | details
    return (make_disclosure("details", {k: v for k, v in whole.items() if v is not None}),
            make_disclosure("reference", {"manager": "m", "name": name, "uss_base_url": ""}),
            make_disclosure("remarks", remarks))


def size_of(disclosures: Sequence[bytes]) -> int:
    """The size class of what they declare; 0 where nobody can read it."""
    try:
        details = dict(parse_disclosure(each) for each in disclosures)["details"]
        listed = [*details["volumes"], *details.get("off_nominal_volumes", ())]
        return size_class([parse_volume4d(each) for each in listed])
    except (LuftromError, KeyError, TypeError, ValueError, RecursionError):
        return 0


@dataclass(frozen=True)
class Said:
    """A message and the head that goes with it, which is not signed yet."""

    message: Message
    head: Head


class Liar:
    """What bravo has signed so far, what it holds of alfa and of others, and its tools.

    `taken` and `applied` are how many of its leaves alfa says to have mirrored and opened. `logs`
    are others' leaves as they were shown to it, `shown` what opened them, `heads` what was signed
    for it, and `given` how many of alfa's leaves it has signed for.
    """

    def __init__(self, house: House, name: str = BRAVO):
        self.house, self.name = house, name
        self.keys = make_keys(name)
        self.agreement = house.node.agreement
        self.leaves: list[bytes] = []
        self.opened: list[tuple[bytes, ...]] = []
        self.logs: dict[str, list[bytes]] = {
            p.name: [] for p in self.agreement.parties if p.name != name}
        self.notes: dict[str, bytes] = {}
        self.shown: dict[tuple[str, int], tuple[bytes, ...]] = {}
        self.heads: dict[str, list[Head]] = {peer: [] for peer in self.logs}
        self.counter = itertools.count(time.time_ns())
        self.taken = self.applied = self.given = 0
        self.http = httpx.Client(base_url=house.url, trust_env=False, timeout=60)
        self.append(self.statement("agreement"))

    @property
    def alfa(self) -> list[bytes]:
        """What it holds of alfa's log."""
        return self.logs[ALFA]

    # -- statements --------------------------------------------------------------------------

    def seen(self, size: int | None = None, root: bytes | None = None,
             **sizes: int) -> dict[str, Any]:
        """All that it holds, but of alfa's leaves `size`, and of others' what `sizes` says."""
        said = {peer: self._head_of(peer, sizes.get(peer.split(".")[0], len(leaves)))
                for peer, leaves in self.logs.items()}
        if size is not None:
            said[ALFA] = self._head_of(ALFA, size)
        if root is not None:
            said[ALFA]["root"] = root
        return said

    def _head_of(self, peer: str, size: int) -> dict[str, Any]:
        heads = [head for head in self.heads[peer] if head.size <= size]
        return {"size": size, "root": root_of(self.logs[peer][:size]),
                "time": heads[-1].time_s if heads else 0}

    def statement(self, kind: str, disclosures: Sequence[bytes] = (), *, key: Any = None,
                  party: str | None = None, **claims: Any) -> bytes:
        """A signed leaf for the next index, with whatever claims differ."""
        whole = {"type": kind, "index": len(self.leaves), "iat": int(time.time()),
                 "agreement": self.agreement.digest, "seen": self.seen()} | claims
        whole = {name: value for name, value in whole.items() if value is not None}
        return LeafSigner(party or self.name, key or self.keys.statements).sign(whole, disclosures)

    def append(self, leaf: bytes, disclosures: Sequence[bytes] = ()) -> int:
        self.leaves.append(leaf)
        self.opened.append(tuple(disclosures))
        return len(self.leaves) - 1

    def declare(self, disclosures: Sequence[bytes] | None = None, **claims: Any) -> int:
        """Declare what the disclosures say, sealed."""
        disclosures = content() if disclosures is None else disclosures
        claims = {"size": size_of(disclosures)} | claims
        return self.append(self.statement("declaration", disclosures, **claims), disclosures)

    def rule(self, index: int, accepted: bool = True, unacknowledged: Sequence[str] = (),
             **claims: Any) -> int:
        """Rule on an own leaf, resting on the first head of each peer that covers it."""
        ruling = {"index": index, "accepted": accepted, "unacknowledged": list(unacknowledged),
                  "against": []}
        heads = {peer: head.text for peer in self.logs if peer not in unacknowledged
                 and (head := self.covering(index, peer)) is not None}
        opened = {peer: self.open_of(peer) for peer in unacknowledged if peer in self.logs}
        said = {"rulings": [ruling], "heads": heads or None, "opened": opened or None}
        return self.append(self.statement("ruling", **(said | claims)))

    def covering(self, index: int, peer: str = ALFA) -> Head | None:
        """The first head of a peer that says that it has mirrored an own leaf."""
        return next((head for head in self.heads[peer] if head.mirrored > index), None)

    def give_up(self, count: int) -> None:
        """Forget the newest leaves: the other history begins here."""
        del self.leaves[-count:], self.opened[-count:]

    # -- messages ----------------------------------------------------------------------------

    def note(self, size: int | None = None, signers: Any = None, origin: str | None = None,
             root: bytes | None = None) -> bytes:
        size = len(self.leaves) if size is None else size
        return sign_checkpoint(Checkpoint(origin or f"{self.name}/log", size,
                                          root or root_of(self.leaves[:size])),
                               signers or self.keys.log, int(time.time()))

    def receipt(self, size: int | None = None, signers: Any = None, root: bytes | None = None
                ) -> bytes:
        """The lines of a receipt for alfa's first leaves."""
        size = len(self.alfa) if size is None else size
        body = Checkpoint(f"{ALFA}/log", size, root or root_of(self.alfa[:size]))
        return sign_receipt(body, signers or self.keys.mirror, int(time.time()))

    def head(self, **changes: Any) -> Head:
        """What it signs of where its log stands and what it holds of alfa's."""
        honest = Head(self.name, ALFA, self.agreement.digest, 0, "", len(self.leaves),
                      root_of(self.leaves), len(self.alfa), min(self.open_of(ALFA), len(self.alfa)),
                      int(time.time()))
        return replace(honest, **changes)

    def open_of(self, peer: str) -> int:
        """Up to where all of a peer's log is open to it."""
        for index, leaf in enumerate(self.logs[peer]):
            if (peer, index) not in self.shown and KINDS[parse_statement(leaf).type].must_open:
                return index
        return len(self.logs[peer])

    def openings(self, indexes: Iterable[int]) -> tuple[Opening, ...]:
        """What opens those of its leaves."""
        return tuple((i, self.opened[i]) for i in indexes if self.opened[i])

    def message(self, first: int | None = None, *, gives_receipt: bool = True,
                opens: Iterable[int] | None = None, head: Mapping[str, Any] | None = None,
                receipt: bytes | None = None, relays: Sequence[Part] = (),
                known: Mapping[str, tuple[int, int]] | None = None, **changes: Any) -> Said:
        """All leaves from `first` on, and what opens those that alfa has signed for, as an honest
        node would send them; `changes` are of the own part, `head` those of the head.
        """
        first = self.taken if first is None else first
        opens = range(self.applied, min(self.taken, len(self.leaves))) if opens is None else opens
        mirrored = len(self.alfa) if gives_receipt else self.given
        part = Part(self.name, first, 0, self.note(), (), tuple(self.leaves[first:]),
                    self.openings(opens))
        if receipt is None:
            receipt = self.receipt(mirrored) if mirrored else b""
        counts = {peer: (len(leaves), self.open_of(peer)) for peer, leaves in self.logs.items()
                  if peer != ALFA} if known is None else known
        draft = self.head(mirrored=mirrored, opened=min(mirrored, self.open_of(ALFA)))
        return Said(Message((replace(part, **changes), *relays), receipt, counts),
                    replace(draft, **(head or {})))

    def post(self, said: bytes | Said, head: str | None = None, **headers: str) -> httpx.Response:
        body = encode_message(said.message) if isinstance(said, Said) else said
        if head is None:
            head = self.sign(body, draft=said.head if isinstance(said, Said) else None)
        return self.http.post("/exchange", content=body, headers={
            "Content-Type": CONTENT_TYPE, HEAD_HEADER: head} | headers)

    def sign(self, body: bytes, counter: Any = None, draft: Head | None = None, key: Any = None
             ) -> str:
        counter = next(self.counter) if counter is None else counter
        return sign_head(replace(draft or self.head(), counter=counter), body,
                         key or self.keys.channel)

    def talk(self, gives_receipt: bool = True, **more: Any) -> Message:
        """An honest round trip: alfa takes what is there, and bravo what alfa answers."""
        said = self.message(gives_receipt=gives_receipt, **more)
        answer = self.post(said)
        assert answer.status_code == 200, answer.text
        self.given = max(self.given, said.head.mirrored)
        return self.hear(answer.content, answer.headers[HEAD_HEADER])

    def hear(self, body: bytes, signed: str) -> Message:
        """Take in what alfa says: leaves, what opens them, and where alfa stands."""
        key = make_keys(ALFA).channel.public_key().public_bytes_raw()
        head = verify_head(signed, ALFA, self.name, key)
        check_body(body, head)
        heard = parse_message(body)
        for part in heard.parts:
            self.logs[part.party][part.first:] = part.leaves
            self.notes[part.party] = part.checkpoint
            self.shown |= {(part.party, index): shown for index, shown in part.openings}
        self.heads[ALFA].append(head)
        self.taken, self.applied = head.mirrored, head.opened
        return heard

    def settle(self) -> None:
        """Two round trips: what it has signed is mirrored and receipted, then opened."""
        self.talk()
        self.talk()

    def befriend(self) -> None:
        """Talk until each has taken in what the other had to say."""
        for _ in range(3):
            self.talk()

    def stand(self, disclosures: Sequence[bytes] | None = None, **claims: Any) -> int:
        """Declare, open and accept, all of it lawful: the leaf that stands."""
        index = self.declare(disclosures, **claims)
        self.settle()
        self.rule(index)
        self.talk()
        return index


def root_of(leaves: Sequence[bytes]) -> bytes:
    tree = Tree()
    tree.extend([leaf_hash(leaf) for leaf in leaves])
    return tree.root()
