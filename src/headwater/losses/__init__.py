"""One loss a file: what is said of candidates or classes, and what is true of them, to a scalar."""
