"""Prefixes of the libraries that formulas are copied from, and the names that mean another function in one of them."""

from collections.abc import Mapping

__all__ = ["AMBIGUOUS", "LAYERS", "NAMESPACES", "NEUTRAL_KEYWORDS", "VARIANTS"]

LAYERS = frozenset({"flax.linen", "keras.layers", "nn", "nt.stax", "stax", "tf.keras.layers", "torch.nn"})
"""Prefixes whose capitalised names are layers: their arguments are parameters, as in ``nn.ELU(0.5)``."""

NAMESPACES = LAYERS | frozenset(
    {
        "F",
        "cp",
        "cupy",
        "jax",
        "jax.lax",
        "jax.nn",
        "jax.numpy",
        "jax.scipy.special",
        "jax.scipy.stats.norm",
        "jnp",
        "keras.activations",
        "keras.ops",
        "lax",
        "math",
        "mpmath",
        "nk",
        "nn.functional",
        "np",
        "numpy",
        "scipy.special",
        "sp",
        "special",
        "sympy",
        "tf",
        "tf.keras.activations",
        "tf.math",
        "tf.nn",
        "torch",
        "torch.nn.functional",
        "torch.special",
    }
)
"""Dotted prefixes that may stand before a name."""

VARIANTS: Mapping[tuple[str, str], tuple[str, Mapping[str, str]]] = {
    ("jax.nn", "gelu"): ("gelutanh", {}),
    ("flax.linen", "gelu"): ("gelutanh", {}),
    ("tf.nn", "leakyrelu"): ("leakyrelu", {"negative_slope": "0.2"}),
    ("tf.keras.activations", "leakyrelu"): ("leakyrelu", {"negative_slope": "0.2"}),
    ("keras.activations", "leakyrelu"): ("leakyrelu", {"negative_slope": "0.2"}),
}
"""(prefix, folded name) -> the folded name of the activation that the library means, and its default values there.

``jax.nn.gelu`` is the approximation by tanh unless ``approximate=False``; the slope of leaky_relu is 0.2 in TensorFlow
and 0.01 in PyTorch and JAX.
"""

AMBIGUOUS: Mapping[tuple[str, str], str] = {
    ("nn", "gelu"): "in JAX it is the approximation by tanh; write gelu(x), or gelu_tanh(x) for the approximation",
    ("keras.layers", "leakyrelu"): "versions of Keras have different slopes; write leaky_relu(x, 0.3) with yours",
    (
        "tf.keras.layers",
        "leakyrelu",
    ): "versions of Keras have different slopes; write leaky_relu(x, 0.3) with yours",
}
"""(prefix, folded name) -> why the name alone does not say which function is meant."""

NEUTRAL_KEYWORDS = frozenset({"inplace", "name"})
"""Keywords of libraries that do not change the function."""
