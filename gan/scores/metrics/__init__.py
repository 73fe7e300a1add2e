"""Every number that an evaluation reports: one entry each.

A metric of your own is a function and an entry beside it, here or in any importable module:

    def spread(pair):
        return float(pair.generated.std(axis=0).mean())

    mean_spread = Metric(
        help="mean standard deviation of features of generated examples",
        meaning="How far features of generated examples spread.",
        of_features=spread,
        bounds=(0, np.inf),
        cases=(Case(cases.same, 0.9, within=0.1),),
    )

A config names it as `mean_spread`, or as `package.module:mean_spread`.
"""
