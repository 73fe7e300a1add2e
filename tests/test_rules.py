import subprocess
import sys

import pytest

from gan import config, inputs, registries, rules
from gan.errors import UserError

NAMED = {path: registry.kind for path, registry in inputs.registries(config.Config()).items()}


def test_the_fields_that_hold_names_of_registries():
    assert {"loss", "penalty", "penalty2", "optimizer"} <= set(NAMED)
    assert {"data.name", "generator.name", "critic.name", "metrics"} <= set(NAMED)


@pytest.mark.parametrize("path", NAMED)
def test_an_unknown_name_is_refused_wherever_a_name_goes(path):
    rules.check(config.Config())
    unknown = ("nobody", f"{path}: unknown {NAMED[path]} 'nobody'")
    if path == "data.name":  # any other name may be one of tensorflow-datasets: loading finds out
        unknown = ("nobody:nothing", "data.name: data set 'nobody:nothing'")
    for name, reason in (unknown, ("no.where:x", "no.where")):
        with pytest.raises(UserError, match=reason):
            several = {"metrics": ["w1", name], "augmentations": ["flip", name]}
            value = several.get(path, name)
            rules.check(config.replace(config.Config(), {path: value}))


@pytest.mark.parametrize("path", ["penalty", "penalty2"])
@pytest.mark.parametrize("name", registries.PENALTIES)
def test_every_penalty_but_none_refuses_a_critic_that_couples_examples(path, name):
    chosen = config.replace(
        config.Config(), {"penalty": "none", "critic.normalization": "batch", path: name}
    )
    if name == "none":
        rules.check(chosen)
        return
    with pytest.raises(UserError, match="batch goes with penalty none only"):
        rules.check(chosen)
    rules.check(config.replace(chosen, {"critic.normalization": "layer"}))


def test_names_are_listed_without_importing_what_computes():
    code = (
        "import sys; from gan import config, inputs, rules\n"
        "for registry in inputs.registries(config.Config()).values(): registry.helps()\n"
        "assert not {'jax', 'optax', 'flax'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
