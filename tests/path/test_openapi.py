"""The API driven from its own OpenAPI document: whatever arrives, the answer is one it names.

schemathesis makes requests that fit the document and requests that do not. No answer may be a
fault of the node, have an undocumented status, another content type or another shape.
"""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tokens import bearer

CHECKS = [content_type_conformance, response_headers_conformance, response_schema_conformance,
          status_code_conformance]
EXAMPLES, EXAMPLES_SLOW = 12, 60
# An event stream never ends; tests/path/test_rest.py reads it.
ENDLESS = "/v1/events"


@schemathesis.serializer("application/vnd.luftrom.exchange", "application/jose")
def as_bytes(context, value):
    """Whatever was made up, as some bytes of a body that has a format of its own."""
    return value if isinstance(value, bytes) else repr(value).encode()



def drive(house, examples: int, **options) -> int:
    """Play examples of each operation with a token that may do everything; returns how many."""
    document = schemathesis.openapi.from_url(f"{house.url}/openapi.json").exclude(path=ENDLESS)
    headers, count = bearer(house.token()), 0
    for result in document.get_all_operations():
        operation = result.ok()

        @settings(max_examples=examples, deadline=None, database=None,
                  suppress_health_check=list(HealthCheck), **options)
        @given(case=st.one_of(operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
                              operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)))
        def play(case):
            nonlocal count
            count += 1
            answer = case.call(headers=headers)
            checks = CHECKS if answer.status_code == 501 else [*CHECKS, not_a_server_error]
            case.validate_response(answer, checks=checks)
            assert b"Traceback" not in answer.content

        play()
    return count


def test_every_operation_answers_as_documented(house):
    assert drive(house, EXAMPLES, derandomize=True) > 300


@pytest.mark.slow
def test_every_operation_answers_as_documented_at_length(house):
    assert drive(house, EXAMPLES_SLOW) > 1500


def test_the_document_is_valid_and_its_schemas_are(house, client):
    found = client.get("/openapi.json").json()
    assert found["openapi"].startswith("3.1")
    for name, each in found["components"]["schemas"].items():
        assert name and Draft202012Validator.check_schema(each) is None
    names = [operation["operationId"] for item in found["paths"].values()
             for operation in item.values()]
    assert len(names) == len(set(names))
