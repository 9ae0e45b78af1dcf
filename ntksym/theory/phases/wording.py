"""Phases in words and numbers: one sentence on the limit, one table of all fixed points."""

from math import inf, isfinite

from ntksym.theory.phases.equilibria import FixedPoint

__all__ = ["sentence", "table"]

COLUMNS = ("q", "stability", "chi_q", "chi_1", "rho", "xi_q", "xi_c", "xi_gradient")


def sentence(limit: FixedPoint, stays: bool, edge: float, decay: tuple[float, int] | None, origin: bool) -> str:
    """What becomes of the length, of gradients and of the correlation.

    Parameters
    ----------
    limit : FixedPoint
        Where the data go.
    stays : bool
        Whether every length is a fixed point.
    edge : float
        The variance from which on E[s(U)^2] diverges.
    decay : pair of float and int, or None
        The law of 1 - rho, factor and power of the depth.
    origin : bool
        Whether the data are at the origin and stay there.
    """
    if origin:
        return f"the length stays 0; {_on_gradients(limit)}; points at the origin have no correlation"
    return f"{_on_length(limit, stays, edge)}; {_on_gradients(limit)}; {_on_correlation(limit, decay)}"


def _on_length(limit: FixedPoint, stays: bool, edge: float) -> str:
    slowly = " like a power of the depth" if limit.stability == "marginal" else ""
    if stays:
        return "every length stays"
    if limit.q == 0:
        return "the length collapses to 0" + slowly
    if limit.q == inf and isfinite(edge):
        return f"the length grows until E[s(U)^2] diverges, at q = {edge:g}"
    if limit.q == inf:
        return "the length explodes" + slowly
    return f"the length goes to q = {limit.q:.6g}" + slowly


def _on_gradients(limit: FixedPoint) -> str:
    if limit.chi_1 == inf and limit.q != inf:
        return "chi_1 is infinite, because s jumps or is infinitely steep"
    verb = {"ordered": "vanish", "critical": "neither vanish nor explode exponentially", "chaotic": "explode"}
    return f"chi_1 = {limit.chi_1:.6g}, gradients {verb[limit.phase]}"


def _on_correlation(limit: FixedPoint, decay: tuple[float, int] | None) -> str:
    if limit.rho is None:
        return f"the limit of a correlation {'depends on the data' if limit.keeps_pairs else 'is not known'}"
    if decay is not None:
        return f"1 - rho falls like {decay[0]:.4g}/depth" + (f"^{decay[1]}" if decay[1] > 1 else "")
    return f"correlations go to {limit.rho:.6g}" + (" like a power of the depth" if limit.chi_rho == 1 else "")


def table(points: tuple[FixedPoint, ...]) -> list[str]:
    """The lines of a table, a fixed point in each; none where there are none.

    Parameters
    ----------
    points : tuple of FixedPoint
        The rows.
    """
    if not points:
        return []
    rows: list[tuple[str, ...]] = [COLUMNS]
    for point in points:
        numbers = (point.slope, point.chi_1, point.rho, point.xi_q, point.xi_c, point.xi_gradient)
        texts = ["-" if number is None else f"{number:.6g}" for number in numbers]
        rows.append((f"{point.q:.6g}", point.stability, *texts))
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    padded = (zip(row, widths, strict=True) for row in rows)
    return ["  " + "  ".join(f"{text:<{width}}" for text, width in row).rstrip() for row in padded]
