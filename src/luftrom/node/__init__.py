"""The one conductor of a party's state, and who carries for it."""
