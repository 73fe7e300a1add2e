"""The model card of an exported generator, in Markdown: what it is, of which data, how to load it.

Mitchell et al. 2019, as far as a file of one run can tell. The code in a card runs as it stands.
"""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from gan.reports import page
from gan.reports import scores as tables
from gan.reports.text import printable

SHOWN = 20
"""Names of classes that a card lists."""

COUNT = 64
"""Images that the code in a card makes."""


def write(name: str, facts: Mapping[str, Any], size: int, digest: str) -> str:
    """The card.

    Args:
        name: of the exported file, which lies beside the card and ends in its format.
        facts: see gan.runner.exporting.describe.
        size: of the file in bytes.
        digest: its SHA-256 in hex.
    """
    ending = name.rpartition(".")[2].lower()
    sections = {
        "Loading": _loading(name, ending, facts),
        "Latents, labels and images": _interface(facts),
        "Data": _data(facts["data"]),
        "Training": _training(facts),
        "Scores": _scores(facts),
        "Configuration": _fenced("json", json.dumps(facts["config"], indent=2)),
    }
    head = (
        f"# A generator of {printable(facts['data']['name'])}\n\n"
        f"`{printable(name)}`: {size:,} bytes, SHA-256 `{digest}`.\n"
        f"Written by gan {facts['gan']} with jax {facts['jax']}.\n"
    )
    return head + "".join(f"\n## {title}\n\n{text}\n" for title, text in sections.items())


def _loading(name: str, ending: str, facts: Mapping[str, Any]) -> str:
    latent_dim = facts["config"]["latent_dim"]
    conditional = facts["config"]["conditional"]
    shape = [COUNT, *facts["data"]["shape"]]
    draw = f"latents = jax.random.normal(jax.random.key(0), ({COUNT}, {latent_dim}))\n"
    given = "latents"
    if conditional:
        draw += f"labels = jax.numpy.arange({COUNT}) % {len(facts['data']['class_names'])}\n"
        given = "latents, labels"
    if ending == "stablehlo":
        code = (
            "import jax\nfrom jax import export\n\n"
            f'with open({json.dumps(name)}, "rb") as file:\n'
            "    sampler = export.deserialize(bytearray(file.read()))\n"
            f"{draw}images = sampler.call({given})  # {shape} float32\n"
        )
        return (
            "With the packages `jax` and `flatbuffers`, from the folder of the file. The sampler "
            f"runs on {', '.join(facts['platforms'])}, for any number of latents.\n\n"
            + _fenced("python", code.rstrip())
        )
    if ending == "safetensors":
        code = (
            "from safetensors.numpy import load_file\n\n"
            f'parameters = load_file({json.dumps(name)})  # {{"name": array, ...}}\n'
        )
        again = (
            "import jax\nfrom gan.runner import exporting\n\n"
            f"generate, facts = exporting.read({json.dumps(name)})\n"
            f"{draw}images = generate({given})  # {shape} float32\n"
        )
        return (
            "With the package `safetensors`, from the folder of the file:\n\n"
            + _fenced("python", code.rstrip())
            + "\n\nWith `gan`, which also samples:\n\n"
            + _fenced("python", again.rstrip())
        )
    code = (
        "import numpy\n\n"
        f'parameters = dict(numpy.load({json.dumps(name)}))  # {{"name": array, ...}}\n'
    )
    return "From the folder of the file:\n\n" + _fenced("python", code.rstrip())


def _interface(facts: Mapping[str, Any]) -> str:
    config, shape = facts["config"], facts["data"]["shape"]
    lines = [
        f"- Latents: float32 [b, {config['latent_dim']}], independent and standard normal.",
    ]
    if config["conditional"]:
        names = facts["data"]["class_names"]
        lines.append(f"- Labels: int32 [b], 0 to {len(names) - 1}, in the order of the classes.")
    if len(shape) == 3:
        height, width, channels = shape
        lines.append(
            f"- Images: float32 [b, {height}, {width}, {channels}] in [-1, 1]; level "
            "round(127.5 (x + 1)) of 255."
        )
    else:
        lines.append(f"- Points: float32 [b, {math.prod(shape)}], in the units of the plane.")
    if config["generator"]["normalization"] == "batch":
        lines.append(
            "- Batch normalisation takes the statistics of the batch at hand: an image depends on "
            "what it is sampled with."
        )
    return "\n".join(lines)


def _data(about: Mapping[str, Any]) -> str:
    names = about["class_names"]
    more = f", and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    listed = ", ".join(printable(name).replace("\n", " ") for name in names[:SHOWN])
    origin = f" ({about['source']})" if about["source"] else ""
    lines = [
        f"- Name: {printable(about['name'])}; {about['help']}{origin}.",
        f"- Licence of the data: {about['licence'] or 'not stated'}.",
        f"- Classes: {listed}{more}.",
    ]
    return "\n".join(line.replace("..", ".") for line in lines)


def _training(facts: Mapping[str, Any]) -> str:
    config, step = facts["config"], facts["step"]
    state = "complete" if step == config["steps"] else "not the last"
    generator = config["generator"]
    lines = [
        f"- Step {step:,} of {config['steps']:,} ({state}), seed {config['seed']}.",
        f"- Generator {generator['name']} against critic {config['critic']['name']}, loss "
        f"{config['loss']}, penalty {config['penalty']} with weight {config['penalty_weight']:g}.",
        f"- {facts['parameters']:,} parameters: the moving average of the generator's, decay "
        f"{config['ema_decay']:g}.",
    ]
    if generator["weights"] == "spectral":
        lines.append(
            '- Spectral weights: each kernel below "weights" is divided by its largest singular '
            'value, for which "directions" hold the vectors, when the generator is applied.'
        )
    return "\n".join(lines)


def _scores(facts: Mapping[str, Any]) -> str:
    scores = facts["evaluation"]
    if scores is None:
        return "None: this run was not evaluated."
    of = f"Of step {scores['step']:,}, on the {scores['split']} split"
    if scores["step"] != facts["step"]:
        of += f", and not of step {facts['step']:,}, which this file holds"
    rows = [
        (name, page.number(value), meaning)
        for name, value, meaning in tables.plain(scores)
        if name not in ("step", "split")
    ]
    for name, entry in tables.detailed(scores).items():
        value = page.number(entry["value"])
        rows.append((name, f"{value} (n = {entry['n']})", tables.meaning(name)))
    return f"{of}.\n\n{_table(('score', 'value', 'meaning'), rows)}"


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    cells = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"
