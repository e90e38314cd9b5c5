"""Node to node: messages, their signatures, what is sent, and how it is verified.

A message moves everything that waits in both directions in one round trip. Whoever receives one
verifies all of it before anything touches the mirror, applies it, and answers with a message of
the same form that holds all its own leaves up to that moment. `node` conducts.
"""
