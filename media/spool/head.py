"""What a decoder needs before it can begin in the middle: metadata and codec parameters."""

from media import flv
from media.flv import Tag


class Head:
    """The latest metadata and codec parameters among the tags that were shown to it."""

    def __init__(self) -> None:
        self._tags: dict[int, Tag] = {}

    @property
    def has_video(self) -> bool:
        """Whether there are parameters of a picture."""
        return flv.VIDEO in self._tags

    def see(self, tag: Tag) -> None:
        """Keep the tag if it is one of them."""
        if flv.is_sequence_header(tag) or flv.is_metadata(tag):
            self._tags[tag.kind] = tag

    def at(self, timestamp: int) -> bytes:
        """The beginning of an FLV file that goes on with media of a time in milliseconds.

        Metadata is stamped with 0, as encoders do: FFmpeg takes it for subtitles otherwise.
        """
        parts = [flv.FILE_HEADER]
        for kind in (flv.DATA, flv.VIDEO, flv.AUDIO):
            if kind in self._tags:
                seen = self._tags[kind]
                tag = Tag(seen.kind, 0 if kind == flv.DATA else timestamp, seen.data)
                parts += (flv.tag_header(tag), tag.data, flv.tag_trailer(tag))
        return b"".join(parts)
