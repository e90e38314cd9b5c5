"""What follows from the logs, and from nothing else: entities, rulings, conflicts, the digest."""
