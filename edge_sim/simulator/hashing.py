"""Spatially hashed sampling: which objects are in a sample is decided by a hash of their names.

C. Waldspurger, N. Park, A. Garthwaite, I. Ahmad, "Efficient MRC Construction with SHARDS", FAST 2015. All requests for an object
are in, or none, so that reuse looks in the sample as it looks in the whole; a cache of a thousandth of the size then
misses as often as the whole one. Slices of the hash's range are samples that share no object: replicas, whose spread tells
the error.
"""

from __future__ import annotations

import numpy

from edge_sim.simulator.requests import Keys


def mix(keys: Keys) -> Keys:
    """splitmix64's finalizer (G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014)."""
    with numpy.errstate(over="ignore"):
        mixed = keys + numpy.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ mixed >> numpy.uint64(30)) * numpy.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ mixed >> numpy.uint64(27)) * numpy.uint64(0x94D049BB133111EB)
    return mixed ^ mixed >> numpy.uint64(31)


def slices(keys: Keys, of: int, seed: int) -> Keys:
    """The number of the slice, 0 to ``of - 1``, that each key lies in."""
    with numpy.errstate(over="ignore"):
        return mix(keys ^ mix(numpy.array([seed], numpy.uint64))) % numpy.uint64(of)
