"""`make demo`: a short original album composed with numpy, published, served and measured. Not part of the wheel.

python -m demo.compose OUT_DIR      three tagged FLAC masters
python -m demo.run                  compose, publish, serve, verify, measure, report
"""
