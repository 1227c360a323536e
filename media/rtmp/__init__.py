"""RTMP: what publishers speak. Section numbers refer to Adobe's RTMP specification 1.0 (2012)."""
