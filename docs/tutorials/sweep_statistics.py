# %% [markdown]
# # A sweep and its statistics
#
# Eighteen trainings of 500 steps on digits: three weights of the penalty, one or five critic
# steps, three seeds each ([how they were made](../../results/sweep/README.md)). Which setting is
# best, and how sure is that?

# %%
import csv
import itertools
from pathlib import Path

import numpy as np

import gan
from gan.reports import drawing

path = Path(gan.__file__).parent.parent / "results" / "sweep" / "results.csv"
rows = list(csv.DictReader(path.open()))
settings = {}
for row in rows:
    setting = round(float(row["penalty_weight"]), 3), int(row["n_critic"])
    settings.setdefault(setting, []).append(float(row["score"]))
ordered = sorted(settings, key=lambda setting: np.mean(settings[setting]))
for setting in ordered:
    scores = settings[setting]
    spread = np.std(scores, ddof=1)
    print(setting, f"mean {np.mean(scores):.3f}, sd {spread:.3f}, {len(scores)} seeds")

# %% [markdown]
# The score is the debiased distance on the validation split; lower is better. A mean of three
# seeds is uncertain, so look at the seeds themselves.

# %%
figure, axes = drawing.chart(6.4, 3.2)
for place, setting in enumerate(ordered):
    axes.plot(settings[setting], [place] * 3, "o", color=drawing.SOURCE, alpha=0.8)
axes.set_yticks(range(len(ordered)), [f"weight {w}, {n} critic steps" for w, n in ordered])
axes.invert_yaxis()
axes.set(xlabel="debiased W1, a point for each seed")
drawing.save(figure, "seeds.png")

# %% [markdown]
# How often does a seed of one setting beat a seed of another? That is the probability of
# improvement (Agarwal et al. 2021). One half means that they cannot be told apart.

# %%
best, *others = ordered
for other in others:
    pairs = list(itertools.product(settings[best], settings[other]))
    share = np.mean([a < b for a, b in pairs])
    print(f"{best} beats {other} in {share:.0%} of {len(pairs)} pairs of seeds")

# %% [markdown]
# Is it the penalty or the number of critic steps? Average over the other one.

# %%
for name, place in (("penalty_weight", 0), ("n_critic", 1)):
    for value in sorted({setting[place] for setting in settings}):
        chosen = [np.mean(s) for setting, s in settings.items() if setting[place] == value]
        print(f"{name} = {value}: {np.mean(chosen):.3f}")

# %% [markdown]
# Five critic steps are better at every weight, after as many generator steps. They also take
# longer: in equal time the comparison could come out otherwise. And the best of six looks a
# little better than it is. Train it again with fresh seeds before you report it:
# [sweep](../guides/sweep.md).
