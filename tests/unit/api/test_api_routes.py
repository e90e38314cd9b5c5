"""The table of routes: every path of the standard is in it, and all that is made from it agrees."""

from __future__ import annotations

import json
import re

import jsonschema

from luftrom import errors
from luftrom.api.http.openapi import make_docs, make_openapi
from luftrom.api.http.problem import CODES, problem_document
from luftrom.api.routes import ROUTES
from luftrom.errors import LuftromError

DOCUMENT = make_openapi(ROUTES, "https://alfa.example")


def test_the_standard_has_twenty_five_operations_and_all_are_answered():
    assert len([route for route in ROUTES if route.family == "f3548"]) == 25
    assert all(route.handler or route.family == "f3548" for route in ROUTES)


def test_every_operation_has_a_name_of_its_own():
    names = [route.name for route in ROUTES]
    assert len(set(names)) == len(names) and all(names)


def test_the_document_holds_every_route_and_every_reference_leads_somewhere():
    assert DOCUMENT["openapi"] == "3.1.0"
    count = sum(len(methods) for methods in DOCUMENT["paths"].values())
    assert count == len(ROUTES)
    schemas = DOCUMENT["components"]["schemas"]
    for name in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(DOCUMENT)):
        assert name in schemas
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_the_page_needs_nothing_but_itself():
    page, policy = make_docs(ROUTES, DOCUMENT)
    text = page.decode()
    assert "<script" not in text and "http:" not in text and "https:" not in text.replace(
        "https?:", "")
    assert "default-src 'none'" in policy
    for route in ROUTES:
        assert route.summary.split(",")[0].split("'")[0] in text
    for code in CODES:
        assert f"problem-{code}" in text


def test_every_code_of_the_errors_has_its_line():
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, LuftromError):
            assert kind.code in CODES


def test_problems_show_no_bytes_and_no_records():
    error = LuftromError("m", detail={"leaf": b"x", "missing": [object()], "size": 3,
                                      "against": [{"id": "a"}], "status": 7})
    document = problem_document(error)
    assert document["size"] == 3 and document["status"] == 500
    assert document["against"] == [{"id": "a"}] and not {"leaf", "missing"} & set(document)
