"""The benchmark's own Postgres: its own data directory, reachable only through a socket in it."""
import os
import pwd
import shutil
import subprocess

from measure import BenchError, tail

BIN = "/usr/lib/postgresql/15/bin"
DATABASE = "bench"
# Durable (fsync stays on), and without a checkpoint in the middle of a load: those run between the loads.
SETTINGS = {
    "listen_addresses": "", "unix_socket_permissions": "0700", "max_connections": "30",
    "shared_buffers": "1GB", "maintenance_work_mem": "1GB", "work_mem": "64MB",
    "fsync": "on", "synchronous_commit": "on", "wal_buffers": "64MB", "max_wal_size": "16GB",
    "min_wal_size": "4GB",          # written segments are used again, so that no run pays for new files
    "checkpoint_timeout": "1h", "autovacuum": "off", "jit": "off", "timezone": "UTC", "lc_messages": "C",
}


class Server:
    """One Postgres for everything that is compared. Use as a context manager: it is stopped at the end."""

    def __init__(self, folder):
        self.folder, self.data, self.log = folder, os.path.join(folder, "data"), os.path.join(folder, "log")
        self.socket = os.path.join(folder, "socket")
        # Postgres refuses to run as root; root gives it to the account of the package.
        self.account = self._unprivileged() if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        if len(self.socket) > 85:
            raise BenchError(f"the socket path {self.socket} is too long for Postgres: set TMPDIR to a shorter folder")
        if not os.path.exists(os.path.join(BIN, "postgres")):
            raise BenchError("PostgreSQL 15 is not installed: run tools/setup")
        if not os.path.exists("/usr/share/postgresql/15/extension/vector.control"):
            raise BenchError("pgvector is not installed for PostgreSQL 15: run tools/setup")

    @staticmethod
    def _unprivileged():
        for name in ("postgres", "nobody"):
            try:
                return pwd.getpwnam(name)
            except KeyError:
                continue
        raise BenchError("no unprivileged account (postgres, nobody) to run Postgres as")

    @property
    def conninfo(self):
        return f"host={self.socket} dbname={DATABASE} user={self.account.pw_name}"

    @property
    def url(self):
        return f"postgresql://{self.account.pw_name}@/{DATABASE}?host={self.socket}"

    def _as_account(self, *command):
        options = {}
        if os.geteuid() == 0:
            options = {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, cwd="/", **options)
        if done.returncode != 0:
            log = tail(self.log) if os.path.exists(self.log) else ""
            raise BenchError(f"{os.path.basename(command[0])} failed:\n{done.stdout}{log}")

    def __enter__(self):
        if not os.path.exists(os.path.join(self.data, "vecferry_bench_ready")):
            self._initialise()
        with open(os.path.join(self.data, "postgresql.auto.conf"), "w", encoding="ascii") as conf:
            conf.writelines(f"{name} = '{value}'\n" for name, value in SETTINGS.items())
            conf.write(f"unix_socket_directories = '{self.socket}'\n")
        if os.path.exists(os.path.join(self.data, "postmaster.pid")):
            self._stop()  # left by a run that was killed
        self._as_account(f"{BIN}/pg_ctl", "-D", self.data, "-l", self.log, "-w", "-t", "120", "start")
        if self.query("SELECT 1 FROM pg_database WHERE datname = 'bench'", database="postgres") == "":
            self.query("CREATE DATABASE bench", database="postgres")
        self.query("SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS vector")
        return self

    def _initialise(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.socket)
        for path in (self.folder, self.socket):
            os.chown(path, self.account.pw_uid, self.account.pw_gid)
            os.chmod(path, 0o700)
        self._as_account(f"{BIN}/initdb", "-D", self.data, "-A", "trust", "--encoding=UTF8", "--locale=C.UTF-8", "-N",
                         "-U", self.account.pw_name)
        with open(os.path.join(self.data, "vecferry_bench_ready"), "w", encoding="ascii"):
            pass

    def _stop(self):
        try:
            self._as_account(f"{BIN}/pg_ctl", "-D", self.data, "-w", "-m", "fast", "stop")
        except BenchError:
            pass  # not running: a stale postmaster.pid, which the start takes away

    def __exit__(self, *_):
        self._stop()

    def psql(self, database=DATABASE):
        """The command line of psql, to be continued with -c or a file."""
        return ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
                "-d", f"host={self.socket} dbname={database} user={self.account.pw_name}"]

    def query(self, sql, database=DATABASE):
        """Runs SQL; returns the rows as psql prints them unaligned."""
        done = subprocess.run(self.psql(database) + ["-c", sql], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, env=environment())
        if done.returncode != 0:
            raise BenchError(f"psql: {done.stderr.strip()}\n  in: {sql}")
        return done.stdout.strip()

    def fresh_schema(self, name, table_columns=None):
        """Empties the server of earlier runs, makes `name` (with the bare table), checkpoints. Never timed."""
        schemas = self.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'run\\_%' OR nspname = 'vecferry'")
        for schema in schemas.split():
            self.query(f'DROP SCHEMA "{schema}" CASCADE')
        if table_columns is not None:
            fields = ", ".join(f"{column} {kind}" for column, kind in table_columns)
            self.query(f"CREATE SCHEMA {name}; CREATE TABLE {name}.memories ({fields})")
        self.query("CHECKPOINT")


def environment():
    """The caller's environment without what would lead libpq elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PG", "VECFERRY_"))}
