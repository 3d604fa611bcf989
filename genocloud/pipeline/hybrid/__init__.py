"""A run over several locations: requests, the tasks that serve them, and the coordinator."""
