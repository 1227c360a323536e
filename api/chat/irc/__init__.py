"""Chat as IRC clients speak it: over WebSocket and TCP, as the public reference of Twitch has it.

That reference is at https://dev.twitch.tv/docs/chat/irc/ : a subset of RFC 1459, with message tags
of IRCv3 (https://ircv3.net/specs/extensions/message-tags) and capabilities of its own.
"""
