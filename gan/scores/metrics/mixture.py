"""Which components of a mixture in the plane does the generator reach?"""

import numpy as np

from gan.scores.cases import CENTERS, mixture
from gan.scores.metric import Case, Metric
from gan.scores.requirements import MIXTURE

modes = Metric(
    help="components with a generated point",
    source="Lin et al. 2018",
    meaning="Mixture components with a generated point within three standard deviations.",
    compute=lambda evidence: evidence.modes.covered,
    needs=(MIXTURE,),
    better="higher",
    bounds=(0, np.inf),
    cost="cheap",
    cases=(
        Case(lambda: mixture(4), 4),
        Case(lambda: mixture(1), 1),
        Case(lambda: mixture(4, noise=4), 0),
    ),
    column="modes",
)
modes_total = Metric(
    help="components in all",
    meaning="Mixture components in all.",
    compute=lambda evidence: evidence.modes.total,
    needs=(MIXTURE,),
    bounds=(1, np.inf),
    cost="cheap",
    cases=(Case(lambda: mixture(1), len(CENTERS)),),
)
high_quality = Metric(
    help="share of points near a component",
    source="Lin et al. 2018",
    meaning="Share of generated points within three standard deviations of a component.",
    compute=lambda evidence: evidence.modes.high_quality,
    needs=(MIXTURE,),
    better="higher",
    bounds=(0, 1),
    cost="cheap",
    cases=(Case(lambda: mixture(1), 1), Case(lambda: mixture(4, noise=4), 0)),
    column="high quality",
)
reverse_kl = Metric(
    help="how unevenly points spread over the components",
    meaning="How unevenly those points spread over the components, in nats; 0 is even.",
    compute=lambda evidence: evidence.modes.reverse_kl,
    needs=(MIXTURE,),
    better="lower",
    bounds=(0, np.inf),
    cost="cheap",
    cases=(
        Case(lambda: mixture(4), 0),
        Case(lambda: mixture(2), np.log(2)),
        Case(lambda: mixture(1), np.log(4)),
    ),
    column="reverse KL",
)
