"""What a running platform needs: events coming back, kept for good."""
