"""Bravo, who has real keys, speaks the real protocol, and says what it likes."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx
from hosting import ALFA, BRAVO, House

from leaves import LeafSigner
from luftrom.exchange.message import CONTENT_TYPE, Message, encode_message, parse_message
from luftrom.exchange.signature import SIGNATURE_HEADER, sign_body
from luftrom.statements.disclosure import make_disclosure
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


def content(*volumes: dict[str, Any], name: str = "Liar", state: str = "Accepted",
            **details: Any) -> tuple[bytes, bytes]:
    """The two disclosures of a declaration."""
    reference = {"manager": "m", "name": name, "state": state, "uss_base_url": ""}
    return (make_disclosure("reference", reference),
            make_disclosure("details", {"volumes": list(volumes or (volume(),)), "priority": 0}
                            | details))


class Liar:
    """What bravo has signed so far, what it holds of alfa, and its tools."""

    def __init__(self, house: House):
        self.house = house
        self.keys = make_keys(BRAVO)
        self.agreement = house.node.agreement
        self.leaves: list[bytes] = []
        self.opened: list[tuple[bytes, ...] | None] = []
        self.alfa: list[bytes] = []
        self.counter = itertools.count(time.time_ns())
        self.taken = 0                     # how many of our leaves alfa has applied
        self.http = httpx.Client(base_url=house.url, trust_env=False, timeout=60)
        self.append(self.statement("agreement"))

    # -- statements --------------------------------------------------------------------------

    def seen(self, size: int | None = None, root: bytes | None = None) -> dict[str, Any]:
        size = len(self.alfa) if size is None else size
        return {ALFA: {"size": size, "root": root or root_of(self.alfa[:size])}}

    def statement(self, kind: str, disclosures: Sequence[bytes] = (), *, key: Any = None,
                  party: str = BRAVO, **claims: Any) -> bytes:
        """A signed leaf for the next index, with whatever claims differ."""
        whole = {"type": kind, "index": len(self.leaves), "iat": int(time.time()),
                 "agreement": self.agreement.digest, "seen": self.seen()} | claims
        whole = {name: value for name, value in whole.items() if value is not None}
        return LeafSigner(party, key or self.keys.statements).sign(whole, disclosures)

    def append(self, leaf: bytes, disclosures: Sequence[bytes] | None = ()) -> int:
        self.leaves.append(leaf)
        self.opened.append(None if disclosures is None else tuple(disclosures))
        return len(self.leaves) - 1

    def declare(self, disclosures: Sequence[bytes] | None = None, *, entity_id: str | None = None,
                version: int = 1, **claims: Any) -> int:
        disclosures = content() if disclosures is None else disclosures
        entity = {"id": entity_id or new_id(), "version": version}
        return self.append(self.statement("declaration", disclosures, entity=entity, **claims),
                           disclosures)

    def rule(self, index: int, accepted: bool = True, unacknowledged: Sequence[str] = (),
             **claims: Any) -> int:
        ruling = {"index": index, "accepted": accepted, "unacknowledged": list(unacknowledged),
                  "against": []}
        return self.append(self.statement("ruling", **({"rulings": [ruling]} | claims)))

    def give_up(self, count: int) -> None:
        """Forget the newest leaves: the other history begins here."""
        del self.leaves[-count:], self.opened[-count:]

    # -- messages ----------------------------------------------------------------------------

    def note(self, size: int | None = None, signers: Any = None, origin: str = f"{BRAVO}/log",
             root: bytes | None = None) -> bytes:
        size = len(self.leaves) if size is None else size
        return sign_checkpoint(Checkpoint(origin, size, root or root_of(self.leaves[:size])),
                               signers or self.keys.log, int(time.time()))

    def receipt(self, size: int | None = None, signers: Any = None, root: bytes | None = None
                ) -> dict[str, Any]:
        """The parts of a message that are a receipt for alfa's first leaves."""
        size = len(self.alfa) if size is None else size
        body = Checkpoint(f"{ALFA}/log", size, root or root_of(self.alfa[:size]))
        return {"receipt_size": size, "receipt": sign_receipt(
            body, signers or self.keys.mirror, int(time.time()))}

    def message(self, first: int | None = None, **changes: Any) -> Message:
        """All leaves from `first` on, as an honest node would send them."""
        first = self.taken if first is None else first
        honest = Message(
            sender=BRAVO, recipient=ALFA, first=first, old=0, have=len(self.alfa), whole=True,
            checkpoint=self.note(), leaves=tuple(self.leaves[first:]),
            disclosures=tuple(self.opened[first:]))
        return replace(honest, **changes)

    def post(self, body: bytes | Message, signature: str | None = None, **headers: str
             ) -> httpx.Response:
        data = encode_message(body) if isinstance(body, Message) else body
        if signature is None:
            signature = self.sign(data)
        return self.http.post("/exchange", content=data, headers={
            "Content-Type": CONTENT_TYPE, SIGNATURE_HEADER: signature} | headers)

    def sign(self, data: bytes, counter: int | None = None) -> str:
        return sign_body(data, BRAVO, ALFA, next(self.counter) if counter is None else counter,
                         self.keys.channel)

    def talk(self, gives_receipt: bool = True) -> Message:
        """An honest round trip: alfa takes what is there, and bravo what alfa answers."""
        message = self.message(**(self.receipt() if gives_receipt and self.alfa else {}))
        answer = self.post(message)
        assert answer.status_code == 200, answer.text
        self.taken = len(self.leaves)
        heard = parse_message(answer.content)
        self.alfa[heard.first:] = heard.leaves
        return heard

    def befriend(self) -> None:
        """Talk until each has taken in what the other had to say."""
        for _ in range(3):
            self.talk()


def root_of(leaves: Sequence[bytes]) -> bytes:
    tree = Tree()
    tree.extend([leaf_hash(leaf) for leaf in leaves])
    return tree.root()
