"""ntksym."""

from typing import Any

from loop import Work, serve

import ntksym as nk


def prepare(rows: Any, request: dict[str, Any]) -> Work:
    network = nk.fully_connected(
        request["activation"], request["depth"], W_std=request["W_std"], b_std=request["b_std"]
    )
    kernel = nk.build(network, tol=request["tolerance"], dtype=request["dtype"])
    return lambda: kernel(rows, get=request["get"])


if __name__ == "__main__":
    serve(prepare)
