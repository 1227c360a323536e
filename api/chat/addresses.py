"""How many connections come from one address: over all protocols of an edge."""

from collections import Counter

from prometheus_client import Counter as Metric

from api.chat.sockets import Refusal, Upgrade
from api.limits import network
from api.proxies import DIRECT, Proxies

_REFUSED = Metric(
    "millrace_chat_edge_refused_total", "Connections of addresses that had enough of them."
)


class Addresses:
    """Those that are connected. An IPv6 host has a network of them, which counts as one."""

    def __init__(self, most: int, proxies: Proxies = DIRECT) -> None:
        """`most`: connections of one address. `proxies`: who is believed for whom they ask."""
        self._most = most
        self._proxies = proxies
        self._open: Counter[str] = Counter()

    def asking(self, upgrade: Upgrade) -> str:
        """Who opens a WebSocket; empty: it cannot be told."""
        lines = [upgrade.headers.get(self._proxies.header_name.lower(), "")]
        return self._counted(self._proxies.asking(upgrade.peer, lines))

    def connecting(self, peer: str) -> str:
        """Who connects over TCP, where proxies cannot say for whom; empty: it cannot be told."""
        return self._counted(peer)

    def refusal(self, name: str) -> Refusal | None:
        """Of one connection more, if there are too many."""
        if not name or self._open[name] < self._most:
            return None
        _REFUSED.inc()
        return Refusal(429, f"an address may have {self._most} connections")

    def came(self, name: str) -> None:
        """It has one more."""
        self._open[name] += 1

    def went(self, name: str) -> None:
        """It has one less."""
        self._open[name] -= 1
        if not self._open[name]:
            del self._open[name]

    def _counted(self, address: str) -> str:
        return network(address) if address and not self._proxies.trusts(address) else ""
