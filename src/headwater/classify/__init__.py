"""What something is, by how it looks or what it says."""
