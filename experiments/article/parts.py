"""The seven parts of the article, in the order of the story."""

from experiments.article import (
    adversary,
    growth,
    kantorovich,
    pixels,
    primal_generator,
    proportions,
    six_points,
)

PARTS = {
    1: six_points.PART,
    2: growth.PART,
    3: kantorovich.PART,
    4: primal_generator.PART,
    5: pixels.PART,
    6: proportions.PART,
    7: adversary.PART,
}
