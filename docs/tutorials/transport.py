# %% [markdown]
# # Exact transport, from six points to many
#
# Six points can be matched by hand. Sixty thousand need column generation. The proof is the same.

# %%
import itertools
import time

import numpy as np

from gan import transport
from gan.reports import drawing

draw = np.random.default_rng(4)
x, y = draw.normal(size=(6, 2)), draw.normal(size=(6, 2)) + (1.5, 0)

# %% [markdown]
# ## Six points
#
# There are 720 ways to match six points with six others. Try them all, then ask the solver.

# %%
costs = np.linalg.norm(x[:, None] - y, axis=2)
best = min(itertools.permutations(range(6)), key=lambda p: costs[range(6), p].mean())
solved = transport.assignment(x, y)
print("by hand:  ", best, costs[range(6), best].mean())
print("by solver:", tuple(solved.permutation.tolist()), solved.value)

figure, axes = drawing.chart(3.6, 3.6)
drawing.segments(axes, x, y[solved.permutation])
drawing.scatter(axes, x, y, 40)
drawing.plane(axes, "the cheapest matching", x, y)
drawing.save(figure, "six.png")

# %% [markdown]
# ## The proof
#
# The solver also gives a number for each point, its potential. No pair costs less than the sum of
# its two potentials. So no matching costs less than the mean of all potentials.

# %%
u, v = solved.potentials
print("smallest cost less potentials:", f"{(costs - u[:, None] - v).min():.1e}")
print("lower bound:", u.mean() + v.mean())
bounds = transport.verify(solved.certificate, x, y)
print("verified:", bounds.lower <= solved.value <= bounds.upper, f"gap {bounds.gap:.1e}")

# %% [markdown]
# ## Unequal masses
#
# With masses, a point may be split. The plan says how much goes where.

# %%
a, b = np.array([0.4, 0.2, 0.1, 0.1, 0.1, 0.1]), np.full(3, 1 / 3)
plan = transport.plan(x, y[:3], a, b, cost="euclidean")
print(np.round(plan.plan.toarray(), 3))
print("cost:", plan.value)

# %% [markdown]
# ## Many points
#
# The matrix of costs of 4,000 points has sixteen million entries; of 60,000, 3.6 billion. From a
# few thousand points on it is never held whole. Sixty thousand images take minutes:
# [results](../../results/transport.md).

# %%
for n in (250, 1000, 4000):
    x, y = draw.normal(size=(2, n, 64))
    start = time.perf_counter()
    solved = transport.assignment(x, y)
    seconds = time.perf_counter() - start
    gap = transport.verify(solved.certificate, x, y).gap
    print(f"n = {n:5}: W1 = {solved.value:.4f}, gap {gap:.0e}, {seconds:.1f} s")
