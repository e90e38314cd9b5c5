"""Luftrom's own API, below /v1."""
