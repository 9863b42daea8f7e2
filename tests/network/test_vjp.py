"""Gradients passed on to what a tensor was computed from."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from impasto.network.vjp import vector_jacobian


@given(st.integers(1, 4), st.integers(1, 4), st.booleans())
def test_it_gives_what_autograd_gives_to_the_last_bit(
    rows: int, columns: int, turned: bool
) -> None:
    torch.manual_seed(rows + 4 * columns)
    x, y = torch.randn(2, rows, columns).requires_grad_().unbind()
    made = [(x * y).sin(), (x.T if turned else x) ** 2]
    gradients = [torch.randn_like(one) for one in made]
    wanted = torch.autograd.grad(made, [x, y], gradients, retain_graph=True)
    assert all(map(torch.equal, vector_jacobian(made, [x, y], gradients), wanted))


@pytest.mark.parametrize("preset", ["default", "nnst", "strotss", "gatys-fast"])
def test_a_painting_imports_no_symbolic_algebra(preset: str) -> None:
    """PyTorch brings some along, which takes a quarter of a second to import."""
    code = (
        "import impasto, sys; "
        f"recipe = impasto.Recipe.preset({preset!r}, size=64, steps=2); "
        "impasto.stylize(impasto.sample_photograph(), impasto.sample_style('mosaic'), recipe); "
        "sys.exit('sympy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
