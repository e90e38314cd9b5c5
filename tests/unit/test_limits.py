"""Every number of `limits` has its row, and tests at it and one above.

Numbers of values are held here by `AT`: what is asked at the bound is not refused for it, one above
is, and the refusal names the number. For the others `ELSEWHERE` names the tests.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import RSAKey
from starlette.requests import Request

from luftrom import limits
from luftrom.airspace.intent import Intent
from luftrom.api.http.auth import algorithm_of, make_authenticator
from luftrom.api.http.call import Call
from luftrom.audit.equivocation import verify_equivocation
from luftrom.cli.bounds import BOUNDS
from luftrom.cli.demo.recorded import read_tracks
from luftrom.errors import LuftromError
from luftrom.exchange.message import Message, Part, encode_message, parse_message
from luftrom.exchange.word import ask_sender, read_word
from luftrom.formats.f3548 import operational_intents as f3548
from luftrom.formats.geojson import parse_geojson
from luftrom.geometry.volume import Circle, Polygon, Volume4D
from luftrom.logs.submission import add_checkpoint
from luftrom.reading import parse_json
from luftrom.statements.disclosure import parse_disclosure
from luftrom.statements.leaf import parse_statement
from luftrom.store.protocol import Writes
from luftrom.transparency.note import NoteSignature, parse_note, parse_signatures
from outlines import PLACES, forward
from parties import FakeClock, make_agreement, make_keys, make_party

ROOT = Path(__file__).parents[2]
ROWS = {bound.name: bound for bounds in BOUNDS.values() for bound in bounds}
NUMBERS = [name for name in vars(limits) if name.isupper()]
ID = "2f8343be-6482-4d1b-a474-16847e01af1e"
SKY = (0.0, 100.0, 0, 1)                   # altitudes and times


def intent(volumes: int = 1, **changes: Any) -> Intent:
    one = Volume4D(Circle(46.0, 7.0, 1.0), *SKY)
    return Intent(**{"entity_id": ID, "manager": "m", "name": "", "state": "Accepted",
                     "priority": 0, "volumes": (one,) * volumes} | changes)


def ring(count: int) -> Polygon:
    return Polygon(tuple(forward((47.0, 8.0), 360 * i / count, 5_000)[0] for i in range(count)))


def vertices(count: int) -> None:
    """An intent with so many vertices in all."""
    most = limits.RING_VERTICES_MAX
    rings = [ring(most), ring(count - most - 3), ring(3)]
    intent(volumes=1)
    Intent(ID, "m", "", "Accepted", 0, tuple(Volume4D(each, *SKY) for each in rings))


def outline(radius_m: float = 10.0) -> dict[str, Any]:
    return {"volume": {"outline_circle": {"center": {"lat": 46.0, "lng": 7.0},
                                          "radius": {"value": radius_m, "units": "M"}},
                       "altitude_lower": {"value": 0, "reference": "W84", "units": "M"},
                       "altitude_upper": {"value": 9, "reference": "W84", "units": "M"}},
            "time_start": {"value": "2026-11-24T15:20:00Z", "format": "RFC3339"},
            "time_end": {"value": "2026-11-24T16:20:00Z", "format": "RFC3339"}}


def put(key: int) -> None:
    f3548.parse_put_reference(json.dumps({
        "extents": [outline()], "state": "Accepted", "key": ["0123456789abcdef"] * key,
        "uss_base_url": "https://uss.example"}).encode())


def notify(count: int) -> None:
    f3548.parse_notification(json.dumps({
        "operational_intent_id": ID, "operational_intent": None, "subscriptions": [
            {"subscription_id": ID, "notification_index": 1}] * count}).encode())


def features(count: int) -> None:
    parse_geojson({"type": "FeatureCollection", "features": [{
        "type": "Feature", "geometry": {"type": "Point", "coordinates": [7.4, 46.7]},
        "properties": {"time_start": "2026-11-24T15:20:00Z", "time_end": "2026-11-24T16:20:00Z",
                       "radius_m": 9, "altitude_m_w84_lower": 0, "altitude_m_w84_upper": 9},
    }] * count})


def call(query: str) -> Call:
    doors: Any = SimpleNamespace()
    return Call(doors, Request({"type": "http", "query_string": query.encode(), "headers": []}))


def token(chars: int) -> None:
    auth = make_authenticator((), "https://alfa.example", "alfa.example", bytes(range(32)),
                              FakeClock())
    with contextlib.suppress(StopIteration):
        auth.authenticate("Bearer " + "a" * chars).send(None)


def agreement(parties: int) -> None:
    names = [f"p{n}.example" for n in range(parties)]
    make_agreement(tuple(make_party(name, make_keys(name, post_quantum=False))
                         for name in names))


def proof(leaves: int) -> None:
    names = ("alfa.example", "bravo.example")
    agreed = make_agreement(tuple(make_party(name, make_keys(name, post_quantum=False))
                                  for name in names))
    verify_equivocation(json.dumps({
        "format": "luftrom-equivocation/2", "kind": "contradiction", "party": names[0],
        "code": "equivocation", "said": "", "evidence": {"leaves": ["x"] * leaves}}).encode(),
        agreed)


AT: dict[str, Callable[[Any], object]] = {
    "LEAF_BYTES_MAX": lambda n: parse_statement(b"x" * n),
    "DISCLOSURE_BYTES_MAX": lambda n: parse_disclosure(b"A" * n),
    "NOTE_BYTES_MAX": lambda n: parse_note(b"x" * n),
    "NOTE_SIGNATURES_MAX": lambda n: parse_signatures(
        NoteSignature("w", bytes(4), b"x").encode() * n),
    "PROOF_HASHES_MAX": lambda n: add_checkpoint(
        b"old 1\n" + (base64.b64encode(bytes(32)) + b"\n") * n + b"\n", {}, Writes()),
    "EVIDENCE_LEAVES_MAX": proof,
    "DISCLOSURES_MAX": lambda n: parse_message(encode_message(Message((Part(
        "alfa.example", 0, 0, b"", openings=((0, (b"x",) * n),)),)))),
    "ASK_BYTES_MAX": lambda n: ask_sender(b"x" * n),
    "WORD_BYTES_MAX": lambda n: read_word(
        b"x" * n, make_party("alfa.example", make_keys("alfa.example")), "bravo.example"),
    "PARTIES_MAX": agreement,
    "JSON_DEPTH_MAX": lambda n: parse_json(b"[" * n + b"]" * n),
    "JSON_STRING_CHARS_MAX": lambda n: parse_json(b'"' + b"x" * n + b'"'),
    "QUERY_PARAMETERS_MAX": lambda n: call("&".join(f"{i}=1" for i in range(n))).query,
    "PAGE_ITEMS_MAX": lambda n: call(f"limit={n}").integer("limit", 1, limits.PAGE_ITEMS_MAX),
    "NAME_CHARS_MAX": lambda n: intent(name="x" * n),
    "REMARKS_CHARS_MAX": lambda n: intent(remarks="x" * n),
    "URL_CHARS_MAX": lambda n: f3548.parse_base_url("https://" + "x" * (n - 8), "url"),
    "KEY_OVNS_MAX": put,
    "SUBSCRIPTIONS_MAX": notify,
    "BATCH_ITEMS_MAX": features,
    "VOLUMES_MAX": intent,
    "RING_VERTICES_MAX": ring,
    "INTENT_VERTICES_MAX": vertices,
    "RADIUS_M_MAX": lambda n: Circle(46.0, 7.0, n),
    "ALTITUDE_M_W84_MIN": lambda n: Volume4D(Circle(46.0, 7.0, 1.0), n, 0.0, 0, 1),
    "ALTITUDE_M_W84_MAX": lambda n: Volume4D(Circle(46.0, 7.0, 1.0), 0.0, n, 0, 1),
    "TOKEN_CHARS_MAX": token,
}
SERVER, PLACES = "tests/unit/api/test_api_server.py", "tests/unit/api/test_api_places.py"
BUDGET, BODY = "tests/unit/api/test_api_budget.py", "tests/unit/api/test_api_body.py"
AUTH, APP = "tests/unit/api/test_api_auth.py", "tests/unit/api/test_api_app.py"
PEERS, MIRROR = "tests/federation/test_lying_peer.py", "tests/federation/test_mirror_submission.py"
HERE, REST = "tests/unit/test_limits.py", "tests/path/test_answers_bounded.py"
WORDS, WORK = "tests/unit/exchange/test_word.py", "tests/federation/test_work_bounded.py"
ELSEWHERE: dict[str, tuple[str, str]] = {
    "WORD_S_MAX": ("tests/federation/test_recovery.py",
                   "test_an_ordinary_start_waits_for_nobody"),
    "RETURNED_LEAVES_MAX": (WORDS, "test_pages_go_there_and_back"),
    "RETURNED_BYTES_MAX": (WORDS, "limits.RETURNED_BYTES_MAX"),
    "OWN_CLOCK_OFF_S_MAX": ("tests/unit/node/test_timekeeping.py", "test_a_minute_is_the_bound"),
    "VOID_PROOFS_MAX": ("tests/federation/test_terms_enforced.py", "test_so_many_proofs_are_kept"),
    "REFUSED_KEPT_MAX": ("tests/unit/exchange/test_refused.py", "test_so_many_are_kept"),
    "STEP_PEERS_WORK_MAX": (WORK, "test_a_step_takes_no_more_than_its_budget"),
    "PEER_WORK_PER_MINUTE_MAX": (WORK, "test_a_minute_has_a_budget_too"),
    "CLIENT_WORK_MAX": (WORK, "test_a_client_may_ask_for_so_much_work"),
    "SUGGESTIONS_WORK_MAX": ("tests/unit/airspace/test_suggestions.py",
                             "test_a_search_has_an_allowance"),
    "PAGE_VERTICES_MAX": (REST, "test_a_page_shows_so_many_vertices"),
    "QUERY_ITEMS_MAX": (REST, "test_a_query_finds_so_many"),
    "CONNECTIONS_MAX": (PLACES, "test_a_full_node_takes_from_the_address_that_has_most"),
    "CONNECTIONS_KEPT": (PLACES, "test_strangers_cannot_take_the_last_places"),
    "CONNECTIONS_PER_ADDRESS_MAX": (SERVER, "test_an_address_has_so_many_connections"),
    "VOUCHED_ADDRESSES_MAX": (PLACES, "test_addresses_are_remembered_up_to_a_number"),
    "HANDSHAKE_S_MAX": ("tests/unit/test_tls.py", "test_garbage_old_tls_and_silence"),
    "REQUEST_LINE_BYTES_MAX": (SERVER, "test_a_line_and_a_head_at_their_bounds_and_one_above"),
    "HEAD_BYTES_MAX": (SERVER, "test_a_line_and_a_head_at_their_bounds_and_one_above"),
    "HEADERS_MAX": (SERVER, "test_a_line_and_a_head_at_their_bounds_and_one_above"),
    "HEAD_S_MAX": (SERVER, "test_whoever_keeps_it_waiting_is_closed"),
    "IDLE_S_MAX": (SERVER, "test_whoever_keeps_it_waiting_is_closed"),
    "BODY_S_MAX": (SERVER, "test_whoever_keeps_it_waiting_is_closed"),
    "BODY_BYTES_PER_S_MIN": (SERVER, "test_a_body_that_drips_is_cut_off_and_a_steady_one_is_not"),
    "PIPELINED_MAX": (SERVER, "test_many_requests_at_once_are_bounded"),
    "LEFTOVER_BYTES_MAX": (SERVER, "test_a_body_behind_its_answer_is_cut_off"),
    "DISCARDED_BYTES_MAX": (BODY, "test_what_is_refused_is_read_up_to_a_number"),
    "WRITE_S_MAX": (SERVER, "test_a_client_that_reads_nothing_is_cut_off"),
    "CLOSE_S_MAX": (SERVER, "test_whoever_keeps_it_waiting_is_closed"),
    "STOP_S_MAX": (SERVER, "test_a_stop_ends_silent_slow_and_working_connections"),
    "STREAMS_MAX": (APP, "test_event_streams_are_counted"),
    "BODIES_BYTES_MAX": (BUDGET, "test_strangers_have_their_part"),
    "STRANGERS_BODIES_BYTES_MAX": (BUDGET, "test_strangers_have_their_part"),
    "ADDRESS_BODIES_BYTES_MAX": (SERVER, "test_bodies_in_progress_are_bounded"),
    "UNSENT_BYTES_MAX": (SERVER, "test_answers_that_nobody_reads_are_bounded"),
    "REQUEST_BODY_BYTES_MAX": (BODY, "test_the_limit_itself_is_taken"),
    "EXCHANGE_BODY_BYTES_MAX": (BODY, "test_the_limit_itself_is_taken"),
    "UPLOAD_BYTES_MAX": (MIRROR, "test_an_upload_has_a_size_and_a_time"),
    "UPLOAD_S_MAX": (MIRROR, "test_an_upload_has_a_size_and_a_time"),
    "TOKENS_KEPT_MAX": (AUTH, "test_no_more_tokens_are_kept_than_the_limit"),
    "RSA_BITS_MIN": (HERE, "test_an_rsa_key_has_so_many_bits"),
    "JWKS_BYTES_MAX": (AUTH, "test_a_giant_key_set_is_not_read"),
    "JWKS_S_MAX": (AUTH, "test_a_key_set_that_does_not_come_is_not_waited_for"),
    "JWKS_AGE_S_MAX": (AUTH, "test_keys_of_a_url_are_fetched_again_when_they_are_old"),
    "JWKS_PAUSE_S_MIN": (
        AUTH, "test_keys_of_a_url_are_kept_while_it_is_away_and_not_asked_for_too_often"),
    "WAITING_DECLARATIONS_MAX": ("tests/federation/test_waiting.py",
                                 "test_so_many_declarations_wait_and_no_more"),
    "COVERING_CELLS_MAX": ("tests/unit/geometry/test_coverings.py",
                           "test_too_many_cells_are_refused"),
    "EXCHANGE_LEAVES_MAX": (PEERS, "test_headers_that_are_not_what_they_should_be"),
    "STATEMENT_AHEAD_S_MAX": ("tests/federation/test_lying_statements.py",
                              "test_dated_ahead_of_our_clock"),
    "FILE_BYTES_MAX": ("tests/unit/test_files.py", "test_unreadable_files_say_so"),
    "DATASET_ITEM_CHARS_MAX": ("tests/unit/batch/test_datasets.py",
                               "test_a_feature_has_a_largest_size"),
    "RECORDING_BYTES_MAX": (HERE, "test_a_recording_has_a_size"),
    "ANSWER_BYTES_MAX": ("tests/unit/test_tls.py", "larger than 5 bytes"),
}


def refusal(ask: Callable[[Any], object], number: float) -> str:
    """What is said of it; empty where nothing is refused."""
    try:
        ask(number)
    except LuftromError as error:
        return str(error)
    return ""


def test_every_number_has_its_row() -> None:
    assert sorted(NUMBERS) == sorted(ROWS), "src/luftrom/cli/bounds.py says what each bounds"
    assert sum(map(len, BOUNDS.values())) == len(ROWS), "one has two rows"


def test_every_number_has_its_tests() -> None:
    assert sorted(NUMBERS) == sorted([*AT, *ELSEWHERE]), "each bound has a test, at it and above"
    for name, (path, test) in ELSEWHERE.items():
        assert test in (ROOT / path).read_text(encoding="utf-8"), f"{name}: {path} has no {test}"


@pytest.mark.parametrize("name", AT)
def test_at_the_bound_and_one_above(name: str) -> None:
    bound = ROWS[name].value
    beyond = bound - 1 if name.endswith("_MIN") else bound + 1
    told = {f"{bound:.0f}", f"{bound:,.0f}", f"{bound / 1000:.0f} km", "deeper than 32"}
    at, above = refusal(AT[name], bound), refusal(AT[name], beyond)
    assert not any(word in at for word in told), at
    assert any(word in above for word in told), above


@pytest.mark.filterwarnings("ignore:Key size")
def test_an_rsa_key_has_so_many_bits() -> None:
    for bits, algorithm in ((limits.RSA_BITS_MIN, "RS256"), (limits.RSA_BITS_MIN - 8, None)):
        key = RSAKey.import_key(rsa.generate_private_key(65537, bits).public_key())
        assert algorithm_of(key) == algorithm


def test_a_recording_has_a_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RECORDING_BYTES_MAX", 1_000)
    for size, refused in ((1_000, False), (1_001, True)):
        path = tmp_path / f"{size}"
        path.write_bytes(gzip.compress(b" " * size))
        with pytest.raises(LuftromError) as told:
            read_tracks(path)
        assert ("larger than 1000" in str(told.value)) == refused
