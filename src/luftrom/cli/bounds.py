"""What each number of `limits` bounds, and what happens beyond it: docs/reference/limits.md.

A test says where a number has no row, and names for each the tests at it and one above.
"""

from __future__ import annotations

from dataclasses import dataclass

from luftrom import limits

_UNITS = (("_BYTES_PER_S", "bytes/s"), ("_BYTES", "bytes"), ("_CHARS", "characters"),
          ("_BITS", "bits"), ("_DEPTH", "levels"), ("_M_", "m"), ("_S_", "s"))


@dataclass(frozen=True, slots=True)
class Bound:
    """One number of `limits`: what it bounds, and what whoever goes beyond it is told."""

    name: str
    what: str
    beyond: str

    @property
    def unit(self) -> str:
        """From the name, where it stands last; else it is a number of things."""
        return next((unit for mark, unit in _UNITS if mark in self.name), "")

    @property
    def value(self) -> float:
        """The number itself."""
        value: float = getattr(limits, self.name)
        return value


_CLOSED = "the connection is closed"
_BAD, _LARGE, _BUSY = "400 `bad_input`", "413 `too_large`", "503 `busy`"
_UNSEEN = "nothing: "

BOUNDS: dict[str, tuple[Bound, ...]] = {
    "Connections and requests": (
        Bound("CONNECTIONS_MAX", "connections in all; fewer where the system permits fewer files",
              "the stranger that waited longest gives way, else the new one is closed"),
        Bound("CONNECTIONS_KEPT", "of these, those that strangers cannot take (an eighth of few)",
              "the same, for strangers"),
        Bound("CONNECTIONS_PER_ADDRESS_MAX", "strangers' connections of one IPv4 address or IPv6 "
              "/64", "the one of that address that waited longest gives way, else the new one is "
              "closed"),
        Bound("VOUCHED_ADDRESSES_MAX", "addresses remembered at which a token or a peer's signature"
              " was valid", _UNSEEN + "the one heard longest ago is forgotten"),
        Bound("HANDSHAKE_S_MAX", "a TLS handshake", _CLOSED),
        Bound("REQUEST_LINE_BYTES_MAX", "a request's target", "414 `too_large`"),
        Bound("HEAD_BYTES_MAX", "request line and headers of a request; trailers of one as well",
              "431 `too_large`"),
        Bound("HEADERS_MAX", "headers of a request", "431 `too_large`"),
        Bound("HEAD_S_MAX", "from the first byte of a head, or the connection, to the last",
              "408 `too_slow`; " + _CLOSED + " where nothing came"),
        Bound("IDLE_S_MAX", "between an answer and the next request", _CLOSED),
        Bound("BODY_S_MAX", "without a byte of a body that is not at its end", "408 `too_slow`"),
        Bound("BODY_BYTES_PER_S_MIN", "how fast a body comes, BODY_S_MAX ahead", "408 `too_slow`"),
        Bound("PIPELINED_MAX", "requests of a connection that wait for the one before",
              _UNSEEN + "no more is read until one is answered"),
        Bound("LEFTOVER_BYTES_MAX", "of a body that still comes when its answer is out", _CLOSED),
        Bound("DISCARDED_BYTES_MAX", "of a refused body, read and thrown away so that the refusal "
              "is heard", "the refusal is sent and " + _CLOSED),
        Bound("WRITE_S_MAX", "for a client to take some of its answer", _CLOSED),
        Bound("CLOSE_S_MAX", "for a client to take the end of a connection", "it is cut off"),
        Bound("STOP_S_MAX", "for requests in progress when the node stops", "they are cut off"),
        Bound("STREAMS_MAX", "open event streams", "503 `unavailable`"),
    ),
    "Memory of bodies and answers": (
        Bound("BODIES_BYTES_MAX", "bodies in progress of all, unpacked", _BUSY),
        Bound("STRANGERS_BODIES_BYTES_MAX", "of these, those of strangers", _BUSY),
        Bound("ADDRESS_BODIES_BYTES_MAX", "of these, those of strangers at one address", _BUSY),
        Bound("UNSENT_BYTES_MAX", "answers to strangers that wait for them to be read",
              "the connection that has not read for longest is cut off"),
        Bound("REQUEST_BODY_BYTES_MAX", "the body of a client's request, unpacked", _LARGE),
        Bound("EXCHANGE_BODY_BYTES_MAX", "a message between nodes, unpacked", _LARGE),
        Bound("UPLOAD_BYTES_MAX", "an upload to /mirror/add-entries, unpacked; packages beyond it "
              "go into the next", _LARGE),
        Bound("UPLOAD_S_MAX", "for such an upload to come", "408 `too_slow`"),
    ),
    "Tokens": (
        Bound("TOKEN_CHARS_MAX", "a bearer token", "401 `not_authenticated`"),
        Bound("TOKENS_KEPT_MAX", "verified tokens that are remembered",
              _UNSEEN + "the one used longest ago is verified again"),
        Bound("RSA_BITS_MIN", "an issuer's RSA key", "the key is left out"),
        Bound("JWKS_BYTES_MAX", "an issuer's key set", "the keys before it go on, else 503"),
        Bound("JWKS_S_MAX", "for it to come", "the keys before it go on, else 503"),
        Bound("JWKS_AGE_S_MAX", "how old a key set grows", "it is fetched again"),
        Bound("JWKS_PAUSE_S_MIN", "between two fetches, whatever tokens arrive",
              _UNSEEN + "the keys that are there are used"),
    ),
    "What a request says": (
        Bound("JSON_DEPTH_MAX", "objects and lists inside each other", _BAD),
        Bound("JSON_STRING_CHARS_MAX", "one text", _BAD),
        Bound("QUERY_PARAMETERS_MAX", "parameters of a query", _BAD),
        Bound("NAME_CHARS_MAX", "a name", _BAD),
        Bound("REMARKS_CHARS_MAX", "remarks", _BAD),
        Bound("URL_CHARS_MAX", "a USS's base URL", _BAD),
        Bound("KEY_OVNS_MAX", "entries of a key", _BAD),
        Bound("SUBSCRIPTIONS_MAX", "subscriptions of a notification", _BAD),
        Bound("PAGE_ITEMS_MAX", "items of one page", _BAD),
        Bound("PAGE_VERTICES_MAX", "vertices of the volumes of one page, above those of its first "
              "item; a volume counts ten", _UNSEEN + "the next page begins there"),
        Bound("QUERY_ITEMS_MAX", "references that an F3548 query finds", _LARGE),
        Bound("BATCH_ITEMS_MAX", "activities of one request", _BAD),
        Bound("WAITING_DECLARATIONS_MAX", "declarations that wait for their ruling",
              "503 `unavailable`"),
    ),
    "Volumes": (
        Bound("VOLUMES_MAX", "4D volumes of one activity or constraint", _BAD),
        Bound("RING_VERTICES_MAX", "vertices of one polygon", _BAD),
        Bound("INTENT_VERTICES_MAX", "vertices of all polygons of one activity", _BAD),
        Bound("RADIUS_M_MAX", "a circle's radius, and how far a polygon reaches", _BAD),
        Bound("ALTITUDE_M_W84_MIN", "an altitude", _BAD),
        Bound("ALTITUDE_M_W84_MAX", "an altitude", _BAD),
        Bound("COVERING_CELLS_MAX", "S2 cells of the covering of one outline", _BAD),
    ),
    "Logs, notes and messages between nodes": (
        Bound("LEAF_BYTES_MAX", "a statement", _LARGE),
        Bound("DISCLOSURE_BYTES_MAX", "one opened claim", _LARGE),
        Bound("EXCHANGE_LEAVES_MAX", "statements of one message; more follow in the next", _BAD),
        Bound("STATEMENT_AHEAD_S_MAX", "how far a statement is dated ahead of the clock here",
              "422 `ahead_of_clock`, until it is not"),
        Bound("NOTE_BYTES_MAX", "a signed note", _LARGE),
        Bound("NOTE_SIGNATURES_MAX", "signatures under a note", _BAD),
        Bound("PROOF_HASHES_MAX", "hashes of a proof", _BAD),
        Bound("PARTIES_MAX", "parties of an agreement", _BAD),
        Bound("VOID_PROOFS_MAX", "kept proofs of what a party signed outside the terms",
              _UNSEEN + "the rest stands in its log alone"),
        Bound("DISCLOSURES_MAX", "disclosures that open one statement", _BAD),
        Bound("ASK_BYTES_MAX", "a signed ask of a peer", _BAD),
        Bound("WORD_BYTES_MAX", "a peer's signed word on our log", "it is no word"),
        Bound("WORD_S_MAX", "for a peer to give its word", "it counts as silent"),
        Bound("RETURNED_LEAVES_MAX", "leaves whose content one page gives back to their author",
              _UNSEEN + "the next page begins there"),
        Bound("RETURNED_BYTES_MAX", "disclosures of such a page, above those of its first leaf",
              _UNSEEN + "the next page begins there"),
        Bound("OWN_CLOCK_OFF_S_MAX", "how far the own time source says that our clock is off",
              "503 `clock_off`: nothing is signed until it is not"),
        Bound("EVIDENCE_LEAVES_MAX", "statements of one proof of a contradiction", _BAD),
        Bound("REFUSED_KEPT_MAX", "checkpoints, heads and statements each, that one peer signed "
              "and was refused, and that are kept to be held against what it signs",
              _UNSEEN + "the oldest goes"),
    ),
    "Work of comparing volumes (a unit is about 10 ns)": (
        Bound("STEP_PEERS_WORK_MAX", "what all peers' statements take in one step",
              _UNSEEN + "the rest is taken in the next step"),
        Bound("PEER_WORK_PER_MINUTE_MAX", "what one peer's statements take within a minute",
              "the rest waits, and the channel says so"),
        Bound("CLIENT_WORK_MAX", "one declaration, notice or question of a client, and all of a "
              "step", "413 `too_much_work`, or 429 where others took it"),
        Bound("SUGGESTIONS_WORK_MAX", "what is free instead of one refused declaration, a third of "
              "it for each kind", "the kind is left out"),
    ),
    "Files and commands": (
        Bound("FILE_BYTES_MAX", "a file of settings, keys, cards, agreements or proofs",
              "the command ends"),
        Bound("DATASET_ITEM_CHARS_MAX", "one feature or activity of a file of many",
              "the command ends"),
        Bound("RECORDING_BYTES_MAX", "recorded positions, unpacked", "the command ends"),
        Bound("ANSWER_BYTES_MAX", "a node's answer to a command", "the command ends"),
    ),
}
