"""Package metadata; tool settings are in pyproject.toml, tested versions in constraints.txt."""

import re

from setuptools import find_packages, setup

(version,) = re.findall('__version__ = "(.+)"', open("gan/__init__.py", encoding="utf-8").read())

setup(
    name="gan",
    version=version,
    description="Generative adversarial networks, refereed by exact optimal transport",
    long_description=open("README.md", encoding="utf-8").read(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["gan", "gan.*", "experiments", "experiments.*"]),
    package_data={"gan": ["py.typed"]},
    install_requires=[
        "absl-py>=2.1",
        "array-record>=0.8.1",
        "flax>=0.12",
        "jax>=0.10",
        "matplotlib>=3.9",
        "numpy>=2.0.2",
        "optax>=0.2.8",
        "optuna>=5.0",
        "orbax-checkpoint>=0.12,<0.13",
        "ortools>=9.15.6755",
        "pillow>=11",
        "POT>=0.9.7",
        "scikit-learn>=1.5",
        "scipy>=1.14",
        "tensorflow-datasets>=4.9.9",
        "threadpoolctl>=3.5",
        "tqdm>=4.66",
    ],
    extras_require={
        "test": [
            "flatbuffers>=25.2.10",
            "hypothesis>=6.100",
            "mypy>=1.11",
            "ott-jax>=0.6",
            "prdc>=0.2",
            "pytest>=8.2",
            "pytest-timeout>=2.3.1",
            "pytest-xdist>=3.6.1",
            "ruff>=0.9",
            "safetensors>=0.5",
            "tensorboardX>=2.6.4",
        ],
        "docs": [
            "latex2mathml>=3.77",
            "mkdocs>=1.6,<2",
            "mkdocs-material>=9.7",
            "mkdocstrings>=1.0",
            "mkdocstrings-python>=2.0",
        ],
        "cuda": ["jax[cuda12]>=0.10"],
        "tpu": ["jax[tpu]>=0.10"],
        "aot-tpu": ["libtpu>=0.0.42"],
        "aot-cuda": [
            "jax-cuda12-plugin>=0.10",
            "jax-cuda12-pjrt>=0.10",
            "nvidia-cuda-nvcc-cu12>=12.9",
            "nvidia-cuda-runtime-cu12>=12.9",
        ],
        "tf": ["tensorflow-cpu>=2.18", "importlib_resources>=6"],
        "images": ["pillow>=11"],
        "tensorboard": ["tensorboardX>=2.6.4"],
        "bench": ["lapx>=0.9", "torch>=2.13", "torch-fidelity>=0.4"],
        "entropic": ["ott-jax>=0.6"],
        "mlflow": ["mlflow-skinny>=3.17"],
        "ray": ["ray>=2.60"],
        "export": ["flatbuffers>=25.2.10", "safetensors>=0.5"],
        "slurm": ["submitit>=1.5.4"],
        "wandb": ["wandb>=0.31"],
    },
)
