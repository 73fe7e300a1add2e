"""What a record says of the machine."""

import platform
from pathlib import Path

import pytest

from gan.runs import environment


@pytest.mark.parametrize(
    ("flags", "name"),
    [("fpu avx2 avx512f", "X, AVX-512"), ("fpu avx avx2", "X, AVX2"), ("fpu", "X")],
)
def test_the_processor_is_named_with_its_widest_vectors(monkeypatch, flags, name):
    text = f"processor\t: 0\nmodel name\t: X\nflags\t\t: {flags}\n\n"
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: text)
    assert environment.processor() == name


def test_cards_are_described_by_their_driver(monkeypatch, tmp_path):
    tool = tmp_path / "nvidia-smi"
    tool.write_text('#!/bin/sh\necho "NVIDIA H100, $1"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert environment.gpus() == [f"NVIDIA H100, --query-gpu={environment.GPU_FACTS}"]
    tool.write_text("#!/bin/sh\necho no driver\nexit 9\n")
    assert environment.gpus() == []
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    assert environment.gpus() == []


def test_a_system_that_says_nothing_has_an_architecture(monkeypatch):
    def missing(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    monkeypatch.setattr(platform, "processor", lambda: "")
    assert environment.processor() == platform.machine()
