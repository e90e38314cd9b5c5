"""Outside formats to values and back: F3548-21 JSON, GeoJSON."""
