"""Options that do not go together are refused."""

import pytest

from gan import config, data
from gan.errors import UserError


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"name": "swiss_roll", "image_size": 8}, "data.image_size is for images"),
        ({"name": "two_moons", "dequantize": True}, "data.dequantize is for images"),
        ({"name": "gaussians8", "stream": "always"}, "data.stream is for images"),
        ({"name": "digits", "folder": "x"}, "data.folder goes with"),
        ({"name": "digits", "splits": "content"}, "data.splits goes with"),
        ({"name": "digits", "skip_unreadable": True}, "data.skip_unreadable goes with"),
        ({"name": "digits", "largest_megapixels": 3}, "data.largest_megapixels goes with"),
        ({"name": "folder"}, "needs data.folder"),
        ({"name": "gaussian8"}, "did you mean 'gaussians8'"),
    ],
)
def test_contradictions_are_refused(fields, message):
    with pytest.raises(UserError, match=message):
        data.load(config.Data(**fields))
