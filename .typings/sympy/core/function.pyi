from typing import Any

class FunctionClass(type):
    nargs: Any
    def __call__(cls, *arguments: object) -> Any: ...

class ArgumentIndexError(ValueError):
    def __init__(self, function: object, index: int) -> None: ...
