"""Makes neural_tangents.npz: NNGP and NTK of `cases.py` on twelve digits, by neural-tangents 0.6.5 in float64.

neural-tangents is archived and needs old versions of everything, so this runs by hand, in an environment of its own,
and the data is kept.  With Python 3.11, from the root of the repository::

    python3.11 -m venv nt && . nt/bin/activate
    pip install neural-tangents==0.6.5 jax==0.4.30 jaxlib==0.4.30 'numpy<2' 'scipy<1.14' scikit-learn
    pip install --no-deps tf2jax==0.3.6
    python tests/references/neural_tangents_data.py

The rows are every 150th of scikit-learn's digits, scaled to [0, 1]: no two are near duplicates (largest cosine 0.87),
because there neural-tangents itself loses up to half of the digits.
"""

from pathlib import Path

import jax
import numpy as np
from cases import BIASES, CASES, DEPTHS, Case, key, weights
from neural_tangents import stax
from sklearn.datasets import load_digits

FILE = Path(__file__).parent / "neural_tangents.npz"


def rows(*, unit_variance: bool) -> np.ndarray:
    X = load_digits().data[::150] / 16.0
    if unit_variance:
        X = X * np.sqrt(X.shape[1]) / np.linalg.norm(X, axis=1, keepdims=True)
    return X


def kernels(case: Case, depth: int, b_std: float | None) -> dict[str, np.ndarray]:
    W_std = weights(case, b_std)
    layers = [
        layer
        for _ in range(depth)
        for layer in (stax.Dense(1, W_std, b_std), getattr(stax, case.layer)(**case.arguments))
    ]
    kernel = stax.serial(*layers, stax.Dense(1, W_std, b_std))[2]
    values = kernel(rows(unit_variance=case.unit_variance), None, case.get)
    return dict(zip(case.get, map(np.asarray, values), strict=True))


def main() -> None:
    jax.config.update("jax_enable_x64", True)
    X = rows(unit_variance=False)
    upper = np.triu_indices(len(X))
    data = {"digits": X, "digits_unit": rows(unit_variance=True)}
    for case in CASES:
        for depth in DEPTHS:
            for b_std in BIASES:
                for get, value in kernels(case, depth, b_std).items():
                    assert value.dtype == np.float64
                    assert np.isfinite(value).all(), (case.name, depth, b_std, get)
                    data[key(case, depth, b_std, get)] = value[upper]
    np.savez_compressed(FILE, **data)
    unit = data["digits_unit"]
    cosines = unit @ unit.T / unit.shape[1]
    print(
        FILE.name,
        f"{FILE.stat().st_size / 1000:.0f} kB, largest cosine {np.sort(cosines[~np.eye(len(X), dtype=bool)])[-1]:.3f}",
    )


if __name__ == "__main__":
    main()
