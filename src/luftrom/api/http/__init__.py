"""What every operation rests on: the call, its body, its caller, refusals, metrics, OpenAPI."""
