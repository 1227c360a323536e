"""The spool: what publishers sent, on disk before anyone acts on it.

The log of a session is one FLV file of which the beginning may be gone: an offset is a byte of it,
counted from the session's start, whatever was deleted since. It lies in a folder of its own, in
files of bounded size whose names say where they begin. Each is an FLV file that can be played by
itself: before its share of the log stands what decoders need (`media.spool.head`), which is no
part of the log and which the first file lacks, for there it is the log's own beginning.
"""
