"""Beam glue, one PTransform per file. The logic each one wraps is a plain function."""
