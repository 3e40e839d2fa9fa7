"""One file per job; each reads as the flow of the data."""
