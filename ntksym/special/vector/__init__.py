"""Elementary and special functions as branch-free code that vectorises; copied into generated modules."""
