"""A trained generator as one file that other programs read, and a model card beside it.

- stablehlo: the sampler as a program, parameters inside, for any batch, lowered for each of
  PLATFORMS; jax.export runs it where there is jax and nothing of this project. On a CPU its images
  are the sampler's to the bit, at the same batch size; elsewhere they are those of XLA's own
  convolutions (within 3e-5 on this CPU), and products are asked for in float32.
- safetensors, npz: the parameters under the names that checkpoints give them, "Dense_0/kernel";
  the former holds all that `read` needs to sample again.

What is exported is the moving average of the generator's parameters, which evaluations judge.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import export as jax_export
from jax import lax

import gan
from gan import config as configs
from gan import files, networks, outputs, runs
from gan.data import Source
from gan.errors import UserError
from gan.inputs import unknown
from gan.networks import platforms
from gan.precise import in_full
from gan.registries import SOURCES
from gan.reports import model_card
from gan.runner.sampling import Sampler
from gan.runs import trees

PLATFORMS = ("cpu", "cuda", "tpu")
"""What a program is lowered for."""

PACKAGES = {"stablehlo": "flatbuffers", "safetensors": "safetensors", "npz": "numpy"}
"""The formats, which are the endings of the files, and the package that each needs."""


class Exported(NamedTuple):
    """What was written."""

    path: Path
    card: Path
    size: int
    """Bytes of the file."""
    step: int
    """Of the checkpoint."""


def export(
    workdir: str, output: str, *, format: str | None = None, step: int | str | None = None
) -> Exported:
    """Writes the generator of a run as the file `output`, and what it is as `output`.md.

    Args:
        workdir: run directory, perhaps of a run that is going on.
        output: path of the file, which ends in the name of the format.
        format: one of PACKAGES; None for the one that `output` ends in.
        step: number of a kept checkpoint, "best", or None for the newest.

    Raises:
        UserError: an unknown format, an output with another ending, a missing package, no run
            directory, or a step that is not kept.
        CheckpointError: the checkpoint is damaged.
        StorageError: the file cannot be written.
    """
    if format is not None and format not in PACKAGES:
        raise UserError(unknown("format", format, PACKAGES))
    allowed = PACKAGES if format is None else (format,)
    path = outputs.file(output, [f".{name}" for name in allowed])
    format = path.suffix[1:].lower()
    _require_package(format)
    sampler = Sampler(workdir, step)
    facts = describe(workdir, sampler)
    content = _CONTENT[format](sampler, facts)
    with files.replacing(path) as file:
        file.write(content)
    card = path.with_name(f"{path.name}.md")
    digest = hashlib.sha256(content).hexdigest()
    files.write_atomically(card, model_card.write(path.name, facts, len(content), digest))
    return Exported(path, card, len(content), sampler.step)


def describe(workdir: str, sampler: Sampler) -> dict[str, Any]:
    """What somebody who has the file alone must know, ready for JSON.

    Of a folder of the user's own pictures its name is told, and not where it is.
    """
    run = runs.read(workdir)
    config = configs.to_dict(run.config)
    if config["data"]["folder"]:
        config["data"]["folder"] = Path(config["data"]["folder"]).name
    described = run.data()
    entry = _entry(run.config.data.name)
    return {
        "gan": gan.__version__,
        "jax": jax.__version__,
        "platforms": list(PLATFORMS),
        "step": sampler.step,
        "parameters": networks.parameter_count(sampler.params),
        "config": config,
        "data": {
            "name": described["name"],
            "help": entry.help if entry else "a set whose module is not at hand",
            "source": entry.source if entry else "",
            "licence": entry.licence if entry else "",
            "shape": list(sampler.shape),
            "class_names": list(described["class_names"]),
        },
        "evaluation": _evaluation(run),
    }


def _entry(name: str) -> Source | None:
    """What names the data set; None if it is somebody's and cannot be imported here."""
    try:
        return SOURCES.get(name)
    except UserError:
        return None


def _evaluation(run: runs.Run) -> dict[str, Any] | None:
    """The scores of the latest evaluation without their details by class; None without any."""
    if not (run.path / "evaluation.json").exists():
        return None
    scores = run.evaluation()
    return {k: v for k, v in scores.items() if not isinstance(v, dict) or "value" in v}


def program(
    generator: networks.Network, params: Any, latent_dim: int, conditional: bool
) -> jax_export.Exported:
    """The generator as a program for PLATFORMS: latents [b, latent_dim] (and labels int32 [b]) ->
    examples [b, *shape], for any b.

    Its parameters stay apart from its operations, which a compiler would otherwise evaluate in
    advance, more slowly and with other roundings.
    """
    params = jax.tree.map(jnp.asarray, params)
    (batch,) = jax_export.symbolic_shape("batch")
    given = [jax.ShapeDtypeStruct((batch, latent_dim), jnp.float32)]
    if conditional:
        given.append(jax.ShapeDtypeStruct((batch,), jnp.int32))

    def generate(*given):
        return generator.apply(lax.optimization_barrier(params), *given)

    with platforms.traced_for(platforms.ANY):
        return jax_export.export(jax.jit(in_full(generate)), platforms=PLATFORMS)(*given)


def read(path: str) -> tuple[Callable[..., jax.Array], dict[str, Any]]:
    """The generator in a .safetensors file of `export`: (generate, facts).

    Returns:
        generate: latents [b, d] (and labels [b] if it is conditional) -> examples [b, *shape].
        facts: see `describe`.

    Raises:
        UserError: the file cannot be read, or is none of `export`; or no safetensors is installed.
    """
    _require_package("safetensors")
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            noted = file.metadata() or {}
            leaves = {name: file.get_tensor(name) for name in file.keys()}
        facts = {name: json.loads(noted[name]) for name in noted if name != "format"}
        config, about = configs.from_dict(facts["config"]), facts["data"]
        shape, names = tuple(about["shape"]), about["class_names"]
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} holds no generator of experiments.export: {error}") from error
    params = trees.nest(leaves)
    generator, _ = networks.players(config, shape, names)
    runs.require_fit(params, generator.init, f"{path}: generator")
    apply = jax.jit(in_full(generator.apply))
    return lambda *given: apply(params, *given), facts


def _require_package(format: str) -> None:
    package = PACKAGES[format]
    if importlib.util.find_spec(package) is None:
        raise UserError(
            f"format {format} needs the package {package}: install the extra 'export', or "
            f"pip install {package}"
        )


def _program(sampler: Sampler, facts: Mapping[str, Any]) -> bytes:
    conditional = bool(sampler.class_names)
    latents = sampler.config.latent_dim
    return bytes(program(sampler.generator, sampler.params, latents, conditional).serialize())


def _safetensors(sampler: Sampler, facts: Mapping[str, Any]) -> bytes:
    from safetensors.numpy import save

    metadata = {name: json.dumps(value) for name, value in facts.items()}
    return save(_leaves(sampler), metadata)


def _npz(sampler: Sampler, facts: Mapping[str, Any]) -> bytes:
    leaves: dict[str, Any] = {**_leaves(sampler)}
    file = io.BytesIO()
    np.savez(file, **leaves)
    return file.getvalue()


def _leaves(sampler: Sampler) -> dict[str, np.ndarray]:
    leaves = trees.flatten(sampler.params)
    return {name: np.ascontiguousarray(leaves[name]) for name in sorted(leaves)}


_CONTENT = {"stablehlo": _program, "safetensors": _safetensors, "npz": _npz}
