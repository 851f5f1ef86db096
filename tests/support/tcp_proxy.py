"""A TCP proxy before a server, with the ways in which networks lose connections."""
import os
import selectors
import socket
import struct
import threading


class Proxy:
    """Listens on `host`:`port`. One thread moves all bytes and waits for no connection: who takes nothing holds up its
    own partner alone. `server`: the path of a unix socket, or HOST:PORT, which may be said later."""

    def __init__(self, server=None, host="127.0.0.1"):
        self.server, self.host = server, host
        self.listener = socket.create_server((host, 0))
        self.port = self.listener.getsockname()[1]
        self.mutex = threading.Lock()
        self.partners, self.lost = {}, {}
        self.waiting = {}  # what a connection has not taken yet; its partner is not read meanwhile
        self.silent = False
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        threading.Thread(target=self.run, daemon=True).start()

    def watch(self, one):
        """Asks to be told of what `one` is to do next: to take what waits for it, and to say more."""
        events = ((selectors.EVENT_WRITE if one in self.waiting else 0) |
                  (0 if self.partners[one] in self.waiting else selectors.EVENT_READ))
        now = self.selector.get_map().get(one)
        if now is None or now.events != events:
            self.leave(one)
            if events:
                self.selector.register(one, events)

    def leave(self, one):
        if one in self.selector.get_map():
            self.selector.unregister(one)

    def url(self, database, more="", user="vecferry"):
        return f"postgresql://{user}@{self.host}:{self.port}/{database}?sslmode=disable{more}"

    def be_silent(self):
        """Everything stays open and nothing is forwarded, nor taken."""
        with self.mutex:
            self.silent = True
            for one in self.partners:
                self.leave(one)
            self.selector.unregister(self.listener)

    def lose(self):
        """The connections that are open stay so and carry nothing any more; new ones are served. Returns how many."""
        with self.mutex:
            count = len(self.partners) // 2
            for one in self.partners:
                self.leave(one)
            self.lost.update(self.partners)
            self.partners.clear()
            self.waiting.clear()
        return count

    def reset(self):
        """All connections end by RST; new ones are served."""
        with self.mutex:
            for one in list(self.partners):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.leave(one)
                one.close()
            self.partners.clear()
            self.waiting.clear()
            if self.silent:
                self.selector.register(self.listener, selectors.EVENT_READ)
            self.silent = False

    def run(self):
        while True:
            for key, events in self.selector.select(timeout=0.02):
                with self.mutex:
                    if not self.silent:
                        self.serve(key.fileobj, events)

    def connect(self):
        """None: nobody is there."""
        try:
            if self.server.startswith("/"):
                server = socket.socket(socket.AF_UNIX)
                server.connect(self.server)
                return server
            host, port = self.server.rsplit(":", 1)
            return socket.create_connection((host, int(port)))
        except ConnectionError:
            return None

    def serve(self, ready, events):
        if ready is self.listener:
            client = self.listener.accept()[0]
            server = self.connect()
            if server is None:
                client.close()
                return
            self.partners.update({client: server, server: client})
            for one in (client, server):
                one.setblocking(False)
                self.watch(one)
        elif ready in self.partners:
            try:
                if events & selectors.EVENT_WRITE:
                    self.send(ready, self.waiting.pop(ready))
                if events & selectors.EVENT_READ:
                    self.send(self.partners[ready], ready.recv(1 << 16))
            except (OSError, EOFError):
                for one in (ready, self.partners.pop(ready)):
                    self.partners.pop(one, None)
                    self.waiting.pop(one, None)
                    self.leave(one)
                    one.close()

    def send(self, one, content):
        """All that `one` takes at once; the rest waits for it."""
        if not content:
            raise EOFError
        try:
            rest = content[one.send(content):]
        except BlockingIOError:
            rest = content
        if rest:
            self.waiting[one] = rest
        for end in (one, self.partners[one]):
            self.watch(end)


def socket_path(folder):
    return os.path.join(folder, ".s.PGSQL.5432")
