"""A kernel on given data: the route is chosen once, and matrices, blocks, diagonals and bounds follow it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntksym.errors import InvalidInput, ToleranceNotMet
from ntksym.gram.angle_route import ZonalRoute
from ntksym.gram.blocks import Piece, pieces_of
from ntksym.gram.distances import separate_rows
from ntksym.gram.engines import Candidates, Forms, LoweredNetwork, keeping_digits, with_series
from ntksym.gram.explanation import explain_route
from ntksym.gram.inputs import Request, answer, matrices
from ntksym.gram.layer_route import LayerRoute, bound_on
from ntksym.gram.pairs.carry import advance
from ntksym.gram.pairs.deferred import Evaluation, RowPairs, fill_deferred, variances_of_pairs
from ntksym.gram.routes import Route, Rows, find_route, follow_route, prepare_rows
from ntksym.gram.tiles import Results, fill
from ntksym.kept import kept
from ntksym.lowering.templates.frame import TILE

__all__ = ["KernelOnData"]

Array = NDArray[Any]

BATCH = 1024 * TILE
"""Rows whose states are held at once when only the diagonal is wanted."""


@dataclass(frozen=True, eq=False)
class KernelOnData:
    """k on the pairs of some rows; made by ``kernel.on``.

    Parameters
    ----------
    candidates : Candidates
        The network and the ways to lower it.
    request : Request
        The data, and which kernels are wanted of them.
    get : "ntk", "nngp" or a tuple of these
        The same as it was asked for: a tuple makes named tuples.
    dtype : str
        Type of the results.
    asked : str or Route
        Which route.
    """

    candidates: Candidates
    request: Request
    get: str | tuple[str, ...]
    dtype: str
    asked: "str | Route"

    @kept
    def _chosen(self) -> tuple[Route, Rows]:
        """The route, and the rows on their way along it."""
        if isinstance(self.asked, str):
            return find_route(self.candidates, self.request, name=self.asked)
        return self.asked, follow_route(self.candidates, self.asked, self.request)

    @property
    def route(self) -> Route:
        """The route: a frozen value that can be pickled, and passed to ``kernel.on`` for blocks computed elsewhere."""
        return self._chosen[0] if isinstance(self.asked, str) else self.asked

    def gram(self, *, rows: slice | None = None, columns: slice | None = None, out: Any = None) -> Any:
        """K[i, j] = k(X[i], Y[j]), or a block of it: bit for bit that block of the whole.

        Parameters
        ----------
        rows, columns : slice, optional
            Which part of the matrix, in steps of 1; all of it by default.
        out : array, or sequence of arrays for a tuple, optional
            Where to put the results: C-contiguous, of this kernel's dtype and of the shape of the result.

        Returns
        -------
        array, or a named tuple of arrays

        Raises
        ------
        InvalidInput, NoSuchDual, ToleranceNotMet
            As ``kernel(X, Y)``.
        """
        first, second = _span(rows, len(self.request.x), "rows"), _span(columns, len(self.request.y), "columns")
        x, y = self.request.x[first.start : first.stop], self.request.y[second.start : second.stop]
        results = matrices(out, self.request.wanted, (x, y), self.dtype)
        if len(x) and len(y):
            self._require_tolerance()
            if rows is None and columns is None:
                self._fill(self.request, self._chosen[1], results)
            else:
                for piece in pieces_of(first, second, symmetric=self.request.symmetric):
                    self._fill_piece(piece, (first.start, second.start), results)
        return answer(self.get, results)

    def _fill(self, request: Request, rows: Rows, results: Mapping[str, Array]) -> None:
        """Write all entries of a request."""
        route, targets = self.route, (results.get("nngp"), results.get("ntk"))
        machine = rows.network.machine(request.features)
        filling = route.compiled(machine, rows.states, ("nngp" in results, "ntk" in results))

        def complete(pairs: NDArray[np.int64]) -> None:
            fill_deferred(machine.arrays, request.pair, rows.states, pairs, targets, self._single(route, rows, request))

        fill(request.pair, filling.into(targets, symmetric=request.symmetric), complete, request.threads)
        for matrix in results.values():
            matrix[rows.states[0].vanished], matrix[:, rows.states[1].vanished] = 0.0, 0.0

    def _single(self, route: Route, rows: Rows, request: Request) -> Evaluation:
        """What evaluates pairs that the tiles leave out."""
        if isinstance(route, ZonalRoute):
            return lambda pairs, gap, sign: route.evaluate(rows.states, pairs, gap, sign)
        network = self.candidates.single(route.lowering)
        machine = network.machine(request.features)

        def evaluate(pairs: RowPairs, gap: Array, sign: Array) -> Results:
            variances = variances_of_pairs(rows.states, pairs)
            return advance(machine, variances, gap, sign)

        return evaluate

    def _fill_piece(self, piece: Piece, corner: tuple[int, int], results: Mapping[str, Array]) -> None:
        """Write a part of a block whose first entry is at ``corner``; above the diagonal, mirror images."""
        x, y = self.request.x[piece.rows], self.request.y[piece.columns]
        part = replace(self.request, x=x, y=x if piece.symmetric else y)
        rows = prepare_rows(self._network, part, pairs=isinstance(self.route, LayerRoute))
        found = {name: np.empty((len(x), len(y)), dtype=self.dtype) for name in results}
        self._fill(part, rows, found)
        for name, matrix in found.items():
            place = piece.place(corner)
            results[name][place] = matrix.T if piece.mirrored else matrix

    @kept
    def _network(self) -> LoweredNetwork:
        return self.candidates.realised(self.route.lowering)

    def diag(self) -> Any:
        """k(X[i], X[i]) for every i, shape (n,): bit for bit the diagonal of the matrix of X, in time linear in n."""
        if isinstance(self.asked, str) and "_chosen" not in vars(self) and self.candidates.light is None:
            forms = self.candidates.closed  # the only ones there are, whatever the route
        elif isinstance(self.asked, str) and "_chosen" not in vars(self):
            forms = find_route(self.candidates, self.request, name=self.asked, pairs=False)[0].lowering.forms
        else:
            forms = self.route.lowering.forms
        return answer(self.get, keeping_digits(lambda lost: self._diagonals(with_series(forms, lost))))

    def _diagonals(self, forms: Forms) -> tuple[dict[str, Array], frozenset[int]]:
        """The diagonals with this lowering, and where it loses digits."""
        results = {name: np.empty(len(self.request.x), dtype=self.dtype) for name in self.request.wanted}
        network, lost = self.candidates.lowered(forms), set[int]()
        for first in range(0, len(self.request.x), BATCH):
            rows = slice(first, first + BATCH)
            batch = self.request.x[rows]
            prepared = prepare_rows(network, replace(self.request, x=batch, y=batch), pairs=False, first=first)
            lost |= prepared.lost
            for name, result in results.items():
                result[rows] = prepared.states[0].diagonal(int(name == "ntk"))
        return results, frozenset(lost)

    def distance(self) -> Any:
        """D[i, j] = k(X[i], X[i]) + k(Y[j], Y[j]) - 2 k(X[i], Y[j]), the squared distance.

        Neighbours do not lose their digits: where D is small beside the diagonal, it is carried through the layers from
        the difference of the points.

        Raises
        ------
        InvalidInput, NoSuchDual, ToleranceNotMet
            As ``gram``; `ToleranceNotMet` also for neighbours where an activation has kinks and no closed form.
        """
        exact = replace(self, dtype="float64", get=self.request.wanted)
        kernels = exact.gram()._asdict()
        left = exact.diag()._asdict()
        right = left
        if not self.request.symmetric:
            right = replace(exact, request=replace(self.request, x=self.request.y)).diag()._asdict()
        ends = {name: (left[name], right[name]) for name in kernels}
        if len(self.request.x) and len(self.request.y):
            separate_rows(self.candidates, self.request, kernels, ends)
        return answer(self.get, {name: matrix.astype(self.dtype, copy=False) for name, matrix in kernels.items()})

    def error_bound(self) -> Any:
        """The largest |K~(x, y) - K(x, y)|/sqrt(K(x, x) K(y, y)) is at most this, over the pairs of these data.

        It holds what series leave out and get wrong, and how the layers behind them change that, to first order; the
        rounding inside closed forms is not counted.
        """
        if not (len(self.request.x) and len(self.request.y)):
            return answer(self.get, {name: 0.0 for name in self.request.wanted})
        route, rows = self._chosen
        bound = route.bound
        if isinstance(route, LayerRoute):
            bound = bound_on(rows.network, self.request, rows.states)
        return answer(self.get, {name: getattr(bound, name) for name in self.request.wanted})

    def explain(self) -> str:
        """The route and why it was chosen; one line a decision."""
        return "\n".join(explain_route(self.route, self.candidates))

    def _require_tolerance(self) -> None:
        tol, bound = self.candidates.tol, self.route.bound
        if self.route.data != self.request.fingerprint and isinstance(self.route, LayerRoute):
            rows = self._chosen[1]
            bound = bound_on(rows.network, self.request, rows.states)
        worst = bound.worst(self.request.wanted)
        if worst <= tol:
            return
        way_out = f"build the kernel with tol={worst * 1.1:.1e}, or remove points that are nearly equal"
        if worst >= 0.9:
            way_out = 'remove points that are nearly equal or opposite, use a smaller W_std, or ask for get="nngp"'
        raise ToleranceNotMet(
            f"the tolerance {tol:.3g} cannot be guaranteed on these data: {worst:.3g} is what can; {way_out}",
            achieved=worst,
            tol=tol,
        )

    def __repr__(self) -> str:
        x, y = (f"{len(part)} x {self.request.features}" for part in self.request.pair)
        return f"<{self.candidates.network!r} on {x}{'' if self.request.symmetric else f' and {y}'} points>"


def _span(part: slice | None, count: int, name: str) -> range:
    """The rows or columns that a slice asks for, or InvalidInput."""
    if part is not None and (not isinstance(part, slice) or part.step not in (None, 1)):
        raise InvalidInput(f"{name} must be a slice in steps of 1, not {part!r}; try {name}=slice(0, 100)", part=part)
    return range(count)[part or slice(None)]
