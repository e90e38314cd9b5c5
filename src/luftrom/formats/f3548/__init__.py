"""The bodies and values of ASTM F3548-21 (OpenAPI 1.0.0)."""
