"""OAuth 2: tokens, and the endpoints that hand them out."""
