"""Functions of x as smooth pieces: where they break, what they are in between, what was assumed of parameters."""

from ntksym.activation.pieces.splitting import Pieces, split

__all__ = ["Pieces", "split"]
