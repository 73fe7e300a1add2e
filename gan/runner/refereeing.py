"""Generators that were trained elsewhere, from files to a verdict: read, judge, write.

Everything is read and checked before the first distance is computed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from gan import arrays, config, data, files
from gan.data import pictures
from gan.errors import UserError
from gan.referee import critics, distances, resampling
from gan.registries import METRICS
from gan.reports import referee_page
from gan.runner import sets
from gan.runner.sets import Set
from gan.scores import judging, samples
from gan.scores.features import INCEPTION
from gan.scores.given import REPEATS, RealExamples, Sample, set_size
from gan.scores.judging import Critic, Report
from gan.scores.space import Features

TRIED = 400
"""Examples on which the time of a distance is measured beforehand."""

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Case:
    """What is judged, as it was named; see gan.runner.sets for what a set may be.

    Attributes:
        fakes: sets of generated examples, one per generator.
        real: the held-out real ones.
        train: the training examples; None for those of the data set that `real` names, if it does.
        critics: FILE.npz, or NAME=FILE.npz with the name of a generator: arrays `real` and `fake`
            of scores, and perhaps `gradients` at the generated examples.
        span: range of arrays of pictures whose range is not plain; see gan.arrays.
        critic_span: range of the pictures that critics read; None for that of the generated ones,
            or -1 to 1 where these are levels.
        side: pixels of the square that pictures of folders are resized to; 0 keeps them.
        names: of scores; none for all.
        most: examples in every set that distances are taken between, at most; None for all.
        count: examples of every scored set, at most.
        gap: relative gap of exact transport that is good enough; 0 is exact.
    """

    fakes: Sequence[str]
    real: str
    train: str | None = None
    critics: Sequence[str] = ()
    span: str | None = None
    critic_span: str | None = None
    side: int = 0
    names: Sequence[str] = ()
    most: int | None = None
    count: int = samples.SAMPLES
    gap: float = 0.0


def referee(
    case: Case,
    workdir: Path,
    *,
    data_dir: str | None = None,
    features: Features | Mapping[str, np.ndarray] | None = None,
    say: Say = lambda line: None,
) -> Report:
    """Judge generators and write referee.json, report.html and their pictures.

    Args:
        case: what is judged.
        workdir: folder that is written to.
        data_dir: where data sets are, see gan.data.load.
        features: a function, or features [n, k] by the name of the set ("real", "train" or that of
            a generator), that sample scores look at; None for the data set's own, or pixels.
        say: gets lines on what was recognised, and on what there is to wait for.

    Raises:
        UserError: for anything that cannot be read or does not fit together, before any long work.
    """
    for name in case.names:
        METRICS.get(name)
    samples.check_count(case.count)
    _check_apart(case, workdir)
    fakes = _named_apart([sets.read(text, data_dir, case.side) for text in case.fakes])
    others = {"real": case.real} | ({"train": case.train} if case.train else {})
    parts = {part.name: part for part in fakes}
    for name, text in others.items():
        parts[name] = dataclasses.replace(sets.read(text, data_dir, case.side), name=name)
    found, notes = _recognised(parts, case.span)
    _check_effect(case, parts, found)
    names = [part.name for part in fakes]
    judges = _critics(case, names, parts, found)
    values = {name: examples.values for name, examples in found.items()}
    notes += _shared(names, values)
    function = features if isinstance(features, Features | None) else _by_content(values, features)
    examples = _real(parts["real"], values, data_dir, alone=function is not features)
    judging.check(case.names, examples, function)
    if case.gap:
        notes.append(f"distances may be too large by a share of {case.gap:g}, as --gap allows")
    generated = {name: values[name] for name in names}
    for line in (*notes, _estimate(generated, examples, case.most)):
        say(line)
    wanted = judging.Wanted(case.names, function, case.most, case.count, case.gap)
    report = judging.judge_all(generated, examples, wanted, judges, say)
    referee_page.write(workdir, report, examples, notes)
    files.write_json(workdir / "referee.json", referee_page.to_json(report, notes))
    return report


def read_features(path: str) -> Mapping[str, np.ndarray] | None:
    """Features by the name of the set, if a .npz file holds such: matrices [n, k], one called
    "real"; None for other files, and for what gan.scores.features.load names otherwise."""
    if path.startswith(INCEPTION) or not path.endswith(".npz"):
        return None
    with arrays.opened(path) as loaded:
        if isinstance(loaded, np.ndarray) or "real" not in loaded.files:
            return None
        return {name: loaded[name] for name in loaded.files}


def _named_apart(fakes: Sequence[Set]) -> list[Set]:
    """The sets under different names."""
    names = [part.name for part in fakes]
    if len(set(names)) < len(names):
        names = [f"{name}_{i + 1}" for i, name in enumerate(names)]
    for name in ("real", "train"):
        if name in names:
            raise UserError(f"a generator cannot be called {name}: say NAME=SET")
    return [dataclasses.replace(part, name=name) for part, name in zip(fakes, names, strict=True)]


def _recognised(
    parts: Mapping[str, Set], span: str | None
) -> tuple[dict[str, arrays.Examples], list[str]]:
    """The examples of every set in the shape of the real ones, and what to say of them."""
    found = {name: part.examples(span) for name, part in parts.items()}
    notes = [note for part in parts.values() for note in part.notes]
    notes += [note for examples in found.values() for note in examples.notes]
    notes += [
        f"{name}: the labels in the file are not used"
        for name, part in parts.items()
        if part.is_file and part.labels is not None
    ]
    shape = found["real"].values.shape[1:]
    for name, examples in found.items():
        values, note = _fitted(name, examples.values, shape)
        found[name] = examples._replace(values=values)
        notes += [note] if note else []
    return found, notes


def _check_apart(case: Case, workdir: Path) -> None:
    """UserError for a folder that would hold what is written among the pictures that it is read
    for."""
    target = workdir.resolve()
    for text in (*case.fakes, case.real, *([case.train] if case.train else [])):
        place = Path(os.path.expanduser(sets.named(text)[1])).resolve()
        if sets.is_album(text) and (target == place or place in target.parents):
            raise UserError(f"--workdir {workdir} lies in {text}, whose pictures are judged")


def _check_effect(
    case: Case, parts: Mapping[str, Set], found: Mapping[str, arrays.Examples]
) -> None:
    """UserError for what was asked for and changes nothing."""
    spans = [found[name].span for name, part in parts.items() if part.is_file]
    if case.span and arrays.RANGES[case.span] not in spans:
        raise UserError(f"--range {case.span}: no .npy or .npz file holds pictures in this range")
    if case.side and not any(part.is_album for part in parts.values()):
        raise UserError("--size resizes the pictures of folders and .zip files; none is given")
    if case.critic_span and (not case.critics or found["real"].span is None):
        raise UserError(
            "--critic_range is that of the pictures that a --critic reads; none is given"
        )


def _shared(names: Sequence[str], values: Mapping[str, np.ndarray]) -> list[str]:
    """What to say of examples that stand in two sets, which were meant to be different ones."""
    known = {name: [_digest(one) for one in values[name]] for name in values}
    pairs = [(name, "real") for name in names] + [("real", "train")] * ("train" in values)
    notes = []
    for name, other in pairs:
        both = set(known[other])
        count = sum(key in both for key in known[name])
        if count:
            notes.append(f"{name}: {count} of {len(known[name])} examples are also in {other}")
    return notes


def _digest(example: np.ndarray) -> bytes:
    return hashlib.blake2b(_key(example), digest_size=16).digest()


def _fitted(name: str, values: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, str]:
    """Examples in the shape of the real ones, and what was done to them."""
    if values.shape[1:] == shape:
        return values, ""
    if values.ndim != 4 or len(shape) != 3:
        raise UserError(
            f"{name} has examples of shape {values.shape[1:]}, the real ones have {shape}"
        )
    done = []
    if values.shape[3] != shape[2]:
        if shape[2] == 3:
            values, told = values.repeat(3, axis=3), "grey repeated in three channels"
        elif (values == values[..., :1]).all():
            values, told = values[..., :1], "one of three equal channels kept"
        else:
            raise UserError(f"{name} is in colour, the real pictures are grey")
        done.append(told)
    if values.shape[1:] != shape:
        fit = [pictures.fit(image, shape) for image in arrays.levels(values)]
        values = arrays.examples(np.stack(fit), "0,255", name).values
        done.append(
            f"resized to cover {shape[0]} x {shape[1]} pixels and cropped, bicubic with "
            "antialiasing, in 256 levels"
        )
    return values, f"{name}: {'; '.join(done)}"


def _real(
    real: Set, values: Mapping[str, np.ndarray], data_dir: str | None, alone: bool
) -> RealExamples:
    """The real side: of a known data set with its other splits, unless features of it are given."""
    held_out = Sample(values["real"], real.labels)
    training = Sample(values["train"]) if "train" in values else None
    if real.split is None or alone:
        return judging.real_examples(held_out, training)
    name, split = real.split
    origin = data.load(config.Data(name=name), data_dir)
    other = "validation" if split == "test" else "test"
    if training is None and split != "train":
        training = Sample(*_all(origin, "train"))
    return judging.real_examples(held_out, training, origin, Sample(*_all(origin, other)))


def _all(origin, split: str):
    return origin.examples(split, np.arange(origin.size(split)))


def _critics(case: Case, names: list[str], parts, found) -> dict[str, Critic]:
    """The critics by the name of their generator."""
    read = {}
    for text in case.critics:
        name, path = sets.named(text)
        if name is None and len(names) > 1:
            raise UserError(f"--critic {text}: say of which generator, as in {names[0]}={text}")
        name = name or names[0]
        if name not in names:
            raise UserError(f"--critic {text}: no generator is called {name}: {', '.join(names)}")
        if name in read:
            raise UserError(f"--critic {text}: {name} has one already")
        read[name] = _critic(path, parts[name], parts["real"], found[name], case.critic_span)
    return read


def _critic(path: str, fake: Set, real: Set, found: arrays.Examples, span: str | None) -> Critic:
    with arrays.opened(path) as loaded:
        if isinstance(loaded, np.ndarray) or not {"real", "fake"} <= set(loaded.files):
            raise UserError(f"{path} must hold arrays real and fake, and perhaps gradients")
        if more := sorted(set(loaded.files) - {"real", "fake", "gradients"}):
            raise UserError(f"{path}: {more[0]} is none of real, fake and gradients")
        scores = {name: loaded[name] for name in ("real", "fake")}
        gradients = loaded["gradients"] if "gradients" in loaded.files else None
    for name, part in (("real", real), ("fake", fake)):
        scores[name] = critics.scores(scores[name], len(part), f"{path}: {name}")
    if gradients is not None:
        gradients = _gradients(path, gradients, fake, found)
    if found.span is None:
        return Critic(scores["real"], scores["fake"], gradients)
    low, high = arrays.RANGES[span] if span else found.span
    if span is None and high > 1:
        low, high = -1.0, 1.0
    return Critic(scores["real"], scores["fake"], gradients, (high - low) / 2)


def _gradients(path: str, gradients: np.ndarray, fake: Set, found: arrays.Examples) -> np.ndarray:
    """Gradients in the order of axes of the examples."""
    if gradients.shape != fake.array.shape or found.values.size != fake.array.size:
        raise UserError(
            f"{path}: gradients {gradients.shape} must have the shape of the generated examples, "
            f"{fake.array.shape}, and these that of the real ones"
        )
    if not np.isfinite(gradients).all():
        raise UserError(f"{path}: gradients hold NaN or infinite values")
    if gradients.ndim == 4 and gradients.shape != found.values.shape:
        gradients = np.moveaxis(gradients, 1, 3)
    return gradients.reshape(found.values.shape)


def _by_content(values: Mapping[str, np.ndarray], given: Mapping[str, np.ndarray]) -> Features:
    """The function that gives every example the features that the user computed of it."""
    known: dict[bytes, np.ndarray] = {}
    for name, examples in values.items():
        if name not in given or given[name].ndim != 2 or len(given[name]) != len(examples):
            have = ", ".join(f"{key} {array.shape}" for key, array in given.items())
            raise UserError(
                f"features must hold an array {name} [{len(examples)}, k]; they hold {have}"
            )
        if given[name].dtype.kind not in "iuf" or not np.isfinite(given[name]).all():
            raise UserError(f"the features of {name} are not all finite numbers")
        known.update(zip(map(_key, examples), given[name], strict=True))
    widths = {given[name].shape[1] for name in values}
    if len(widths) > 1:
        raise UserError(f"features of one length are needed, got {sorted(widths)}")
    return Features(lambda batch: np.stack([known[_key(one)] for one in batch]), "given features")


def _key(example: np.ndarray) -> bytes:
    return np.ascontiguousarray(example, np.float32).tobytes()


def _estimate(fakes: Mapping[str, np.ndarray], examples: RealExamples, most: int | None) -> str:
    """How long the exact distances will take, from a small one that is timed."""
    real = examples.examples("test")[0]
    n = set_size(examples, min(map(len, fakes.values())), most)
    few = min(TRIED, n)
    start = time.perf_counter()
    distances.w1(next(iter(fakes.values()))[:few], real[:few])
    second = time.perf_counter() - start
    half = min(n // 2, resampling.MOST_HALF)
    solves = len(fakes) * (3 * REPEATS - 1) * 2
    work = solves * ((n / few) ** 2 + 40 * (half / few) ** 2.5)
    return f"exact transport: about {max(1.0, second * work):.0f} s"
