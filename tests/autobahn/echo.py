"""The echo server that Autobahn|Testsuite tries: prints its port, and says back what it is told.

It is made of the suite's own library: that takes all the extensions the suite offers, and answers each frame before it
looks at the next, so that it does not matter how the bytes were cut on their way. On subprotocol `prefect` the first
message must be an auth message with one of `TOKENS`, as at Prefect.
"""

import json

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept
from twisted.internet import reactor

# Who comes directly says so; who comes through the gateway gets the profile's auth string.
TOKENS = ["direct", "admin:autobahn"]


class Echo(WebSocketServerProtocol):
    def onConnect(self, request):
        self.greeted = "prefect" not in request.protocols
        return None if self.greeted else "prefect"

    def onMessage(self, payload, binary):
        if not self.greeted:
            message = json.loads(payload)
            assert message["type"] == "auth" and message["token"] in TOKENS
            payload, self.greeted = b'{"type":"auth_success"}', True
        self.sendMessage(payload, binary)


def accept(offers):
    return next((PerMessageDeflateOfferAccept(offer) for offer in offers if isinstance(offer, PerMessageDeflateOffer)), None)


def main():
    factory = WebSocketServerFactory(protocols=["prefect"])
    factory.protocol = Echo
    # Case 6.4.4 lasts as long as the server waits for a close frame; the library counts whole seconds.
    factory.setProtocolOptions(failByDrop=False, closeHandshakeTimeout=3, perMessageCompressionAccept=accept)
    print(reactor.listenTCP(0, factory, interface="127.0.0.1").getHost().port, flush=True)
    reactor.run()


if __name__ == "__main__":
    main()
