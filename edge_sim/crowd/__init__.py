"""Thousands of virtual listeners at once: who comes when, what they play, what they notice."""
