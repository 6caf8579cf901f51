"""What caches of given sizes would do for a catalogue of a given shape: requests are replayed, not sent."""
