"""Selection algorithms, one a file; each sees only a namespace, arrays and numbers."""
