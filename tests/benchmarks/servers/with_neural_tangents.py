"""neural-tangents, compiled by jax.jit; runs where neural-tangents is.

Activations that it has no formula for are integrated by ``ElementwiseNumerical`` with 25 nodes in each direction, in
blocks of at most 250 rows, since all nodes at once take 20 GB for 1000 rows.
"""

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import neural_tangents as nt
import numpy as np
from loop import Work, serve
from neural_tangents import stax

DEGREE, BLOCK = 25, 250
FORMULAS = {"relu": stax.Relu, "erf": stax.Erf, "gelu": stax.Gelu, "sin": stax.Sin}
FUNCTIONS = {"tanh": jnp.tanh, "elu": jax.nn.elu}


def prepare(rows: Any, request: dict[str, Any]) -> Work:
    activation, get = request["activation"], request["get"]
    dense = stax.Dense(1, request["W_std"], request["b_std"])
    numerical = activation in FUNCTIONS
    layer = stax.ElementwiseNumerical(FUNCTIONS[activation], deg=DEGREE) if numerical else FORMULAS[activation]()
    kernel = stax.serial(*[dense, layer] * request["depth"], dense)[2]
    x = jnp.asarray(rows, dtype=request["dtype"])
    if numerical:
        block = max(size for size in range(1, BLOCK + 1) if len(rows) % size == 0)
        blocks = nt.batch(kernel, batch_size=block, device_count=0)
        return lambda: np.asarray(blocks(x, None, get))
    compiled = jax.jit(lambda points: kernel(points, None, get))
    return lambda: np.asarray(compiled(x))


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    warnings.simplefilter("ignore")
    serve(prepare)
