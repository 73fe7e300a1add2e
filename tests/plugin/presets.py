"""A preset of somebody's own."""

from gan.config import Config, Data, Network
from gan.presets import SMALL, Preset

PLAYER = Network(name="tests.plugin.networks:quadratic", width=4)

circle = Preset(
    help="the unit circle with quadratic players",
    config=Config(
        batch_size=8,
        latent_dim=2,
        data=Data(name="tests.plugin.data:ring"),
        generator=PLAYER,
        critic=PLAYER,
        checkpoint_every=1,
    ),
    minutes=1,
    expect="a circle",
    case=SMALL,
)
