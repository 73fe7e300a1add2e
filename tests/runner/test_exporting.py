"""Exported generators: programs of every architecture, parameters by name, and their cards."""

import jax
import numpy as np
import pytest
from jax import export as jax_export
from jax import lax

from gan import config, networks, runs
from gan.errors import UserError
from gan.registries import ARCHITECTURES, SOURCES
from gan.reports import model_card
from gan.runner import exporting, train
from gan.runner.sampling import Sampler
from gan.runs import trees
from tests.experiments.commands import call
from tests.networks.test_architectures import CLASSES, ENTRIES, LATENT, built, moved

KINDS = {
    "plain": {},
    "convolutional": {"generator.name": "resnet", "generator.width": 16},
    "conditional": {"conditional": True},
}
SCORES = {
    "step": 2,
    "split": "test",
    "n": 20,
    "w1": 3.25,
    "recall": {"value": 0.5, "n": 16, "features": "classifier"},
    "proportions": {"n": 16, "flow": [[1.0]]},
}


def players():
    """(architecture, number of classes) of every generator."""
    for name in ENTRIES:
        entry = ARCHITECTURES.get(name)
        for classes, player in ((0, entry.generator), (CLASSES, entry.conditional_generator)):
            if player is not None:
                marks = [pytest.mark.slow] if entry.case.slow else []
                yield pytest.param(name, classes, marks=marks, id=f"{name}-{classes}")


def made(name, classes=0, **fields):
    """(generator in miniature, its parameters, function of b: what it is applied to)."""
    generator = built(name, "generator", classes=classes, **fields)
    rng = np.random.default_rng(0)

    def given(b):
        latents = rng.normal(size=(b, LATENT)).astype(np.float32)
        return (latents, np.arange(b, dtype=np.int32) % classes) if classes else (latents,)

    return generator, moved(generator.init(jax.random.key(0))), given


def restored(generator, params, classes=0):
    """The program of a generator, after it was bytes."""
    written = exporting.program(generator, params, LATENT, bool(classes)).serialize()
    return jax_export.deserialize(bytearray(written))


@pytest.mark.parametrize(("name", "classes"), list(players()))
def test_programs_of_every_architecture_take_any_batch(name, classes):
    generator, params, given = made(name, classes)
    found = restored(generator, params, classes)
    assert found.platforms == exporting.PLATFORMS == ("cpu", "cuda", "tpu")
    assert jax.eval_shape(found.call, *given(7)).shape == (7, 8, 8, 1)
    arrays = given(5)
    expected = jax.jit(generator.apply)(params, *arrays)
    images = found.call(*arrays)
    assert images.shape == expected.shape == (5, 8, 8, 1) and np.std(images) > 0.01
    np.testing.assert_allclose(images, expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("changes", [{"weights": "spectral"}, {"normalization": "batch"}], ids=str)
def test_programs_of_other_weights_and_norms(changes):
    generator, params, given = made("resnet", width=16, **changes)
    (latents,) = given(5)
    expected = jax.jit(generator.apply)(params, latents)
    np.testing.assert_allclose(restored(generator, params).call(latents), expected, atol=2e-6)


def operations(name, platform, monkeypatch):
    """How many convolutions and barriers a program for one platform has, of a network that was
    traced for this process before."""
    generator, params, given = made(name, width=16)
    jax.jit(generator.apply).lower(params, *given(2))
    monkeypatch.setattr(exporting, "PLATFORMS", (platform,))
    text = exporting.program(generator, params, LATENT, False).mlir_module()
    return text.count("stablehlo.convolution"), text.count("stablehlo.optimization_barrier")


def test_accelerators_get_convolutions_and_a_cpu_products(monkeypatch):
    assert operations("resnet", "cpu", monkeypatch)[0] == 0
    counts = {operations("resnet", platform, monkeypatch)[0] for platform in ("cuda", "tpu")}
    assert len(counts) == 1 and min(counts) >= 3


def test_only_a_cpu_keeps_what_is_transposed(monkeypatch):
    assert operations("mlp", "cpu", monkeypatch)[1] > 1
    assert operations("mlp", "tpu", monkeypatch)[1] == 1  # around the parameters


@pytest.mark.parametrize("name", ["mlp", "resnet", "dcgan"])
def test_what_accelerators_get_makes_the_same_images(name, monkeypatch):
    """Their branches, run on this CPU."""
    generator, params, given = made(name, width=16)
    (latents,) = given(5)
    expected = jax.jit(generator.apply)(params, latents)
    taken = []

    def other(*arrays, cpu, default):
        taken.append(cpu)
        return default(*arrays)

    monkeypatch.setattr(lax, "platform_dependent", other)
    found = restored(generator, params).call(latents)
    assert taken
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-5)


def test_networks_are_traced_for_this_process_again_afterwards(monkeypatch):
    generator, params, given = made("resnet", width=16)
    restored(generator, params)
    text = jax.jit(generator.apply).lower(params, *given(2)).as_text()
    assert "convolution" not in text and "case" not in text


@pytest.fixture(scope="module", params=KINDS)
def finished(request, tiny, tmp_path_factory):
    """(kind, directory) of a run with a made-up evaluation."""
    folder = tmp_path_factory.mktemp(request.param) / "run"
    changes = {"steps": 2, "checkpoint_every": 1, **KINDS[request.param]}
    train(config.replace(tiny, changes), str(folder), evaluated=False, devices=1)
    runs.read(folder).record_evaluation(SCORES)
    return request.param, str(folder)


def test_parameters_come_back_with_their_bits(finished, tmp_path):
    kind, workdir = finished
    sampler = Sampler(workdir)
    leaves = trees.flatten(sampler.params)
    given = (sampler.latents(0, 20), *([np.arange(20) % 10] if kind == "conditional" else []))
    images = sampler(*given)
    for format in ("npz", "safetensors"):
        exporting.export(workdir, str(tmp_path / f"x.{format}"))
    arrays = dict(np.load(tmp_path / "x.npz", allow_pickle=False))
    from safetensors.numpy import load_file

    for found in (arrays, load_file(tmp_path / "x.safetensors")):
        assert found.keys() == leaves.keys() and all("/" in name for name in found)
        for name, leaf in leaves.items():
            assert found[name].dtype == leaf.dtype == np.float32
            np.testing.assert_array_equal(found[name], leaf)
    generate, facts = exporting.read(str(tmp_path / "x.safetensors"))
    np.testing.assert_array_equal(generate(*given), images)
    again = jax.jit(sampler.generator.apply)(trees.nest(arrays), *given)
    np.testing.assert_array_equal(again, images)
    assert facts == exporting.describe(workdir, sampler)
    assert config.from_dict(facts["config"]) == sampler.config
    assert facts["evaluation"] == {k: v for k, v in SCORES.items() if k != "proportions"}


def test_a_card_says_what_the_file_is(finished, tmp_path):
    kind, workdir = finished
    found = exporting.export(workdir, str(tmp_path / "x.npz"), step=1)
    assert (found.step, found.size) == (1, (tmp_path / "x.npz").stat().st_size)
    assert found.card == tmp_path / "x.npz.md"
    text = found.card.read_text()
    count = networks.parameter_count(Sampler(workdir, 1).params)
    assert f"{count:,} parameters" in text and f"{found.size:,} bytes" in text
    assert "Licence of the data: BSD-3-Clause, as scikit-learn distributes them." in text
    assert "Step 1 of 2 (not the last), seed 0" in text
    assert "Of step 2, on the test split, and not of step 1, which this file holds" in text
    assert "| w1 | 3.25 | " in text and "| recall | 0.5 (n = 16) | " in text
    assert ("Labels: int32 [b], 0 to 9" in text) == (kind == "conditional")
    assert f'"width": {Sampler(workdir).config.generator.width}' in text
    assert not any(line.rstrip() != line for line in text.splitlines())


def test_a_run_without_scores_says_so(finished, tmp_path):
    _, workdir = finished
    facts = exporting.describe(workdir, Sampler(workdir)) | {"evaluation": None}
    assert "None: this run was not evaluated." in model_card.write("x.npz", facts, 1, "0")


def test_a_card_tells_no_path_of_the_user(tiny, tmp_path, monkeypatch):
    chosen = config.replace(tiny, {"data.name": "folder", "data.folder": "/home/me/cats"})
    monkeypatch.setattr(runs, "read", lambda _: FolderRun(chosen, tmp_path))
    sampler = type("S", (), {"step": 1, "params": {"a": np.zeros(1)}, "shape": (8, 8, 1)})
    facts = exporting.describe("", sampler)
    text = model_card.write("x.npz", facts, 1, "0")
    assert '"folder": "cats"' in text and "/home" not in text
    assert "which are the user's own" in text and r"all, c\xe9" in text


class FolderRun:
    def __init__(self, config, path):
        self.config, self.path = config, path

    def data(self):
        return {"name": "folder", "shape": [8, 8, 1], "class_names": ["all", "c\udce9"]}


def test_licences_are_those_of_the_data():
    found = {name: entry.licence for name, entry in SOURCES.items()}
    assert found["fashion_mnist"] == "MIT" and "BSD" in found["digits"]
    for name, licence in found.items():
        assert licence and licence == found[name.removeprefix("stacked_")]


def test_a_missing_package_is_said_before_the_work(finished, tmp_path, monkeypatch):
    _, workdir = finished
    monkeypatch.setattr(exporting.importlib.util, "find_spec", lambda name: None)
    for format in ("stablehlo", "safetensors"):
        with pytest.raises(UserError, match="install the extra 'export', or pip install"):
            exporting.export(workdir, str(tmp_path / f"x.{format}"))
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_export_is_refused(tmp_path):
    from safetensors.numpy import save_file

    (tmp_path / "x.safetensors").write_bytes(b"\0" * 9)
    save_file({"a": np.zeros(1, np.float32)}, tmp_path / "y.safetensors")
    for name in ("x", "y"):
        with pytest.raises(UserError, match="holds no generator of experiments.export"):
            exporting.read(str(tmp_path / f"{name}.safetensors"))
    with pytest.raises(UserError, match="cannot read .*z.safetensors: No such file"):
        exporting.read(str(tmp_path / "z.safetensors"))


def test_the_command_takes_the_format_from_the_ending_and_refuses_another(finished, tmp_path):
    _, workdir = finished
    how = ["--workdir", workdir, "--output", tmp_path / "x.npz"]
    status, out, err = call("export", *how)
    size = (tmp_path / "x.npz").stat().st_size
    line = f"generator of step 2 in {tmp_path}/x.npz, {size:,} bytes; see {tmp_path}/x.npz.md\n"
    assert (status, out) == (0, line), err
    status, _, err = call("export", *how, "--format", "safetensors")
    assert status == 2 and "--output must end in .safetensors" in err
    status, _, err = call("export", *how, "--step", 7)
    assert status == 2 and "7" in err
