"""The referee: exact, honest distances between samples, and what they prove about a critic.

    report = judge(fake, real)                       # a generator of anybody's, as its examples
    report.verdict, report.distance.debiased, report.scores["recall"]
    proof = certify_critic(real, fake, f_real, f_fake)   # a critic of anybody's, as its scores
    proof.share, proof.duality_gap

    look = Probe(real, others).compare(fakes)        # the parts that these are made of
    look.distance.value, look.distance.floor, look.distance.debiased

It knows no score: gan.scores builds on it, and `judge` is defined there.
"""

from gan.lazy import on_first_use
from gan.referee.critics import Certificate, Judged, certify, certify_critic, reference_critic
from gan.referee.distances import Distance, distance, nearest, reference, sliced, w1
from gan.referee.players import Players, RealSets, real_sets
from gan.referee.probe import Look, Probe

__getattr__ = on_first_use(__name__, {"judge": "gan.scores.judging"})

__all__ = [
    "Certificate",
    "Distance",
    "Judged",
    "Look",
    "Players",
    "Probe",
    "RealSets",
    "certify",
    "certify_critic",
    "distance",
    "judge",
    "nearest",
    "real_sets",
    "reference",
    "reference_critic",
    "sliced",
    "w1",
]
