"""The leaf of Tonearm: values, timing, codec strings, ISO BMFF boxes, errors, ports and the registry.

Imports nothing of the other rooms.
"""
