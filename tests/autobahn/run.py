"""Runs cases of Autobahn|Testsuite as its `wstest -m fuzzingclient -s SPEC` does: `run.py SPEC`.

SPEC is JSON as the suite documents it; reports go to its `outdir`: `index.json`, and a file for each case. Two things
are our own: on subprotocol `prefect` a case begins after an auth message, with the agent's name as its token, and its
answer; and the first case that is not passed ends it all.
"""

import json
import os
import sys

from autobahntestsuite import fuzzing
from autobahntestsuite.octets import octets
from twisted.internet import reactor
from twisted.python import log

# The suite's limits, and its library's, are for an idle machine. A case that goes well waits for none of them. The last
# is less than the gateway grants a tunnel of which one end is gone: a lost end must not pass for a late one.
PATIENCE = 20
OPTIONS = {"openHandshakeTimeout": 60, "closeHandshakeTimeout": 60, "serverConnectionDropTimeout": 20}


class Protocol(fuzzing.FuzzingClientProtocol):
    """The suite's client: its strings are octets, see `convert.py`."""

    greeting = False

    def onOpen(self):
        if self.websocket_protocol_in_use == "prefect":
            self.greeting = True
            self.sendMessage(json.dumps({"type": "auth", "token": self.caseAgent}))
        else:
            super().onOpen()

    def onMessage(self, msg, binary):
        if self.greeting:
            assert json.loads(msg) == {"type": "auth_success"}, msg
            self.greeting = False
            # Cases count frames from their own beginning.
            self.txFrameStats, self.rxFrameStats = {}, {}
            super().onOpen()
        else:
            super().onMessage(msg.decode("latin-1"), binary)

    def onPong(self, payload):
        super().onPong(payload.decode("latin-1"))

    def sendFrame(self, opcode, payload=b"", **more):
        super().sendFrame(opcode, octets(payload), **more)

    def sendMessage(self, payload, *flags, **more):
        super().sendMessage(octets(payload), *flags, **more)

    def sendMessageFrameData(self, payload, *flags, **more):
        return super().sendMessageFrameData(octets(payload), *flags, **more)

    def sendCloseFrame(self, code=None, reasonUtf8=None, isReply=False):
        super().sendCloseFrame(code, octets(reasonUtf8), isReply)

    def killAfter(self, delay):
        super().killAfter(PATIENCE * delay)

    def closeAfter(self, delay):
        super().closeAfter(PATIENCE * delay)


class Factory(fuzzing.FuzzingClientFactory):
    def logCase(self, result):
        # Where one goes wrong, most do, and each only after its limit.
        if not {"OK", "INFORMATIONAL"}.issuperset([result["behavior"], result["behaviorClose"]]):
            end("{agent}, case {id}: {behavior}, {result} {behaviorClose}, {resultClose}".format(**result))
        super().logCase(result)

    def createReports(self):
        super().createReports(produceHtml=False)


def end(why):
    print(why, file=sys.stderr, flush=True)
    # Twisted survives exceptions.
    os._exit(1)


def main(spec):
    log.addObserver(lambda event: event["isError"] and end(log.textFromEventDict(event)))
    fuzzing.FuzzingClientProtocol = Protocol
    Factory({"options": OPTIONS, **spec})
    reactor.run()


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        main(json.load(file))
