"""The referee: exact, honest distances between samples, and what they prove about a critic.

    look = Probe(real, others).compare(fakes)
    look.distance.value, look.distance.floor, look.distance.debiased

It knows no score: gan.scores builds on it.
"""

from gan.referee.critics import Certificate, Judged, certify, prices
from gan.referee.distances import Distance, distance, nearest, reference, sliced, w1
from gan.referee.players import Players, RealSets, real_sets
from gan.referee.probe import Look, Probe

__all__ = [
    "Certificate",
    "Distance",
    "Judged",
    "Look",
    "Players",
    "Probe",
    "RealSets",
    "certify",
    "distance",
    "nearest",
    "prices",
    "real_sets",
    "reference",
    "sliced",
    "w1",
]
