"""Gram matrices: from data and a lowered network to tiles of entries, by the route that costs least."""
