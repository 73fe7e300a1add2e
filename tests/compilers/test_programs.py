"""Targets, and data that are not at hand."""

import dataclasses

import pytest

from gan import config, presets
from gan.compilers import programs, targets
from gan.data.dataset import unread
from gan.errors import UserError
from gan.registries import PRESETS
from gan.training.game import make_program
from gan.training.mesh import make_mesh


@pytest.mark.parametrize(
    ("text", "topology", "devices"),
    [("v5e:2x2", "2x2", 4), ("v5e:4", "2x2", 4), ("v6e", "1x1", 1), ("h100:8", "1x1x8", 8)],
)
def test_targets_are_named_by_sides_or_by_numbers(text, topology, devices):
    target = targets.parse(text)
    assert (target.topology, target.devices) == (topology, devices)
    assert targets.parse(str(target)) == target


@pytest.mark.parametrize("text", ["", "v4:8", "v5e:3", "h100:2x2", "v5e:0"])
def test_other_targets_are_refused(text):
    with pytest.raises(UserError, match="--target: .*(kinds|numbers): "):
        targets.parse(text)


@pytest.mark.parametrize("kind", targets.KINDS)
def test_a_missing_compiler_is_named_with_what_installs_it(kind, monkeypatch):
    monkeypatch.setattr(targets.importlib.util, "find_spec", lambda name: None)
    extra = {"v5e": "aot-tpu", "v6e": "aot-tpu", "h100": "aot-cuda"}[kind]
    with pytest.raises(UserError, match=rf"-m pip install '\.\[{extra}\]'$"):
        programs.compiled(presets.get("digits"), targets.parse(kind), 1.0)


def test_a_batch_that_devices_cannot_share_is_refused(monkeypatch):
    monkeypatch.setattr(targets, "require", lambda target: None)
    with pytest.raises(UserError, match="batch_size 64 must be a multiple of the 128 devices"):
        programs.compiled(presets.get("digits"), targets.parse("v5e:128"), 1.0)


@pytest.mark.parametrize("name", PRESETS)
def test_the_data_of_every_preset_have_a_shape(name):
    choice = presets.get(name).data
    dataset, real = programs.stand_in(choice)
    expected = {"cifar10": (32, 32, 3), "fashion_mnist": (28, 28, 1), "cats_vs_dogs": (64, 64, 3)}
    assert dataset.shape == expected.get(choice.name, dataset.shape)
    assert real or dataset.size("train") == programs.EXAMPLES


def test_what_a_program_would_need_is_read_from_its_refusal():
    said = "RESOURCE_EXHAUSTED: Ran out of memory on HBM, the total memory required for HLO "
    said += "temporaries (84.32G) exceeds available HBM (15.75G)."
    assert programs.required(said) == 84.32 * 2**30
    assert programs.required("Used 512.5M of 15.75G hbm.") == 512.5 * 2**20
    assert programs.required("RESOURCE_EXHAUSTED: something else") is None


def test_the_last_words_of_a_compiler_are_its_exception():
    said = "Traceback\n  File x\njax.errors.JaxRuntimeError: INTERNAL: tiles\n  gan/x.py:1\n\n"
    assert programs.last_words(said) == "jax.errors.JaxRuntimeError: INTERNAL: tiles"
    assert programs.last_words("one\nSegmentation fault\n") == "Segmentation fault"
    assert programs.last_words("") == "no message"


@pytest.mark.parametrize("words", [programs.TILES, "INTERNAL: another fault"])
def test_a_product_that_cannot_be_tiled_is_compiled_without_triton(words):
    class Lowered:
        def compile(self, compiler_options=None):
            if compiler_options is None:
                raise RuntimeError(words)
            return compiler_options

    if words == programs.TILES:
        assert programs._compiled(Lowered()) == (programs.NO_TRITON, programs.NO_TRITON)
    else:
        with pytest.raises(RuntimeError, match="another fault"):
            programs._compiled(Lowered())


def test_a_set_without_one_size_asks_for_it():
    with pytest.raises(UserError, match=r"set --data\.image_size"):
        programs.stand_in(config.Data(name="cats_vs_dogs"))
    with pytest.raises(UserError, match="unknown data set 'nothing'"):
        programs.stand_in(config.Data(name="nothing"))


def test_a_stand_in_makes_the_program_of_the_set(digits, tiny):
    """The real digits, and the same number of images of their shape."""
    choice = config.replace(tiny, {"n_critic": 1})
    raw = dataclasses.replace(digits._images, read=None)
    shapes = unread(raw, dequantize=False, stream="never")
    assert unread(raw, dequantize=False, stream="always").streamed and not shapes.streamed
    texts = [
        program.chunk.trace(*program.given).lower().as_text()
        for program in (make_program(choice, each, make_mesh(1)) for each in (digits, shapes))
    ]
    assert texts[0] == texts[1]
