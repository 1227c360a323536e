"""The role that makes renditions: what it is given, whom it starts, what it says."""
