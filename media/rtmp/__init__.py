"""RTMP server on asyncio."""
