# Only the guest has numpy.
# pyright: basic, reportMissingImports=false
"""Run in the guest: numpy computes there, with its libraries of linear algebra."""

import numpy

matrix = numpy.array([[2.0, 1.0], [1.0, 3.0]])
assert numpy.allclose(matrix @ numpy.linalg.inv(matrix), numpy.eye(2))
print("numpy", numpy.__version__, "on", numpy.dtype(numpy.intp).itemsize * 8, "bits")
