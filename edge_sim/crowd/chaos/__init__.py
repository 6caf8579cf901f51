"""Faults on request, against a stage of its own."""
