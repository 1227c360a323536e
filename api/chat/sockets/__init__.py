"""WebSocket connections of a chat edge (RFC 6455), and the groups that messages are sent to.

    class Talk:                                            # a Handler, one for the whole server
        def on_open(self, connection): ...                 # connection.upgrade: path, query, ...
        def on_text(self, connection, text): ...
        def on_lagging(self, connection): ...
        def on_drain(self, connection): ...
        def on_close(self, connection, code): ...

    server = Server(Talk(), Limits(connections=10_000), admit=refuse, subprotocols=("irc",))
    await server.start("127.0.0.1", 8090)
    ...
    await server.close(over=5.0)                           # 1012 to all, spread over seconds

    broadcaster, channel = Broadcaster(), Group()
    channel.add(connection)
    broadcaster.broadcast(channel, frame(text), mark=offset)

**Calls.** Each method of a `Handler` is called in the event loop's thread and must not block. Each
connection that `on_open` saw gets one `on_close`, and nothing after it. An error that a method
raises is logged and closes the connection with 1011. `connection.session` is the handler's own.

**Sending.** `frame` encodes a message once for everybody; `Connection.send` takes frames, one or
many joined, and neither copies nor delays them. `Broadcaster.broadcast` writes at once while a
group is quiet; when messages come faster it joins those of 20 to 50 ms, one write a connection.

**Slow clients.** A connection for which more than `Limits.buffer` bytes wait is no longer
`flowing`: groups pass it over, and `on_lagging` is called. It was given everything up to
`group.mark_of(connection)` in each of its groups, and nothing after: note these. Once the kernel
took all, `on_drain` is called. The connection flows again when the handler calls
`connection.resume()`, after it sent what was missed or told the client the mark to resume from.
`send` still works meanwhile, up to `Limits.backlog` bytes; then the connection is cut off.

**Limits.** A message of more than `Limits.message` bytes closes 1009, a binary one 1003, text that
is not UTF-8 1007, anything else that RFC 6455 forbids 1002. A connection above
`Limits.connections` is accepted and closed with 1013. `admit` sees each `Upgrade` before it is
accepted and may return a `Refusal`: for origins, for addresses. Who is silent for two pings is cut
off with 1006. permessage-deflate is never negotiated.

**Other transports.** A `Group` holds any `Member`. `Outlet` is one over TCP without WebSocket:
subclass it for a protocol of lines.
"""

from api.chat.sockets.broadcast import Broadcaster, Group, Member
from api.chat.sockets.connection import Connection, Handler
from api.chat.sockets.frames import close_frame, frame
from api.chat.sockets.handshake import Refusal, Upgrade
from api.chat.sockets.limits import Limits
from api.chat.sockets.outlet import Outlet
from api.chat.sockets.server import Server

__all__ = [
    "Broadcaster",
    "Connection",
    "Group",
    "Handler",
    "Limits",
    "Member",
    "Outlet",
    "Refusal",
    "Server",
    "Upgrade",
    "close_frame",
    "frame",
]
