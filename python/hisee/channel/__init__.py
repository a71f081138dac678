"""Links between processes: one Channel API over rings, Unix and TCP sockets and memory. Contract: docs/design/channel-api.md."""

from hisee.channel.channel import Channel
from hisee.channel.dial import dial_tcp, dial_unix, memory_pair, over_socket
from hisee.channel.errors import (
    ChannelClosed,
    ChannelError,
    ChannelFull,
    LogonRefused,
    MessageTooLong,
    NotSpoken,
    PeerUnreachable,
    ProtocolMismatch,
    RequestFailed,
)
from hisee.channel.listener import Listener
from hisee.channel.message import Message
from hisee.channel.peer import Peer
from hisee.channel.requests import Requests
from hisee.channel.serve import serve_socket
from hisee.channel.shape import LinkShape

__all__ = [
    "Channel", "ChannelClosed", "ChannelError", "ChannelFull", "LinkShape", "Listener", "LogonRefused", "Message",
    "MessageTooLong", "NotSpoken", "Peer", "PeerUnreachable", "ProtocolMismatch", "RequestFailed", "Requests", "dial_tcp", "dial_unix",
    "memory_pair", "over_socket", "serve_socket",
]
