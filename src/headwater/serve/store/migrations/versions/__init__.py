"""One step a file; a step that is published is never changed."""
