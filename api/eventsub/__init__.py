"""The HTTP side of EventSub: endpoints, WebSocket sessions, and webhooks that are called.

Messages as https://dev.twitch.tv/docs/eventsub documents them.
"""
