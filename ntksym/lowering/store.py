"""Generated modules on disk: named by the hash of their text, so that numba's cache serves them to the next process.

The folder holds code that is executed: it belongs to the user alone (mode 0700), and a file is compared with the text
byte by byte before it is used. It is the user's cache as the operating system knows it; ``NTKSYM_CACHE`` names another.

Several threads and several processes may use it at once: one at a time writes or compiles a module, the others wait and
take what it has left. What the disk refuses to keep, or has lost a part of, is made again and costs time, no failure.
"""

import hashlib
import importlib.util
import os
import stat
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ntksym.errors import InvalidInput
from ntksym.numerics.compiled import interrupts_wait

__all__ = ["clear", "compiled", "entries", "first_call", "folder", "is_lasting", "load", "name_of"]

if TYPE_CHECKING:
    from filelock import BaseFileLock

PREFIX = "ntksym_k_"

LOCK = ".lock"
"""Ending of the file that whoever compiles a module locks; it is empty, and stays: removing it would admit two."""

_loaded: dict[str, ModuleType] = {}
_called: set[tuple[str, str]] = set()

_lock = threading.RLock()
"""Held by the thread that loads or compiles. A fork waits for it: the child would find a module half made."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


def name_of(text: str) -> str:
    """Name of the module with this text: the first 16 hex digits of its SHA-256."""
    return f"{PREFIX}{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def load(text: str) -> ModuleType:
    """The module with this text, from this process, from the disk, or written now.

    Parameters
    ----------
    text : str
        Source that imports math, numpy and numba only.

    Raises
    ------
    InvalidInput
        The folder named by ``NTKSYM_CACHE`` cannot be used.
    """
    module = _loaded.get(text)
    if module is None:
        with _lock:
            module = _loaded[text] = _loaded.get(text) or _made(text)
    return module


def first_call(module: ModuleType, kind: str, call: Callable[[], object]) -> None:
    """Call ``call`` if it is the first of its kind in this process: what it compiles is there for the others.

    Parameters
    ----------
    module : module
        From `load`.
    kind : str
        Tells apart the functions of the module and the types of their arguments.
    call : callable
        Calls one of these functions with arguments that give it nothing to do.
    """
    key = module.__name__, kind
    if key in _called:
        return
    path = Path(str(module.__file__))
    with _alone(path), _lock, interrupts_wait():
        try:
            call()
        except OSError:  # compiled, but the disk is full
            call()
        except Exception:  # numba cannot read what it wrote: a file was cut short
            for remains in _machine_code(path):
                remains.unlink(missing_ok=True)
            call()
        _called.add(key)


def entries() -> tuple[Path, ...]:
    """The generated modules on disk, oldest first."""
    return tuple(sorted(folder().glob(f"{PREFIX}*.py"), key=lambda path: (path.stat().st_mtime, path.name)))


def compiled() -> frozenset[str]:
    """Names of the files of machine code in the folder; one a function and type of arguments."""
    return frozenset(path.name for path in (folder() / "__pycache__").glob(f"{PREFIX}*.nbc"))


def is_lasting() -> bool:
    """Whether the folder outlives this process."""
    return _temporary_folder.cache_info().currsize == 0 or folder() != _temporary_folder()


def clear() -> int:
    """Remove every generated module and its machine code from the disk; how many modules there were.

    Modules that this process has loaded go on working.
    """
    paths = entries()
    for path in paths:
        for part in (*_machine_code(path), path, path.with_suffix(LOCK)):
            part.unlink(missing_ok=True)
    return len(paths)


def _machine_code(path: Path) -> tuple[Path, ...]:
    """What Python and numba keep of a module."""
    return tuple((path.parent / "__pycache__").glob(f"{path.stem}.*"))


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """No other thread or process is in here for the same module; where files cannot be locked, perhaps one is.

    Enter it before `_lock`, never inside: a fork waits for `_lock`, and filelock ends no release while a fork waits.
    """
    with ExitStack() as stack:
        with suppress(OSError):
            stack.enter_context(_file_lock()(path.with_suffix(LOCK), mode=0o600))
        yield


@cache
def _file_lock() -> "type[BaseFileLock]":
    """filelock.FileLock, loaded at the first compilation: a fork must not find the package half loaded."""
    with _lock:
        from filelock import FileLock  # 8 ms that `import ntksym` does not need

        return FileLock


def folder() -> Path:
    """The folder of generated modules; made if need be, for the user alone."""
    wanted = os.environ.get("NTKSYM_CACHE")
    if wanted:
        return _private(Path(wanted).expanduser().absolute())
    try:
        return _private(_usual_folder())
    except (InvalidInput, OSError, RuntimeError):
        return _temporary_folder()


def _usual_folder() -> Path:
    """The cache of this package on this operating system: ``~/.cache/ntksym`` on Linux, or below XDG_CACHE_HOME."""
    with _lock:
        from platformdirs import user_cache_path  # 2 ms that `import ntksym` does not need

    return user_cache_path("ntksym", appauthor=False).absolute()


@cache
def _temporary_folder() -> Path:
    """A fresh folder for this process alone, where no permanent one can be written."""
    return Path(tempfile.mkdtemp(prefix="ntksym-"))


def _private(path: Path) -> Path:
    """The folder itself, once it is known to belong to the user and to be closed to others."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.stat()
    except OSError as error:
        raise InvalidInput(
            f"cannot make the folder {path} for compiled kernels: {error}; {_WAY_OUT}", path=path
        ) from error
    if not stat.S_ISDIR(status.st_mode) or not os.access(path, os.W_OK | os.X_OK):
        raise InvalidInput(f"{path} is not a folder that can be written; {_WAY_OUT}", folder=str(path))
    if hasattr(os, "getuid"):
        if status.st_uid != os.getuid():
            raise InvalidInput(
                f"the folder {path} belongs to another user, who could change the code; {_WAY_OUT}", path=path
            )
        if status.st_mode & 0o077:
            path.chmod(0o700)
    return path


_WAY_OUT = "set the environment variable NTKSYM_CACHE to a folder of your own"


def _made(text: str) -> ModuleType:
    name = name_of(text)
    refusals: list[OSError] = []
    for place in (folder, _temporary_folder):
        path = place() / f"{name}.py"
        try:
            _write(path, text)
        except OSError as error:
            refusals.append(error)
        else:
            return _execute(name, path)
    raise InvalidInput(f"cannot keep a compiled kernel: {refusals[0]}; {_WAY_OUT}", name=name) from refusals[0]


def _write(path: Path, text: str) -> None:
    """Put the text at the path unless it is there already; readers see all of it or nothing.

    Of several processes the first one's file stays: numba throws away machine code that is older than its source.
    """
    data = text.encode()
    if path.is_file() and path.read_bytes() == data:
        return
    handle, temporary = tempfile.mkstemp(prefix=f".{path.stem}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        with suppress(OSError):
            os.link(temporary, path)
        if not path.is_file() or path.read_bytes() != data:
            os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _execute(name: str, path: Path) -> ModuleType:
    """Import the file. Its name is registered first: numba looks it up when it reads its cache."""
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise InvalidInput(f"Python cannot import {path}; {_WAY_OUT}", path=path)
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    try:
        specification.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
