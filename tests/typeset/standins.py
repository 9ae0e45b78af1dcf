"""NumPy in the clothes of JAX and PyTorch: exactly the names that generated code uses, as strict about arguments."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import numpy as np
from scipy import special

SHARED = ("abs", "arctan", "arctan2", "copysign", "cos", "exp", "expm1", "hypot", "round", "sin", "sqrt")


def quiet(function):
    def wrapped(*arguments):
        with np.errstate(all="ignore"):
            return function(*arguments)

    return wrapped


def only_tensors(function):
    """torch.exp(2.0) is a TypeError."""

    def wrapped(*arguments):
        assert all(isinstance(argument, np.ndarray | np.generic) for argument in arguments), function
        return quiet(function)(*arguments)

    return wrapped


def where(condition, first, second):
    """Python scalars do not widen the result."""
    assert isinstance(condition, np.ndarray | np.generic)
    return np.where(condition, first, second)


def module(name: str, **members: object) -> ModuleType:
    made = ModuleType(name)
    made.__dict__.update(members)
    return made


def jax_modules() -> dict[str, ModuleType]:
    members = {name: quiet(getattr(np, name)) for name in SHARED}
    numpy = module("jax.numpy", **members, asarray=np.asarray, finfo=np.finfo, where=where, pi=np.pi, inf=np.inf)
    functions = {name: quiet(getattr(special, name)) for name in ("ndtr", "log_ndtr", "erf")}
    scipy = module("jax.scipy", special=module("jax.scipy.special", **functions))
    jax = module("jax", numpy=numpy, scipy=scipy)
    return {"jax": jax, "jax.numpy": numpy, "jax.scipy": scipy, "jax.scipy.special": scipy.special}


def torch_modules() -> dict[str, ModuleType]:
    members = {name: only_tensors(getattr(np, name)) for name in SHARED}
    functions = {name: only_tensors(getattr(special, name)) for name in ("ndtr", "log_ndtr", "erf")}
    torch = module(
        "torch",
        **members,
        special=module("torch.special", **functions),
        as_tensor=np.asarray,
        finfo=np.finfo,
        where=where,
        pi=np.pi,
        inf=np.inf,
    )
    return {"torch": torch}


@contextmanager
def standing_in(language: str) -> Iterator[None]:
    """The library's modules in sys.modules, for as long as the text is executed."""
    modules = {"jax": jax_modules, "torch": torch_modules}.get(language, dict)()
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, old in before.items():
            if old is None:
                del sys.modules[name]
            else:
                sys.modules[name] = old
