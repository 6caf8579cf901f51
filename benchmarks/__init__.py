"""Load and comparisons: run by hand or by ``make load``, never timed inside the test suite."""
