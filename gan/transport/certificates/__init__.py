"""Certificates of optimality, and a verifier that trusts nobody, in NumPy.

A certificate is a plan P and a vector v; 12 bytes a point for a permutation. `verify` turns them
into an interval that holds the optimal cost, in one blockwise pass over all pairs. It shares no
code with the solvers, and the interval is a theorem whatever the numbers in the certificate are.

The problem. Costs c_ij between points x_i and y_j; weights a and b, whose sums A and B agree but
for rounding. The optimum is the least cost sum_ij P_ij c_ij of a plan P >= 0 with row sums a and
column sums b A / B.

The proof, in steps that the code refers to:

1. Weak duality (Kantorovich 1942). For any finite v put u_i = min_j (c_ij - v_j). Then
   u_i + v_j <= c_ij, so sum_i a_i u_i + (A / B) sum_j b_j v_j is at most the cost of every plan.
2. As any v will do, the verifier takes another: shifted so that its median is 0, and clipped to the
   largest cost that the points allow. So no number in a certificate makes the arithmetic coarser
   than the costs do, and none overflows.
3. Integers. Points of integer types are moved by their least coordinates, exactly, modulo 2^64. If
   the largest cost is below 2^50, all numbers of the pass are integers below 2^53 in float64, and
   the sums are Python's integers: nothing is rounded, and a gap of 0 is exactly 0.
4. Floats are scaled by a power of two to coordinates of at most 1. With h = 2^-53 a cost of d
   coordinates that is computed from differences is off by at most (d + 4) h of itself (Higham 2002,
   3.1). A square that is expanded around a point o is off by at most (d + 8) h times
   (|x - o| + |y - o|)^2, at most twice |x - o|^2 + |y - o|^2, the rounding of x - o and y - o
   included. What underflows is less than 2^-1000, and its root less than 2^-500.
5. These errors are subtracted from the costs before the minimum of step 1, and added to the costs
   of the plan. The subtraction of v_j rounds to nearest, which keeps the order of numbers, so that
   the true minimum lies above the next number below the computed one.
6. Sums are rounded once (Shewchuk 1997, `math.fsum`); the rounding of their terms and of the
   weights is added outwards.
7. A plan that misses the weights. Cut every row and column to its weight; what is then missing in
   rows and columns is sent in any way. A pair costs at most p_i + q_j: the distances from a point
   o, or twice their squares, or half the largest cost each. So what is missing, times p and q, and
   the mass that was cut as often, covers the difference. Masses and weights are exact fractions
   here.

8. A minimum of step 1 is at most what the plan's own pair gives. Pairs that could be below the
   least one known so far are found by an inner product in float32 (see `screen`). With k terms and
   f = 2^-24 it is off by at most (k + 2) f times the sum of their sizes, the rounding of both
   factors included, and |x_k y_k| and |t v| are at most half the squares of their factors. So what
   it is off by is a number for each point, which is added; only pairs that are then below 0 are
   left out.

A cost that is a callable is what it returns, in float64: it is taken for exact.
"""

from gan.transport.certificates.format import Certificate, issue, load
from gan.transport.certificates.verifier import Bounds, verify

__all__ = ["Bounds", "Certificate", "issue", "load", "verify"]
