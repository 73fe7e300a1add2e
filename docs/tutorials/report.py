# %% [markdown]
# # Reading a report
#
# A short training on digits, and what its numbers say. A full one is `make demo`.

# %%
import json
from pathlib import Path

import gan
from gan.reports import figures

small = {"steps": 600, "evaluate_every": 100, "sample_every": 300, "checkpoint_every": 300}
config = gan.config.replace(gan.presets.get("digits"), small)
scores = gan.train(config, "run")
samples = gan.load("run").sample(32, seed=0)
pixels = ((samples + 1) * 127.5).round().astype("uint8")
figures.save_image("generated.png", figures.image_grid(pixels, 8))

# %% [markdown]
# ## How far from real digits?
#
# Look at three numbers together. The floor is what real digits get. The debiased distance is what
# is left without the part that sampling alone produces: [floor and
# debiasing](../concepts/floor.md).

# %%
for name in ("w1", "w1_floor", "w1_debiased", "w1_debiased_low", "w1_debiased_high"):
    print(f"{name:17} {scores[name]:.3f}")

# %% [markdown]
# The interval of the debiased distance lies above 0: these digits can be told from real ones.
#
# ## Is the critic to blame?
#
# Its certified share stands beside what other examples prove: [what a critic's share
# means](../concepts/share.md).

# %%
for name in ("critic_share", "reference_share", "lipschitz", "gradient_cosine"):
    print(f"{name:17} {scores[name]:.3f}")

# %% [markdown]
# ## Good, varied, or copied?
#
# Precision falls with bad examples, recall with missing variety. Beside each is what real digits
# get. The distance to the training set would lie *below* its floor if digits were copied.

# %%
for name in ("precision", "recall", "coverage"):
    found = scores[name]
    low, high = found["interval"]
    beside = f"({low:.2f} to {high:.2f}), real digits {found['real']:.2f}"
    print(f"{name:10} {found['value']:.2f} {beside}")
print(f"to the training set {scores['w1_train']:.3f}, floor {scores['w1_train_floor']:.3f}")

# %% [markdown]
# ## Along training
#
# `metrics.jsonl` has a line per logged step, and the report draws it.

# %%
lines = Path("run/metrics.jsonl").read_text().splitlines()
records = [json.loads(line) for line in lines]
figures.save_distance_curves("curves.png", records)
