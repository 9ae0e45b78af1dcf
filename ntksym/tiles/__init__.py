"""From data to a Gram matrix: the states of the rows, tiles of pairs, threads, and pairs computed one by one."""
