"""The tanh network of `series.py` by neural-tangents' numerical elementwise layer; runs where neural-tangents is.

Run by ``series.py --neural-tangents PYTHON``, with the arguments ROWS.npy RESULT.npy DEPTH W_std b_std DEGREE. The
matrix is made in blocks of 250 rows, since all quadrature nodes at once take 20 GB for 1000 rows. Prints the seconds of
the second call; the first one compiles.
"""

import sys
import time
import warnings

import jax
import jax.numpy as jnp
import neural_tangents as nt
import numpy as np
from neural_tangents import stax

BLOCK = 250


def main() -> None:
    """Read the rows, write the tangent kernel, print the seconds."""
    rows, result, depth, W_std, b_std, degree = sys.argv[1:]
    jax.config.update("jax_enable_x64", True)
    warnings.simplefilter("ignore")
    dense = stax.Dense(1, float(W_std), float(b_std))
    hidden = [dense, stax.ElementwiseNumerical(jnp.tanh, deg=int(degree))] * int(depth)
    kernel = stax.serial(*hidden, dense)[2]
    blocks = nt.batch(kernel, batch_size=BLOCK, device_count=0)
    x = np.load(rows)
    for _ in range(2):
        start = time.perf_counter()
        value = np.asarray(blocks(x, None, "ntk"))
        seconds = time.perf_counter() - start
    np.save(result, value)
    print(seconds)


if __name__ == "__main__":
    main()
