"""Exact optimal transport with certificates: the referee."""

from gan.lazy import on_first_use
from gan.transport import brute_force, certificates, closed_forms, entropic
from gan.transport.certificates import Bounds, Certificate, load, verify
from gan.transport.costs import FeatureCost
from gan.transport.given import GivenPlan, certify_plan
from gan.transport.results import Result
from gan.transport.solve import assignment, plan, wasserstein

__getattr__ = on_first_use(__name__)

__all__ = [
    "Bounds",
    "Certificate",
    "FeatureCost",
    "GivenPlan",
    "Result",
    "assignment",
    "brute_force",
    "certificates",
    "certify_plan",
    "closed_forms",
    "entropic",
    "load",
    "plan",
    "verify",
    "wasserstein",
]
