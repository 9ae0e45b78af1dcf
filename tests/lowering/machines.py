"""Networks lowered and run without a `Kernel`: any duals, any tolerance, and what the tiles leave out."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from ntksym.gram.layer_route import compiled_layers
from ntksym.gram.linearisation import schedule
from ntksym.gram.pairs import deferred
from ntksym.gram.pairs.carry import advance
from ntksym.gram.rows import RowStates, prepare
from ntksym.gram.schedule import LayerArrays, LayerPlan
from ntksym.gram.schedule import Machine as Compiled
from ntksym.gram.tiles import Results, fill
from ntksym.lowering import store
from ntksym.lowering.emit import Source, emit
from ntksym.lowering.lowered_activation import lower
from ntksym.network.layers import Network


@dataclass(frozen=True)
class Machine:
    source: Source
    plan: LayerPlan
    module: ModuleType
    threads: int = 2

    def arrays(self, width: int) -> LayerArrays:
        return self.plan.arrays(self.module, width, self.source.columns)

    def compiled(self, width: int) -> Compiled:
        return Compiled(self.module, self.arrays(width), self.plan)

    def states(self, *data: np.ndarray, **options: Any) -> tuple[RowStates, ...]:
        squares = [(points**2).sum(axis=1) for points in data]
        return prepare(self.compiled(data[0].shape[1]), squares, self.threads, **options)

    def tiles(
        self, x: np.ndarray, y: np.ndarray, get: tuple[str, ...], *, integrate: bool = True
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Gram matrices by name, and the pairs left out by the tiles, which are integrated or not."""
        states = self.states(x) if x is y else self.states(x, y)
        results = {name: np.full((len(x), len(y)), np.nan) for name in get}
        task = (x, y), (states[0], states[-1])
        targets = results.get("nngp"), results.get("ntk")
        arrays = self.arrays(x.shape[1])
        filling = compiled_layers(self.compiled(x.shape[1]), task[1], ("nngp" in get, "ntk" in get))
        transform = filling.into(targets, symmetric=x is y)
        left_out = [np.empty((0, 2), dtype=np.int64)]

        def evaluate(rows: deferred.RowPairs, gap: np.ndarray, sign: np.ndarray) -> Results:
            variances = deferred.variances_of_pairs(task[1], rows)
            return advance(self.compiled(x.shape[1]), variances, gap, sign)

        def complete(pairs: np.ndarray) -> None:
            left_out.append(pairs)
            if integrate:
                deferred.fill_deferred(arrays, *task, pairs, targets, evaluate)

        fill(task[0], transform, complete, self.threads)
        return results, np.concatenate(left_out)

    def __call__(self, x: np.ndarray, y: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """NNGP and NTK."""
        results, _ = self.tiles(x, x if y is None else y, ("nngp", "ntk"))
        return results["nngp"], results["ntk"]


def machine(
    network: Network,
    derive: Callable[[Any], Any],
    tolerance: float = 1e-12,
    load: Callable[[str], ModuleType] = store.load,
) -> Machine:
    """The network with these duals, every series at this tolerance."""
    known = {activation: derive(activation) for activation in network.activations}
    parts = lower(known.values())
    duals = [known[activation] for activation in network.activations]
    layers = schedule(network, duals, [dual.numeric for dual in duals], parts, tolerance)
    source = emit(parts, branched=layers.branched)
    return Machine(source, layers, load(source.text))


def load_uncached(text: str) -> ModuleType:
    """The module, compiled in this process whatever the store holds: machine code from there cannot be inspected."""
    module = ModuleType("generated")
    module.__file__ = str(store.folder() / "generated.py")
    exec(compile(text.replace("cache=True, ", ""), "<generated>", "exec"), module.__dict__)
    return module
