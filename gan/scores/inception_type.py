"""The inception-type score: are single examples clear, and all of them together varied?

exp of the mean over examples of KL(p(class | example) || p(class)), the form of Salimans et al.
2016, with the classifier of the data set in place of Inception. It never looks at real examples.
"""

import numpy as np


def inception_type_score(probabilities: np.ndarray) -> float:
    """Score of class probabilities [n, c], rows that sum to 1.

    Returns:
        A number from 1 (every example looks the same to the classifier, or says nothing) to c
        (certain labels, evenly spread over the classes).
    """
    p = np.asarray(probabilities, np.float64)
    marginal = p.mean(axis=0)
    ratio = np.divide(p, marginal, out=np.ones_like(p), where=p > 0)
    return float(np.exp(np.mean(np.sum(p * np.log(ratio), axis=1))))
