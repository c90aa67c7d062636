"""One metric a file: `Evidence` in, one number a request (or one for all of them) out."""
