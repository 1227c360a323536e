"""How the picture moves: RTMP in, spool, packager, origin."""
