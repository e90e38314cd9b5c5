"""Aircraft in flight: who comes too close to whom, from where they are and how they move."""
