from collections.abc import Callable

lex: Callable[[tuple[int, ...]], tuple[int, ...]]
