"""What all parties signed: the terms, the parties and their keys, the signed envelope."""
