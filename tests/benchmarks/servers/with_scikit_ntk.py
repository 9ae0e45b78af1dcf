"""scikit-ntk: ReLU without bias, up to a constant factor, which is removed here.

It starts with <x, y> where we have W^2 <x, y>/d, and takes W^2 = 2 afterwards; a network of ReLU without bias is
homogeneous, so that every layer of ours has W^2/2 times as much, and the mean of depth + 1 terms times as many as that.
"""

from typing import Any

from loop import Work, serve
from skntk import NeuralTangentKernel


def prepare(rows: Any, request: dict[str, Any]) -> Work:
    if request["activation"] != "relu" or request["b_std"] is not None or request["get"] != "ntk":
        raise ValueError("only the NTK of relu without bias can be compared")
    depth, weight = request["depth"], request["W_std"] ** 2
    kernel = NeuralTangentKernel(depth=depth, bias=0.0, bias_bounds="fixed")
    factor = (depth + 1) * weight / rows.shape[1] * (weight / 2) ** depth
    return lambda: kernel(rows) * factor


if __name__ == "__main__":
    serve(prepare)
