"""The resources under `/helix`, in the dialect that clients of Twitch's API speak.

Paths, parameters, scopes and shapes as https://dev.twitch.tv/docs/api/reference documents them.
A file here is a few functions of a `Call`, and its routes.
"""

from api.helix import channels, follows, games, keys, markers, search, streams, users

ROUTES = (
    *users.ROUTES,
    *streams.ROUTES,
    *channels.ROUTES,
    *markers.ROUTES,
    *follows.ROUTES,
    *games.ROUTES,
    *search.ROUTES,
)
ASKING = (*channels.ASKING, *markers.ASKING)
"""Those that ask the platform for something."""
SEALED = keys.ROUTES
"""Those that open what the master key has sealed."""
