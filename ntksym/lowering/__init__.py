"""From the formula of a layer to compiled loops."""
