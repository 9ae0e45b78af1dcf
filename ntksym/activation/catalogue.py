"""Named activations as data: formula, parameters with exact default values, source, other names, tags."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ntksym.formula.vocabulary import fold

__all__ = ["Catalogue", "Entry", "catalogue"]

PYTORCH = "PyTorch, torch.nn.functional"
JAX = "JAX, jax.nn"
NEURAL_TANGENTS = "neural-tangents, stax"


@dataclass(frozen=True)
class Entry:
    """A named activation.

    Attributes
    ----------
    name : str
        Canonical name.
    expression : str
        The formula in ``x`` and the parameters.
    source : str
        Paper or library that defines it.
    parameters : mapping of str to str
        Names and default values, exact, in the order of positional arguments.
    keywords : mapping of str to str
        Names that libraries use for the parameters -> the name here.
    aliases : tuple of str
        Other names; case, ``-`` and ``_`` do not matter.
    tags : frozenset of str
        ``closed``: its dual has a closed form; ``series``: it has a Hermite series; ``kinked``: continuous, with kinks;
        ``discontinuous``: has jumps.
    """

    name: str
    expression: str
    source: str
    parameters: Mapping[str, str] = field(default_factory=dict, hash=False)
    keywords: Mapping[str, str] = field(default_factory=dict, hash=False)
    aliases: tuple[str, ...] = ()
    tags: frozenset[str] = frozenset()


class Catalogue(Mapping[str, Entry]):
    """The entries by name; looking up also finds aliases, whatever their case, ``-`` and ``_``."""

    def __init__(self, entries: tuple[Entry, ...]) -> None:
        self._entries = {entry.name: entry for entry in entries}
        self._folded = {fold(spelling): entry for entry in entries for spelling in (entry.name, *entry.aliases)}

    def __getitem__(self, name: str) -> Entry:
        return self._folded[fold(name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and fold(name) in self._folded

    def __repr__(self) -> str:
        width = max(len(name) for name in self)
        lines = [f"  {name:<{width}}  {_signature(entry)}{entry.expression}" for name, entry in self.items()]
        closed = sum("closed" in entry.tags for entry in self.values())
        return "\n".join([f"{len(self)} activations, {closed} with a closed form:", *lines])

    @property
    def definitions(self) -> Mapping[str, Entry]:
        """Folded names and aliases -> entries, for the parser."""
        return self._folded


def _signature(entry: Entry) -> str:
    if not entry.parameters:
        return ""
    return "(" + ", ".join(f"{name}={value}" for name, value in entry.parameters.items()) + ")  "


def _entry(
    name: str,
    expression: str,
    source: str,
    tags: str,
    aliases: str = "",
    keywords: Mapping[str, str] | None = None,
    **parameters: str,
) -> Entry:
    return Entry(name, expression, source, parameters, keywords or {}, tuple(aliases.split()), frozenset(tags.split()))


catalogue = Catalogue(
    (
        # Piecewise linear
        _entry("relu", "max(x, 0)", PYTORCH, "closed kinked", "rectifier rectified_linear ramp"),
        _entry("relu6", "min(max(x, 0), 6)", PYTORCH, "closed kinked"),
        _entry(
            "leaky_relu", "max(x, 0) + negative_slope*min(x, 0)", PYTORCH, "closed kinked", "lrelu",
            {"alpha": "negative_slope"}, negative_slope="0.01",
        ),
        _entry("prelu", "max(x, 0) + weight*min(x, 0)", PYTORCH, "closed kinked", weight="0.25"),
        _entry(
            "abrelu", "a*min(x, 0) + b*max(x, 0)", f"{NEURAL_TANGENTS}.ABRelu", "closed kinked", a="-0.5", b="2",
        ),
        _entry("shifted_relu", "max(x - shift, 0)", "thresholded ReLU, arXiv:1402.3337", "closed kinked", shift="1"),
        _entry("abs", "abs(x)", f"{NEURAL_TANGENTS}.Abs", "closed kinked", "absolute modulus"),
        _entry("identity", "x", f"{PYTORCH}; jax.nn.identity", "closed", "linear"),
        _entry(
            "hardtanh", "clip(x, min_val, max_val)", PYTORCH, "closed kinked", "hard_tanh htanh",
            min_val="-1", max_val="1",
        ),
        _entry("hardsigmoid", "relu6(x + 3)/6", f"{PYTORCH}; jax.nn.hard_sigmoid", "closed kinked", "hard_sigmoid"),
        _entry(
            "softshrink", "sign(x)*max(abs(x) - lambd, 0)", PYTORCH, "closed kinked", "soft_threshold soft_shrink",
            {"lambda_": "lambd", "lam": "lambd"}, lambd="0.5",
        ),
        _entry(
            "hardshrink", "where(abs(x) > lambd, x, 0)", PYTORCH, "closed discontinuous", "hard_threshold hard_shrink",
            {"lambda_": "lambd", "lam": "lambd"}, lambd="0.5",
        ),
        _entry(
            "threshold", "where(x > level, x, value)", PYTORCH, "closed discontinuous", "",
            {"threshold": "level"}, level="0.1", value="20",
        ),
        _entry("sparse_sigmoid", "clip((x + 1)/2, 0, 1)", JAX, "closed kinked"),
        _entry("triangle", "max(1 - abs(x), 0)", "linear B-spline", "closed kinked", "hat triangular"),
        _entry("sign", "sign(x)", f"{NEURAL_TANGENTS}.Sign", "closed discontinuous", "sgn hard_sign"),
        _entry("step", "heaviside(x)", "McCulloch and Pitts 1943", "closed discontinuous", "heaviside binary_step"),
        _entry("box", "where(abs(x) < 1, 1, 0)", "indicator of (-1, 1)", "closed discontinuous", "rect window"),
        # Piecewise polynomial
        _entry("square", "x**2", "quadratic network", "closed", "quadratic"),
        _entry("cube", "x**3", "cubic network", "closed", "cubic"),
        _entry(
            "monomial", "x**degree", f"{NEURAL_TANGENTS}.Monomial", "closed", "", {"n": "degree"}, degree="2",
        ),
        _entry(
            "rectified_monomial", "heaviside(x)*x**degree", f"{NEURAL_TANGENTS}.RectifiedMonomial; arXiv:1112.3712",
            "closed kinked", "relu_power repu", {"n": "degree"}, degree="2",
        ),
        _entry("relu2", "max(x, 0)**2", "Primer, arXiv:2109.08668", "closed kinked", "squared_relu relu_squared"),
        _entry("relu3", "max(x, 0)**3", "deep Ritz method, arXiv:1710.00211", "closed kinked", "cubed_relu relu_cubed"),
        _entry("hardswish", "x*relu6(x + 3)/6", f"{PYTORCH}; {JAX}", "closed kinked", "hard_swish hard_silu"),
        _entry(
            "sparse_plus", "where(x <= -1, 0, where(x < 1, (x + 1)**2/4, x))", JAX, "closed kinked",
        ),
        _entry(
            "smelu", "where(x <= -beta, 0, where(x < beta, (x + beta)**2/(4*beta), x))", "SmeLU, arXiv:2010.09931",
            "closed kinked", "smooth_relu", beta="2",
        ),
        _entry("epanechnikov", "max(1 - x**2, 0)", "Epanechnikov 1969", "closed kinked", "quadratic_bump"),
        _entry(
            "sqnl", "where(abs(x) < 2, x - x*abs(x)/4, sign(x))", "square nonlinearity, Wuraola and Patel 2018",
            "closed kinked", "square_nonlinearity",
        ),
        _entry("hermite2", "(x**2 - 1)/sqrt(2)", f"{NEURAL_TANGENTS}.Hermite, normalised", "closed"),
        _entry("hermite3", "(x**3 - 3*x)/sqrt(6)", f"{NEURAL_TANGENTS}.Hermite, normalised", "closed"),
        _entry("hermite4", "(x**4 - 6*x**2 + 3)/sqrt(24)", f"{NEURAL_TANGENTS}.Hermite, normalised", "closed"),
        _entry("hermite5", "(x**5 - 10*x**3 + 15*x)/sqrt(120)", f"{NEURAL_TANGENTS}.Hermite, normalised", "closed"),
        # Exponential
        _entry("elu", "where(x > 0, x, alpha*(exp(x) - 1))", "ELU, arXiv:1511.07289", "closed kinked", alpha="1"),
        _entry(
            "selu", "scale*where(x > 0, x, alpha*(exp(x) - 1))", "SELU, arXiv:1706.02515", "closed kinked",
            scale="1.0507009873554804934193349852946", alpha="1.6732632423543772848170429916717",
        ),
        _entry(
            "celu", "max(x, 0) + min(alpha*(exp(x/alpha) - 1), 0)", "CELU, arXiv:1704.07483", "closed kinked",
            alpha="1",
        ),
        _entry("exp", "exp(x)", f"{NEURAL_TANGENTS}.Exp", "closed", "exponential"),
        _entry("expm1", "exp(x) - 1", "NumPy", "closed"),
        _entry("sinh", "sinh(x)", "NumPy", "closed"),
        _entry("cosh", "cosh(x)", "NumPy", "closed"),
        _entry("laplace", "exp(-abs(x))", "Laplace kernel profile", "closed kinked", "double_exponential"),
        # Gaussian
        _entry(
            "gaussian", "exp(-rate*x**2)", f"{NEURAL_TANGENTS}.Gaussian", "closed", "gauss", {"b": "rate"}, rate="1",
        ),
        _entry("gaussian_derivative", "x*exp(-x**2/2)", "first derivative of a Gaussian, negated", "closed", "dog"),
        _entry("ricker", "(1 - x**2)*exp(-x**2/2)", "Mexican-hat wavelet, Ricker 1953", "closed", "mexican_hat"),
        _entry("gabor", "exp(-x**2)*sin(x)", f"{NEURAL_TANGENTS}.Gabor", "closed"),
        # Error function
        _entry("erf", "erf(x)", f"{NEURAL_TANGENTS}.Erf", "closed"),
        _entry("normal_cdf", "Phi(x)", "probit unit", "closed", "Phi probit ndtr"),
        _entry(
            "sigmoid_like", "erf(x/2.4020563531719796)/2 + 1/2", f"{NEURAL_TANGENTS}.Sigmoid_like", "closed",
        ),
        _entry("gelu", "x*(1 + erf(x/sqrt(2)))/2", "GELU, arXiv:1606.08415", "closed", "gelu_exact"),
        _entry("x_erf", "x*erf(x)", "smooth absolute value", "closed", "xerf"),
        _entry("erf_squared", "erf(x)**2", "smooth well", "integral", "erf2"),
        # Trigonometric
        _entry("sin", "sin(x)", f"{NEURAL_TANGENTS}.Sin; SIREN, arXiv:2006.09661", "closed", "sine"),
        _entry("cos", "cos(x)", f"{NEURAL_TANGENTS}.Cos", "closed", "cosine"),
        _entry("siren", "sin(omega*x)", "SIREN, arXiv:2006.09661", "closed", "", {"w0": "omega"}, omega="30"),
        _entry("sin_plus_cos", "sin(x) + cos(x)", f"{NEURAL_TANGENTS}.Sin with Cos", "closed", "sincos"),
        _entry(
            "rbf", "sqrt(2)*sin(sqrt(2*gamma)*x + pi/4)", f"{NEURAL_TANGENTS}.Rbf", "closed", gamma="1",
        ),
        _entry("snake", "x + sin(a*x)**2/a", "Snake, arXiv:2006.08195", "closed", a="1"),
        _entry("x_sin_x", "x*sin(x)", "oscillating unit", "closed", "xsinx"),
        _entry("gcu", "x*cos(x)", "growing cosine unit, arXiv:2108.12943", "closed", "growing_cosine"),
        _entry("sinc", "sinc(x)", "sin(x)/x", "closed"),
        # Smooth, outside the closed class
        _entry("tanh", "tanh(x)", PYTORCH, "series"),
        _entry("sigmoid", "1/(1 + exp(-x))", PYTORCH, "series", "logistic expit"),
        _entry("logsigmoid", "-log(1 + exp(-x))", PYTORCH, "series", "log_sigmoid"),
        _entry("softplus", "log(1 + exp(beta*x))/beta", PYTORCH, "series", "soft_plus", beta="1"),
        _entry("silu", "x/(1 + exp(-x))", f"{PYTORCH}; {JAX}; arXiv:1702.03118", "series", "swish"),
        _entry("quick_gelu", "x/(1 + exp(-1.702*x))", "GELU, arXiv:1606.08415", "series"),
        _entry(
            "gelu_tanh", "x*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x**3)))/2", "GELU, arXiv:1606.08415", "series",
            "gelu_new gelu_approximate",
        ),
        _entry("mish", "x*tanh(log(1 + exp(x)))", "Mish, arXiv:1908.08681", "series"),
        _entry("lisht", "x*tanh(x)", "LiSHT, arXiv:1901.05894", "series"),
        _entry("tanhexp", "x*tanh(exp(x))", "TanhExp, arXiv:2003.09855", "series", "telu"),
        _entry("serf", "x*erf(log(1 + exp(x)))", "Serf, arXiv:2108.09598", "series"),
        _entry("logcosh", "log(cosh(x))", "log-cosh", "series", "log_cosh"),
        _entry("softsign", "x/(1 + abs(x))", PYTORCH, "series kinked", "soft_sign"),
        _entry("tanhshrink", "x - tanh(x)", PYTORCH, "series", "tanh_shrink"),
        _entry("squareplus", "(x + sqrt(x**2 + b))/2", f"{JAX}; arXiv:2112.11687", "series", b="4"),
        _entry("arctan", "atan(x)", "arctangent", "series", "atan"),
        _entry("asinh", "asinh(x)", "inverse hyperbolic sine", "series", "arcsinh"),
        _entry("sqrt1px2", "sqrt(1 + x**2)", "hyperbola", "series", "pseudo_huber"),
        _entry("isru", "x/sqrt(1 + alpha*x**2)", "ISRU, arXiv:1710.09967", "series", alpha="1"),
        _entry("bent_identity", "(sqrt(x**2 + 1) - 1)/2 + x", "bent identity", "series"),
        _entry("symlog", "sign(x)*log(1 + abs(x))", "DreamerV3, arXiv:2301.04104", "series kinked"),
        _entry("lorentzian", "1/(1 + x**2)", "Cauchy density profile", "series", "cauchy"),
        _entry(
            "cosine_bump", "where(abs(x) < 1, (1 + cos(pi*x))/2, 0)", "raised cosine", "series kinked", "raised_cosine",
        ),
    )
)  # fmt: skip
"""The named activations."""
