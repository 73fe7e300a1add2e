"""Published implementations of scores as functions of two sets, for experiments.conformance.

    python -m results.conformance.adapters

runs every one whose package is installed and prints the tables of README.md. Each adapter hands
over arrays and picks the number that the package returns; no number is corrected. One kernel
subset of all examples and one split are asked for where a package would otherwise draw them.
"""

import contextlib
import importlib.abc
import importlib.machinery
import os
import platform
import sys
import types
import warnings
from collections.abc import Iterator
from importlib import metadata

import numpy as np

from gan.scores import conformance


class Absent(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Stands in for torchvision, which some packages import and none of these scores uses."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torchvision":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return types.ModuleType(spec.name)

    def exec_module(self, module):
        module.__getattr__ = self.attribute

    @staticmethod
    def attribute(name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(name, (), {})


class Anything(type):
    """A class with every attribute."""

    def __getattr__(cls, name):
        return Absent.attribute(name)


def published(name: str) -> types.ModuleType:
    """A module that may import torchvision."""
    if not any(isinstance(finder, Absent) for finder in sys.meta_path):
        sys.meta_path.insert(0, Absent())
    return importlib.import_module(name)


def tensor(x):
    """An array as a tensor, its precision kept."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(x))


def _prdc(name, k):
    def scorer(generated, real):
        from prdc import compute_prdc

        return compute_prdc(real_features=real, fake_features=generated, nearest_k=k)[name]

    return scorer


prdc_precision, prdc_recall = _prdc("precision", 3), _prdc("recall", 3)
prdc_density, prdc_coverage = _prdc("density", 5), _prdc("coverage", 5)


def fidelity_frechet(generated, real):
    fid = published("torch_fidelity.metric_fid")
    statistics = [fid.fid_features_to_statistics(tensor(x)) for x in (generated, real)]
    return fid.fid_statistics_to_metric(*statistics, False)["frechet_inception_distance"]


def fidelity_kernel(generated, real):
    kid = published("torch_fidelity.metric_kid")
    options = {"kid_subsets": 1, "kid_subset_size": min(len(generated), len(real))}
    found = kid.kid_features_to_metric(tensor(generated), tensor(real), verbose=False, **options)
    return found["kernel_inception_distance_mean"]


def _fidelity_prc(name):
    def scorer(generated, real):
        prc = published("torch_fidelity.metric_prc")
        options = {"prc_neighborhood": 3, "verbose": False}
        return prc.prc_features_to_metric(tensor(generated), tensor(real), **options)[name]

    return scorer


fidelity_precision, fidelity_recall = _fidelity_prc("precision"), _fidelity_prc("recall")


def fidelity_inception(probabilities):
    isc = published("torch_fidelity.metric_isc")
    found = isc.isc_features_to_metric(logits(probabilities), splits=1, shuffle=False)
    return found["inception_score_mean"]


def logits(probabilities):
    """Logits of class probabilities; what is below the least positive number stands for 0."""
    tiny = np.finfo(probabilities.dtype).tiny
    return tensor(np.log(np.where(probabilities == 0, tiny, probabilities)))


def _identity(features: int):
    import torch

    module = torch.nn.Identity()
    module.num_features = features
    return module


def torchmetrics_frechet(generated, real):
    import torch
    from torchmetrics.image.fid import FrechetInceptionDistance

    metric = FrechetInceptionDistance(feature=_identity(real.shape[1])).set_dtype(torch.float64)
    metric.update(tensor(generated), real=False)
    metric.update(tensor(real), real=True)
    return metric.compute()


def torchmetrics_kernel(generated, real):
    from torchmetrics.image.kid import KernelInceptionDistance

    size = min(len(generated), len(real))
    metric = KernelInceptionDistance(feature=_identity(1), subsets=1, subset_size=size)
    metric.update(tensor(generated), real=False)
    metric.update(tensor(real), real=True)
    return metric.compute()[0]


def torchmetrics_kernel_function(generated, real):
    from torchmetrics.image.kid import poly_mmd

    return poly_mmd(tensor(real), tensor(generated))


def torchmetrics_inception(probabilities):
    from torchmetrics.image.inception import InceptionScore

    metric = InceptionScore(feature=_identity(1), splits=1)
    metric.update(logits(probabilities))
    return metric.compute()[0]


def pytorch_fid_frechet(generated, real):
    fid = published("pytorch_fid.fid_score")
    sides = [(x.mean(axis=0), np.cov(x, rowvar=False)) for x in (generated, real)]
    return fid.calculate_frechet_distance(*sides[0], *sides[1])


def piq_precision(generated, real):
    return _piq_pr(generated, real)[0]


def piq_recall(generated, real):
    return _piq_pr(generated, real)[1]


def _piq_pr(generated, real):
    pr = published("piq.pr")
    return pr.PR(nearest_k=3).compute_metric(tensor(real), tensor(generated))


def piq_frechet(generated, real):
    return published("piq.fid").FID().compute_metric(tensor(generated), tensor(real))


def sklearn_kernel(generated, real):
    """The estimate of Gretton et al. 2012 with scikit-learn's kernel."""
    from sklearn.metrics.pairwise import polynomial_kernel

    def within(x):
        values = polynomial_kernel(x, degree=3, coef0=1)
        return (values.sum() - np.trace(values)) / (len(x) * (len(x) - 1))

    cross = polynomial_kernel(generated, real, degree=3, coef0=1).mean()
    return within(generated) + within(real) - 2 * cross


def sklearn_precision(generated, real):
    """The balls of scikit-learn's neighbours."""
    from sklearn.metrics import pairwise_distances
    from sklearn.neighbors import NearestNeighbors

    reach = NearestNeighbors(n_neighbors=3).fit(real).kneighbors()[0][:, -1]
    return (pairwise_distances(generated, real) <= reach).any(axis=1).mean()


def pot_w1(generated, real):
    import ot

    return ot.emd2([], [], ot.dist(generated, real, metric="euclidean"))


def pot_frechet(generated, real):
    import ot

    distance = ot.gaussian.empirical_bures_wasserstein_distance
    return distance(generated, real) ** 2


def scipy_w1(generated, real):
    from scipy.stats import wasserstein_distance_nd

    return wasserstein_distance_nd(generated, real)


def scipy_matching_w1(generated, real):
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    costs = cdist(generated, real)
    return costs[linear_sum_assignment(costs)].mean()


def _of_pair(name):
    def scorer(generated, real):
        from gan.registries import METRICS
        from gan.scores.pair import Pair

        return METRICS.get(name).of_features(Pair.of(generated, real))

    return scorer


def ours_w1(generated, real):
    import gan

    return gan.referee.w1(generated, real)


def ours_inception(probabilities):
    from gan.scores.inception_type import inception_type_score

    return inception_type_score(probabilities)


ADAPTERS = {
    "frechet_distance": {
        "torch-fidelity": fidelity_frechet,
        "torchmetrics": torchmetrics_frechet,
        "pytorch-fid": pytorch_fid_frechet,
        "piq": piq_frechet,
        "POT": pot_frechet,
    },
    "kernel_distance": {
        "torch-fidelity": fidelity_kernel,
        "torchmetrics": torchmetrics_kernel,
        "torchmetrics, poly_mmd": torchmetrics_kernel_function,
        "scikit-learn": sklearn_kernel,
    },
    "inception_type_score": {
        "torch-fidelity": fidelity_inception,
        "torchmetrics": torchmetrics_inception,
    },
    "precision": {
        "prdc": prdc_precision,
        "torch-fidelity": fidelity_precision,
        "piq": piq_precision,
        "scikit-learn": sklearn_precision,
    },
    "recall": {"prdc": prdc_recall, "torch-fidelity": fidelity_recall, "piq": piq_recall},
    "density": {"prdc": prdc_density},
    "coverage": {"prdc": prdc_coverage},
    "w1": {"POT": pot_w1, "scipy": scipy_w1, "scipy, linear_sum_assignment": scipy_matching_w1},
}
"""Packages by score; all that follows a comma is the function."""

for score in ("frechet_distance", "kernel_distance", "precision", "recall", "density", "coverage"):
    ADAPTERS[score]["this project"] = _of_pair(score)
ADAPTERS["inception_type_score"]["this project"] = ours_inception
ADAPTERS["w1"]["this project"] = ours_w1


def reports() -> dict[tuple[str, str], conformance.Report]:
    """What was found, by score and package."""
    found = {}
    for score, scorers in ADAPTERS.items():
        for name, scorer in scorers.items():
            with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found[score, name] = conformance.check(scorer, score)
    return found


def summary(found) -> Iterator[str]:
    """A line of Markdown for every package and score."""
    yield "| score | implementation | right | by convention | wrong | which convention |"
    yield "|---|---|---|---|---|---|"
    for (score, name), report in found.items():
        verdicts = [finding.verdict for finding in report.findings]
        counts = " | ".join(str(verdicts.count(v)) for v in ("right", "convention", "wrong"))
        yield f"| {score} | {name} | {counts} | {report.convention} |"


def faults(found) -> Iterator[str]:
    """A line of Markdown for everything that is wrong."""
    yield "| score | implementation | case | got | right is | why |"
    yield "|---|---|---|---|---|---|"
    for (score, name), report in found.items():
        for finding in report.wrong:
            yield (
                f"| {score} | {name} | {finding.case} | {finding.got} | {expected(finding)} | "
                f"{finding.why} |"
            )


def expected(finding) -> str:
    """The right answer of a finding, short."""
    return "no number" if finding.expected is None else f"{finding.expected:.5g}"


def main() -> None:
    """Print the table."""
    names = ["prdc", "torch-fidelity", "torchmetrics", "pytorch-fid", "piq", "scikit-learn", "POT"]
    names += ["scipy", "torch", "numpy"]
    print(", ".join(f"{name} {metadata.version(name)}" for name in names))
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores")
    found = reports()
    print("\n".join([*summary(found), "", *faults(found)]))


if __name__ == "__main__":
    main()
