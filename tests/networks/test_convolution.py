import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from gan.errors import UserError
from gan.networks import convolution, platforms
from gan.networks.winograd import POINTS

CASES = [  # side, channels in, channels out, kernel, stride
    (8, 1, 3, 4, 2),
    (8, 5, 2, 4, 2),
    (6, 3, 4, 3, 1),
    (8, 3, 4, 3, 2),
    (12, 2, 3, 5, 3),
    (4, 2, 2, 2, 2),
]
OPERATIONS = {
    "convolve": convolution.convolve,
    "transposed": convolution.convolve_transposed,
}


def plain(x, kernel):
    """A 3 x 3 convolution of stride 1 by XLA."""
    return convolution.convolve(x, kernel, 1, "lax")


RESAMPLING = {  # each against its definition
    "halve": (
        convolution.convolve_then_halve,
        lambda x, kernel: convolution.halve(plain(x, kernel)),
    ),
    "double": (
        convolution.double_then_convolve,
        lambda x, kernel: plain(convolution.double(x), kernel),
    ),
}


def arrays(case, operation, dtype=np.float64):
    """x and a kernel; the result's entries have a variance of about 1, as in the networks."""
    side, c, o, k, s = case
    rng = np.random.default_rng(0)
    forward = operation == "convolve"
    size = (2, side, side, c) if forward else (2, side // s, side // s, o)
    products = k * k * c if forward else k * k * o / s**2
    kernel = rng.normal(size=(k, k, c, o)) / products**0.5
    return rng.normal(size=size).astype(dtype), kernel.astype(dtype)


def by_xla(x, kernel, stride, form=None):
    """`convolve` as one operation of XLA's, whose derivatives are JAX's."""
    low = (kernel.shape[0] - stride) // 2
    around = (low, kernel.shape[0] - stride - low)
    layout = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, kernel, (stride,) * 2, (around,) * 2, None, None, layout)


def by_xla_transposed(x, kernel, stride, form=None):
    """`convolve_transposed` likewise."""
    b, h, w, _ = x.shape
    image = jax.ShapeDtypeStruct((b, h * stride, w * stride, kernel.shape[2]), x.dtype)
    return jax.linear_transpose(lambda y: by_xla(y, kernel, stride), image)(x)[0]


REFERENCES = {"convolve": by_xla, "transposed": by_xla_transposed}


def derivatives(function, stride, form):
    """Value, gradients, and gradients of the squared gradient norm, as one compiled function."""

    def scalar(x, kernel):
        return jnp.mean(jnp.sin(function(x, kernel, stride, form)) ** 2)

    def squared_gradients(x, kernel):
        return sum(jnp.sum(g**2) for g in jax.grad(scalar, argnums=(0, 1))(x, kernel))

    return jax.jit(
        lambda x, kernel: [
            function(x, kernel, stride, form),
            *jax.grad(scalar, argnums=(0, 1))(x, kernel),
            *jax.grad(squared_gradients, argnums=(0, 1))(x, kernel),
        ]
    )


SIDES = [  # sides of one tile, of uneven tiles, of blocks, of uneven blocks
    ((side * stride, 2, 3, size, stride), "winograd")
    for side in (1, 4, 7, 8, 11, 16)
    for size, stride in ((3, 1), (4, 2))
]
FORMS_OF = [
    *((case, form) for form in ("lax", "matrix") for case in CASES),
    *((case, "winograd") for case in CASES if -(-case[3] // case[4]) in POINTS),
    *SIDES,
]


@functools.cache
def of_xla(case, operation, dtype):
    """The derivatives of XLA's own convolution."""
    with jax.enable_x64(dtype == np.float64):
        return jax.device_get(
            derivatives(REFERENCES[operation], case[-1], None)(*arrays(case, operation, dtype))
        )


def distances_from_xla(case, form, operation, dtype):
    """Relative distance of value and derivatives of a form from those of XLA's convolution."""
    with jax.enable_x64(dtype == np.float64):
        other = derivatives(OPERATIONS[operation], case[-1], form)(*arrays(case, operation, dtype))
    found = []
    for a, b in zip(of_xla(case, operation, dtype), other, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype == dtype
        found.append(np.linalg.norm(a - b) / np.linalg.norm(a))
    return found


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(("case", "form"), FORMS_OF, ids=str)
def test_all_forms_agree_to_second_order(case, form, operation):
    distances = distances_from_xla(case, form, operation, np.float64)
    assert len(distances) == 5 and max(distances) < 1e-10


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("case", "form"), [(CASES[0], "lax"), (CASES[0], "matrix"), SIDES[5], SIDES[10]], ids=str
)
def test_all_forms_agree_in_single_precision(case, form, operation):
    distances = distances_from_xla(case, form, operation, np.float32)
    assert len(distances) == 5 and max(distances) < 1e-5


@pytest.mark.parametrize("form", convolution.FORMS)
@pytest.mark.parametrize("name", RESAMPLING)
def test_resampling_convolutions_are_those_of_their_definitions(name, form):
    with jax.enable_x64(True):
        found, expected = RESAMPLING[name]
        rng = np.random.default_rng(0)
        x, kernel = rng.normal(size=(2, 6, 6, 3)), rng.normal(size=(3, 3, 3, 5))
        np.testing.assert_allclose(found(x, kernel, form), expected(x, kernel), atol=1e-12)


def test_halving_and_doubling_are_means_and_copies():
    x = jnp.arange(16.0).reshape(1, 4, 4, 1)
    np.testing.assert_array_equal(convolution.halve(x)[0, :, :, 0], [[2.5, 4.5], [10.5, 12.5]])
    np.testing.assert_array_equal(convolution.double(x), np.repeat(np.repeat(x, 2, 1), 2, 2))


@pytest.mark.parametrize(("size", "outputs"), [(1, 6), (2, 3), (3, 4), (6, 5)])
def test_all_forms_of_a_grouped_convolution_agree_to_second_order(size, outputs, monkeypatch):
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        x, kernel = (
            rng.normal(size=(2, 5, 5, 6)),
            rng.normal(size=(3, 3, size, outputs * 6 // size)),
        )

        def by_xla_grouped(x, kernel, _):
            around, layout = ((1, 1), (1, 1)), ("NHWC", "HWIO", "NHWC")
            groups = x.shape[3] // size
            return lax.conv_general_dilated(x, kernel, (1, 1), around, None, None, layout, groups)

        def derivatives(form):
            function = convolution.convolve_grouped if form else by_xla_grouped

            def scalar(x, kernel):
                return jnp.mean(jnp.sin(function(x, kernel, form)) ** 2)

            def squares(x, kernel):
                return jnp.sum(jax.grad(scalar)(x, kernel) ** 2)

            return jax.jit(lambda: jax.grad(squares, argnums=(0, 1))(x, kernel))()

        expected, found = derivatives(None), [derivatives("lax"), derivatives("matrix")]
        for lanes in (4, 128):  # a TPU's, with some groups made one and with all
            monkeypatch.setattr(convolution, "LANES", lanes)
            with platforms.traced_for("tpu"):
                found.append(derivatives("lax"))
        for other in found:
            for a, b in zip(expected, other, strict=True):
                np.testing.assert_allclose(a, b, atol=1e-12 + 1e-10 * np.abs(a).max())


def test_a_tpu_convolves_with_groups_as_wide_as_its_matrix_unit():
    x, kernel = jnp.zeros((1, 4, 4, 512)), jnp.zeros((3, 3, 16, 512))

    def groups(platform):
        with platforms.traced_for(platform):
            text = jax.jit(lambda x, k: convolution.convolve_grouped(x, k)).trace(x, kernel)
            text = text.lower(lowering_platforms=(platform,)).as_text()
        return re.findall(r"feature_group_count = (\d+)", text)

    assert groups("tpu") == ["4"] and groups("cuda") == ["32"] and groups("cpu") == []
    with platforms.traced_for(platforms.ANY):
        text = jax.jit(lambda x, k: convolution.convolve_grouped(x, k)).trace(x, kernel)
        for platform, expected in {"tpu": "4", "cuda": "32"}.items():
            found = text.lower(lowering_platforms=(platform,)).as_text()
            assert re.findall(r"feature_group_count = (\d+)", found) == [expected]


def test_groups_that_do_not_divide_the_channels_are_refused():
    with pytest.raises(ValueError, match="into groups"):
        convolution.convolve_grouped(np.zeros((1, 4, 4, 6)), np.zeros((3, 3, 4, 6)), "matrix")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_stride_that_does_not_divide_is_refused(operation):
    x = np.zeros((1, 5, 5, 1), np.float32)
    if operation == "convolve":
        with pytest.raises(ValueError, match="stride 2 does not divide"):
            convolution.convolve(x, np.zeros((4, 4, 1, 1), np.float32), 2, "matrix")
    with pytest.raises(ValueError, match="kernel"):
        OPERATIONS[operation](x[:, :4, :4], np.zeros((1, 1, 1, 1), np.float32), 2, "matrix")


SHAPES = {  # kernel, stride: the form on a CPU
    ((4, 4, 64, 128), 2): "winograd",
    ((3, 3, 16, 16), 1): "winograd",
    ((3, 3, 16, 32), 2): "winograd",
    ((4, 4, 1, 64), 2): "matrix",
    ((3, 3, 64, 3), 1): "matrix",
    ((1, 1, 64, 64), 1): "matrix",
    ((5, 5, 64, 64), 1): "matrix",
}


def test_the_form_follows_the_platform_and_the_shape():
    for (shape, stride), on_cpu in SHAPES.items():
        kernel = np.zeros(shape, np.float32)
        assert convolution.best_form(kernel, stride) == on_cpu
        for platform, form in (("cpu", on_cpu), ("gpu", "lax"), ("cuda", "lax"), ("tpu", "lax")):
            with platforms.traced_for(platform):
                assert convolution.best_form(kernel, stride) == form


def parts(jaxpr):
    """A program and those inside it."""
    yield jaxpr
    for equation in jaxpr.eqns:
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                yield from parts(inner)


def test_no_derivative_of_a_convolution_is_left_reversed():
    """Flipped kernels are read by a convolution at once, which compilers fold."""
    x, kernel = arrays(CASES[1], "convolve", np.float32)

    def total(x, kernel):
        squares = jax.grad(lambda x: jnp.sum(convolution.convolve(x, kernel, 2, "lax") ** 2))(x)
        return jnp.sum(squares**2)

    readers = []
    for part in parts(jax.make_jaxpr(jax.grad(total, argnums=(0, 1)))(x, kernel).jaxpr):
        flipped = [e.outvars[0] for e in part.eqns if e.primitive.name == "rev"]
        for name in flipped:
            readers += [e.primitive.name for e in part.eqns if name in e.invars]
    assert len(readers) > 1 and set(readers) == {"conv_general_dilated"}


def test_half_precision_keeps_to_the_definition():
    kernel = jnp.zeros((4, 4, 64, 128), jnp.bfloat16)
    assert convolution.best_form(kernel, 2) == "matrix"


def test_the_form_can_be_overridden(monkeypatch):
    kernel = np.zeros((4, 4, 64, 128), np.float32)
    for form in convolution.FORMS:
        monkeypatch.setenv(convolution.OVERRIDE, form)
        assert convolution.best_form(kernel, 2) == form
    monkeypatch.setenv(convolution.OVERRIDE, "fft")
    with pytest.raises(UserError, match="lax, matrix, winograd.*'fft'"):
        convolution.best_form(kernel, 2)
