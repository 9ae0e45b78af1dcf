"""What numba's code becomes on a processor that is not this one: its modules compiled for that as well, not run."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import llvmlite.binding as llvm
import pytest
from numba.core import codegen

ARM = "aarch64-unknown-linux-gnu"
FOREIGN = "llvm.x86."
"""Names of instructions of this processor in what numba has compiled for it beforehand: counters of references."""


@contextmanager
def compiled_for(triple: str, processor: str) -> Iterator[dict[str, str]]:
    """While it lasts, the assembly that every function gets there is kept, by its name, once it is compiled here.

    The passes are numba's own, on the same code, with the costs of the other processor.
    """
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    target = llvm.Target.from_triple(triple)
    there = target.create_target_machine(cpu=processor, opt=3, reloc="pic", codemodel="small")
    found: dict[str, str] = {}
    optimise = codegen.CPUCodeLibrary._optimize_final_module

    def twice(library: Any) -> None:
        text = re.sub(r'^target triple = ".*"', f'target triple = "{triple}"', str(library._final_module), flags=re.M)
        text = re.sub(r'^target datalayout = ".*"', f'target datalayout = "{there.target_data}"', text, flags=re.M)
        text = text.replace(FOREIGN, "elsewhere.").replace(" immarg", "")
        optimise(library)
        module, compiler = llvm.parse_assembly(text), library._codegen
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(compiler, "_tm", there)
            cheap = {"loop_vectorize": compiler._loopvect, "slp_vectorize": False, "opt": compiler._opt_level}
            for passes, builder in (
                compiler._module_pass_manager(**cheap, cost="cheap"),
                compiler._module_pass_manager(),
            ):
                passes.run(module, builder)
        found[library.name] = there.emit_assembly(module)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codegen.CPUCodeLibrary, "_optimize_final_module", twice)
        yield found
