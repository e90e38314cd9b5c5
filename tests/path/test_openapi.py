"""The API driven from its own OpenAPI document: whatever arrives, the answer is one it names.

schemathesis makes requests that fit the document and requests that do not. No answer may be a
fault of the node, have an undocumented status, another content type or another shape.
"""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from jsonschema import Draft202012Validator
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
EXAMPLES, EXAMPLES_SLOW = 12, 150
# An event stream never ends; tests/path/test_rest.py reads it.
ENDLESS = "/v1/events"


@pytest.fixture(scope="module")
def document(house):
    """The schema of the running node, as its clients get it."""
    return schemathesis.openapi.from_url(f"{house.url}/openapi.json").exclude(path=ENDLESS)


schema = schemathesis.pytest.from_fixture("document")
ANY = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def drive(case, house):
    """Send one case with a token that may do everything, and check the answer."""
    answer = case.call(headers=bearer(house.token()))
    case.validate_response(answer, checks=CHECKS)
    if answer.status_code != 501:
        case.validate_response(answer, checks=[not_a_server_error])
    assert b"Traceback" not in answer.content


@schema.parametrize()
@settings(max_examples=EXAMPLES, derandomize=True, **ANY)
def test_every_operation_answers_as_documented(case, house):
    drive(case, house)


@pytest.mark.slow
@schema.parametrize()
@settings(max_examples=EXAMPLES_SLOW, **ANY)
def test_every_operation_answers_as_documented_at_length(case, house):
    drive(case, house)


def test_the_document_is_valid_and_its_schemas_are(house, client):
    found = client.get("/openapi.json").json()
    assert found["openapi"].startswith("3.1")
    for name, each in found["components"]["schemas"].items():
        assert name and Draft202012Validator.check_schema(each) is None
    names = [operation["operationId"] for item in found["paths"].values()
             for operation in item.values()]
    assert len(names) == len(set(names))
