"""The operations page: what operators of the platform look after."""
