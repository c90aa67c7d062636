"""Every candidate looked at with all that is known: of who asks, when, and of the item."""
