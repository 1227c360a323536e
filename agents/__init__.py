"""What the platform decides: one folder a context, `model.py` pure rules, `agent.py` thin."""
