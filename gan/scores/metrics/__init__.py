"""Every number that an evaluation reports: one entry each.

A metric of your own is a function and an entry beside it, here or in any importable module:

    def spread(pair):
        return float(pair.within_generated.mean())

    mean_spread = Metric(
        help="mean distance between generated examples",
        meaning="How far generated examples lie from each other.",
        of_features=spread,
        bounds=(0, np.inf),
        cases=(Case(cases.same, 2.9, within=0.1),),
    )

A config names it as `mean_spread`, or as `package.module:mean_spread`.
"""
