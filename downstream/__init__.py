"""What released libraries do with xtopk in the place of their own selection."""
