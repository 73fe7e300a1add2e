# %% [markdown]
# # Refereeing a PyTorch GAN
#
# A small GAN of somebody else's, in PyTorch (extra `bench`), and three questions: how far are its
# digits from real ones, what is wrong with them, and does its critic know what it claims to know?

# %%
import numpy as np
import torch

import gan
from gan.reports import figures
from results.referee.torch_gan import Torch

torch.set_num_threads(1)  # the networks are small
source = gan.data.load(gan.config.Data(name="digits"))
train, real = (source.examples(split)[0].transpose(0, 3, 1, 2) for split in ("train", "test"))
model = Torch(torch.as_tensor(train), steps=2000)

# %% [markdown]
# Arrays are all that the referee needs: generated digits, held-out real ones, and the training
# set.

# %%
torch.manual_seed(1)
with torch.no_grad():
    fake = torch.cat([model.generator(torch.randn(100, 32)) for _ in range(10)]).numpy()
pixels = ((fake[:32].transpose(0, 2, 3, 1) + 1) * 127.5).round().astype(np.uint8)
figures.save_image("generated.png", figures.image_grid(pixels, 8))

# %%
report = gan.referee.judge(fake, real, train)
print(report.verdict)
found = report.distance
print(f"W1 {found.value:.3f}, floor {found.floor:.3f}, p = {found.p_value:.3f}")
for name in ("precision", "recall"):
    score = report.scores[name]
    print(f"{name:10} {score.value:.2f}, real digits {score.real:.2f}")

# %% [markdown]
# The critic is certified from its scores and gradients: which share of the exact distance does it
# prove, and where is it steepest?

# %%
points = torch.as_tensor(fake[: len(real)]).requires_grad_()
f_fake = model.critic(points).squeeze(1)
(gradients,) = torch.autograd.grad(f_fake.sum(), points)
f_real = model.critic(torch.as_tensor(real)).squeeze(1)
x, y, fx, fy = real, points.detach().numpy(), f_real.detach().numpy(), f_fake.detach().numpy()
proof = gan.referee.certify_critic(x, y, fx, fy, gradients.numpy())
print(f"share {proof.share:.1%} of W1 {proof.w1:.3f}; steepest slope {proof.lipschitz:.2f}")
print(f"cosine of its gradients with exact transport {proof.gradient_cosine:.2f}")

# %% [markdown]
# From the command line the same is one command, and writes a page: [judge someone else's
# GAN](../guides/judge_your_gan.md).
