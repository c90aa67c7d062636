"""Why they came."""
