"""Which addresses the live page may have."""

import ipaddress
from dataclasses import dataclass

from edge.config import WEB_ADDRESS
from edge.errors import UsageError


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; port 0 takes a free one."""

    host: str
    port: int

    def url(self) -> str:
        """Return what to type into a browser."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/"


def parse_address(text: str) -> Address:
    """Return the address of `HOST:PORT`, `PORT`, `HOST` or `[IPV6]:PORT`; raises UsageError."""
    host, port = WEB_ADDRESS.split(":")
    if text.isdecimal():
        port = text
    elif text.startswith("[") or text.count(":") > 1:
        inside, _, after = text.lstrip("[").partition("]")
        host, port = inside, after.removeprefix(":") or port
    elif text:
        name, _, number = text.partition(":")
        host, port = name or host, number or port
    if not port.isdecimal() or int(port) > 65535:
        raise UsageError(f"--web takes HOST:PORT with a port of 0 to 65535; got '{text}'")
    address = Address(host, int(port))
    if not is_loopback(host):
        raise UsageError(
            f"--web={text} would show the camera to everybody on the network; allowed: 127.0.0.1, "
            f"[::1], localhost. From elsewhere: ssh -L {port}:127.0.0.1:{port} THIS_MACHINE"
        )
    return address


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach `host`; names other than localhost cannot tell."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
