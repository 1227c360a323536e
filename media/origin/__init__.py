"""The role that players fetch from: playlists as a fold of events, objects, thumbnails."""
