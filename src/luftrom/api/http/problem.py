"""The codes of refusals, and a refusal as a problem document (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from luftrom.api.http.call import json_answer
from luftrom.api.http.refusals import refusal_headers
from luftrom.errors import LuftromError

PROBLEM = "application/problem+json"
TYPE_PREFIX = "urn:luftrom:problem:"

# Every code that the API answers with, and what it means; docs/reference/api.md shows this table.
CODES: Mapping[str, str] = {
    "bad_input": "The request is not what its format says; `field` names the place.",
    "bad_encoding": "The compressed body does not decompress.",
    "no_token": "The path needs a bearer token and there is none.",
    "not_authenticated": "The token, or the signature of a peer, does not verify.",
    "bad_algorithm": "The token is signed by an algorithm that is not taken.",
    "token_expired": "The token has no end, or it has passed.",
    "insufficient_scope": "The token has none of the scopes that the path needs.",
    "forbidden": "The caller is known but may not do this.",
    "broken": "The channel with that peer is broken; a proof of two histories is kept.",
    "not_found": "There is nothing by that name here.",
    "method_not_allowed": "The path has no such method; Allow names those it has.",
    "conflict": "The request contradicts the present state.",
    "refused": "The declaration lost to others; `against` names them and the rule.",
    "exists": "The identifier is in use; name its OVN to change it.",
    "stale_ovn": "The OVN is not that of the version that stands.",
    "outside_terms": "The agreement does not let this party declare that; `term` names the term, "
                     "`value` and `bound` say what was asked and what is allowed.",
    "missing_key": "The key does not name every operational intent that would be met.",
    "pending": "An earlier declaration of the same identifier still waits for its ruling.",
    "idempotency_key_reused": "The Idempotency-Key was used with another body.",
    "replayed": "This message between nodes was already taken.",
    "out_of_step": "The sender and this node hold different sizes of the log.",
    "too_slow": "A request, or an upload, did not come to its end in time.",
    "too_large": "A size limit is exceeded; the sentence gives the number.",
    "too_much_work": "Comparing the volumes takes more work than is done at once (`work_max`).",
    "unsupported": "The Content-Type is not read here.",
    "unsupported_encoding": "The Content-Encoding is neither gzip nor identity.",
    "unverified": "Bytes that do not prove themselves.",
    "gap": "A message begins beyond what is held here; `have` and `mirrored` say where to begin.",
    "rolled_back": "A checkpoint is older than what is held here: a repeat, or a rollback.",
    "unseen": "A statement speaks of a third party's leaves that are not held here.",
    "wrong_signature": "A signature does not verify, or is over something else.",
    "missing_signature": "One of the agreed keys has not signed.",
    "wrong_role": "A key signed that has another role.",
    "wrong_origin": "A checkpoint or a receipt is of another log.",
    "wrong_party": "A statement is of another party.",
    "wrong_index": "A statement does not stand at the leaf that it names.",
    "wrong_root": "Leaves do not hash to the root of the checkpoint.",
    "not_consistent": "A proof does not show that one tree continues the other.",
    "wrong_disclosure": "What was disclosed is not what the statement commits to.",
    "other_agreement": "A statement is under another agreement.",
    "not_proven": "A statement tells of a fork with what does not prove it.",
    "seen_unknown": "A statement has seen another history, or more of it than there is.",
    "ahead_of_clock": "A statement is dated too far ahead of the clock of whoever was to take it.",
    "unlawful_ruling": "A peer accepted what the rules do not let it accept.",
    "equivocation": "Two signed statements of one party that cannot both be true.",
    "not_built": "The standard has this operation and Luftrom does not have it yet.",
    "busy": "Bodies in progress take all the memory that is set aside for them; ask again.",
    "unavailable": "The node cannot do this now; the request may be repeated.",
    "not_acknowledged": "A peer was silent and the agreement says hold: nothing was accepted.",
    "not_whole": "The node signs nothing until it knows that its log is whole; the sentence says "
                 "why, and the mend.",
    "clock_off": "The node signs nothing while its own time source says that its clock is off.",
    "not_recorded": "The store failed; whether it was recorded is not known. Ask again.",
    "error": "A fault of the node; its log says more.",
}

_TITLES = {400: "Bad request", 401: "Not authenticated", 403: "Forbidden", 404: "Not found",
           405: "Method not allowed", 409: "Conflict", 413: "Too large",
           415: "Unsupported", 422: "Not verified", 429: "Too many", 500: "Fault of the node",
           501: "Not built", 503: "Unavailable"}


def problem_document(error: LuftromError) -> dict[str, Any]:
    """RFC 9457, with `code`, `field` and what else the refusal tells machines."""
    document: dict[str, Any] = {
        "type": TYPE_PREFIX + error.code, "title": _TITLES.get(error.status, "Refused"),
        "status": error.status, "detail": str(error), "code": error.code}
    if error.field:
        document["field"] = error.field
    for name, value in error.detail.items():
        if name not in document and _is_plain(value):
            document[name] = value
    return document


def problem_answer(error: LuftromError) -> Response:
    """The refusal as problem+json, with its headers."""
    return json_answer(problem_document(error), error.status, refusal_headers(error),
                       media_type=PROBLEM)


def _is_plain(value: Any) -> bool:
    """May a value of `detail` be shown as it is? Bytes and records may not."""
    if isinstance(value, list | tuple):
        return all(_is_plain(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(k, str) and _is_plain(v) for k, v in value.items())
    return value is None or isinstance(value, str | int | float)
