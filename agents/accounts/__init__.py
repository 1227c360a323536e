"""Users, their roles and the applications that act for them."""
