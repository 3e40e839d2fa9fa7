"""A seeded example company in real provider shapes; same seed, same bytes."""
