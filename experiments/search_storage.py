"""Where the trials of a search lie: a database that several workers write at once."""

import pathlib
import shutil
import time
import urllib.parse
import uuid
import warnings

from experiments import run_folder

# A worker says every so many seconds that it is alive; silent for so many, its trial is
# given to another one.
HEARTBEAT, GRACE = 5, 30
PATIENCE = 60  # seconds that SQLite waits for another process
OPENINGS = 5  # two processes that make the same tables get into each other's way

URL = (
    "Expected a URL, as sqlite:///PATH or postgresql+psycopg://USER@HOST/DATABASE (the "
    "password in it, or better in ~/.pgpass or PGPASSWORD)."
)


def open_storage(url):
    """Opens the storage of a search.

    Args:
        url: SQLAlchemy's URL of a database, which has to exist but for SQLite.

    Returns:
        An `optuna.storages.RDBStorage` with heartbeats.

    Raises:
        ValueError: it is no URL, its driver is not installed, or there is no such
            database; the message has no password.
    """
    import optuna
    import sqlalchemy
    from sqlalchemy import exc

    try:
        parsed = sqlalchemy.make_url(url)
    except exc.ArgumentError:
        raise ValueError(f"--storage: this is no URL of a database. {URL}") from None
    shown = parsed.render_as_string(hide_password=True)
    arguments = {"pool_pre_ping": True}
    if parsed.get_backend_name() == "sqlite":
        arguments["connect_args"] = {"timeout": PATIENCE}
    elif parsed.get_backend_name() == "postgresql":
        arguments["connect_args"] = {"connect_timeout": 10}
    for left in reversed(range(OPENINGS)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                storage = optuna.storages.RDBStorage(
                    url,
                    engine_kwargs=arguments,
                    heartbeat_interval=HEARTBEAT,
                    grace_period=GRACE,
                )
            break
        except (exc.NoSuchModuleError, ImportError) as error:
            raise ValueError(
                f"--storage {shown}: its driver is not installed ({reason(error)}). "
                "For PostgreSQL: pip install 'psycopg[binary]' and a URL that begins "
                "with postgresql+psycopg://"
            ) from None
        except (exc.SQLAlchemyError, optuna.exceptions.OptunaError, OSError) as error:
            unreachable = isinstance(error, exc.OperationalError)
            if left and not (unreachable and "exists" not in str(error)):
                time.sleep(0.5)
                continue
            text = without(reason(error), parsed.password)
            raise ValueError(f"--storage {shown}: {text}. {URL}") from None
        except (KeyError, IndexError, RuntimeError) as error:
            text = without(reason(error), parsed.password)
            raise ValueError(f"--storage {shown}: {text}. {URL}") from None
    if parsed.get_backend_name() == "sqlite":
        one_at_a_time(storage.engine)
    return storage


def one_at_a_time(engine):
    """Makes SQLite lock the database when a transaction begins.

    By default it does so at the first write: two workers that have both read that a
    trial waits would then both take it.
    """
    import sqlalchemy

    @sqlalchemy.event.listens_for(engine, "connect")
    def connect(connection, record):
        connection.isolation_level = None  # or the driver begins, in its own way

    @sqlalchemy.event.listens_for(engine, "begin")
    def begin(connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    engine.dispose()


def reason(error):
    """What the database said, without the statement that it said it to."""
    inner = getattr(error, "orig", None) or error.__cause__ or error
    inner = getattr(inner, "orig", None) or inner
    return " ".join(str(inner).split()).rstrip(".") or type(inner).__name__


def without(text, password):
    """A text without a password, however it is written."""
    for secret in filter(None, [password, urllib.parse.quote_plus(password or "")]):
        text = text.replace(secret, "***")
    return text


class Workers:
    """The workers that write into one folder, and which of them died.

    Each has a folder of its own, with a lock that ends with the process. Heartbeats
    tell the same of workers on other machines, half a minute later.

    Args:
        folder: the search's.
    """

    def __init__(self, folder):
        self.folder = pathlib.Path(folder) / "workers"
        self.name = uuid.uuid4().hex[:12]
        self.own = run_folder.RunFolder(self.folder / self.name, resumed=False)
        for path in self.folder.iterdir():
            # What a dead one left; its trials' heartbeats have long ended.
            old = time.time() - path.stat().st_mtime > 10 * GRACE
            if old and self.dead(path.name):
                self.remove(path.name)

    def dead(self, name):
        """Whether a worker of this folder is known to have ended."""
        if name is None or name == self.name or not self.own.lock:
            return False
        path = self.folder / name
        return (path / "work" / "lock").exists() and not run_folder.running(path)

    def remove(self, name):
        """Removes what a dead worker left."""
        shutil.rmtree(self.folder / name, ignore_errors=True)

    def leave(self):
        """Removes the own folder."""
        if self.own.lock:
            self.own.lock.close()
        self.remove(self.name)
        try:
            self.folder.rmdir()
        except OSError:
            pass  # others are at work
