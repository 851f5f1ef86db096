"""A TCP proxy before a server, with the ways in which networks lose connections."""
import os
import selectors
import socket
import struct
import threading


class Proxy:
    """Listens on `host`:`port`. One thread moves all bytes. `server`: the path of a unix socket, or HOST:PORT, which may be
    said later."""

    def __init__(self, server=None, host="127.0.0.1"):
        self.server, self.host = server, host
        self.listener = socket.create_server((host, 0))
        self.port = self.listener.getsockname()[1]
        self.mutex = threading.Lock()
        self.partners, self.lost = {}, {}
        self.silent = False
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        threading.Thread(target=self.run, daemon=True).start()

    def url(self, database, more="", user="vecferry"):
        return f"postgresql://{user}@{self.host}:{self.port}/{database}?sslmode=disable{more}"

    def be_silent(self):
        """Everything stays open and nothing is forwarded, nor taken."""
        with self.mutex:
            self.silent = True
            for one in self.partners:
                self.selector.unregister(one)
            self.selector.unregister(self.listener)

    def lose(self):
        """The connections that are open stay so and carry nothing any more; new ones are served. Returns how many."""
        with self.mutex:
            count = len(self.partners) // 2
            for one in self.partners:
                self.selector.unregister(one)
            self.lost.update(self.partners)
            self.partners.clear()
        return count

    def reset(self):
        """All connections end by RST; new ones are served."""
        with self.mutex:
            for one in list(self.partners):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                if not self.silent:
                    self.selector.unregister(one)
                one.close()
            self.partners.clear()
            if self.silent:
                self.selector.register(self.listener, selectors.EVENT_READ)
            self.silent = False

    def run(self):
        while True:
            for key, _ in self.selector.select(timeout=0.02):
                with self.mutex:
                    if not self.silent:
                        self.serve(key.fileobj)

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

    def serve(self, ready):
        if ready is self.listener:
            client = self.listener.accept()[0]
            server = self.connect()
            if server is None:
                client.close()
                return
            self.partners.update({client: server, server: client})
            for one in (client, server):
                self.selector.register(one, selectors.EVENT_READ)
        elif ready in self.partners:
            try:
                received = ready.recv(1 << 16)
                if received:
                    self.partners[ready].sendall(received)
                    return
            except OSError:
                pass
            for one in (ready, self.partners.pop(ready)):
                self.partners.pop(one, None)
                self.selector.unregister(one)
                one.close()


def socket_path(folder):
    return os.path.join(folder, ".s.PGSQL.5432")
