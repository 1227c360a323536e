"""The resources under `/helix`, in the dialect that clients of Twitch's API speak.

Paths, parameters, scopes and shapes as https://dev.twitch.tv/docs/api/reference documents them.
A file here is a few functions of a `Call`, and its routes.
"""

from api.helix import (
    automod,
    bans,
    blocked_terms,
    channels,
    chat,
    chat_colour,
    chat_images,
    chat_settings,
    follows,
    games,
    keys,
    markers,
    moderation,
    moderators,
    polls,
    predictions,
    raids,
    search,
    streams,
    users,
)

_CHAT = (
    *(chat, chat_colour, chat_images, chat_settings),
    *(automod, bans, blocked_terms, moderation, moderators),
)

ROUTES = (
    *users.ROUTES,
    *streams.ROUTES,
    *channels.ROUTES,
    *markers.ROUTES,
    *follows.ROUTES,
    *games.ROUTES,
    *search.ROUTES,
    *(route for each in _CHAT for route in each.ROUTES),
    *polls.ROUTES,
    *predictions.ROUTES,
)
ASKING = (
    *channels.ASKING,
    *markers.ASKING,
    *(route for each in _CHAT for route in each.ASKING),
    *polls.ASKING,
    *predictions.ASKING,
    *raids.ASKING,
)
"""Those that ask the platform for something."""
SEALED = keys.ROUTES
"""Those that open what the master key has sealed."""
