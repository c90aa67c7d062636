"""Whether it was good: how people liked a session, from what they did in it and why they came."""
