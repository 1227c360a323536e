"""How people and programs talk to Millrace."""
