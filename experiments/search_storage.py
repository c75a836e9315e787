"""Where the trials of a search lie: a database that several workers write at once."""

import contextlib
import functools
import logging
import pathlib
import re
import shutil
import socket
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
PAUSES = 1, 5, 15  # seconds until what the database did not answer is asked again
# What a worker asks of the storage in the course of a trial.
ASKED = [
    "_create_new_trial",
    "get_trial",
    "_get_trials",
    "_get_stale_trial_ids",
    "get_study_directions",
    "get_study_user_attrs",
    "get_study_system_attrs",
    "set_trial_state_values",
    "set_trial_intermediate_value",
    "set_trial_user_attr",
    "set_trial_system_attr",
    "_set_trial_param",
]
LOG = logging.getLogger(__name__)
HOST = re.sub(r"[^\w.]", "_", socket.gethostname()) + "-"

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
    shown, secrets = without_password(url), secrets_of(parsed)
    arguments = {"pool_pre_ping": True}
    if parsed.get_backend_name() == "sqlite":
        arguments["connect_args"] = {"timeout": PATIENCE}
    elif parsed.get_backend_name() == "postgresql":
        arguments["connect_args"] = {"connect_timeout": 10}
    for left in reversed(range(OPENINGS)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                storage = storage_class()(
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
            text = without(reason(error), secrets)
            raise ValueError(f"--storage {shown}: {text}. {URL}") from None
        except (KeyError, IndexError, RuntimeError) as error:
            text = without(reason(error), secrets)
            raise ValueError(f"--storage {shown}: {text}. {URL}") from None
    if parsed.get_backend_name() == "sqlite":
        one_at_a_time(storage.engine)
    return storage


def file_url(folder):
    """URL of the database in a search's own folder, whatever that is called."""
    import sqlalchemy

    path = str(folder.resolve() / "search.db")
    url = sqlalchemy.URL.create("sqlite", database=path)
    return url.render_as_string(hide_password=False)


@functools.cache
def storage_class():
    """Optuna's storage, for databases that are away for a moment.

    A connection that was dropped must neither end the heartbeats, or others would take
    a living trial for dead, nor a training of hours. All that is asked may be asked
    twice: what was done at the first time already counts as done by another worker.
    """
    import optuna

    class Patient(optuna.storages.RDBStorage):
        def record_heartbeat(self, trial_id):
            try:
                super().record_heartbeat(trial_id)
            except optuna.exceptions.StorageInternalError as error:
                LOG.warning("The storage heard no heartbeat: %s.", reason(error))

    for name in ASKED:
        setattr(Patient, name, patient(getattr(optuna.storages.RDBStorage, name)))
    return Patient


def patient(ask):
    """A method of a storage that tries again after a while."""
    import optuna

    @functools.wraps(ask)
    def asked(*arguments, **named):
        for pause in PAUSES:
            try:
                return ask(*arguments, **named)
            except optuna.exceptions.StorageInternalError as error:
                told = "The storage failed: %s. Asking again in %d s."
                LOG.warning(told, reason(error), pause)
                time.sleep(pause)
        return ask(*arguments, **named)

    return asked


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


def without_password(text):
    """A URL, or what may be one, without passwords, wherever they stand in it."""

    def dropped(found):
        begin, key, value = found.groups()
        secret = "pass" in urllib.parse.unquote(key).lower()
        return f"{begin}{key}={'***' if secret else value}"

    # In the query first: a password may hold what ends one, as @.
    head, mark, query = text.partition("?") if "://" in text else (text, "", "")
    query = re.sub(r"(^|[&;])([^=&;]*)=([^&;]*)", dropped, query)
    return re.sub(r"(://[^:/@]*):.*@", r"\1:***@", head + mark + query)


def secrets_of(parsed):
    """The passwords in a URL of SQLAlchemy, in its query as well."""
    found = [parsed.password]
    for key, value in parsed.query.items():
        if "pass" in key.lower():
            found += [value] if isinstance(value, str) else value
    return [str(secret) for secret in found if secret]


def without(text, secrets):
    """A text without passwords, however they are written."""
    for secret in secrets:
        for written in (secret, urllib.parse.quote_plus(secret)):
            text = text.replace(written, "***")
    return text


class Workers:
    """The workers that write into one folder, and which of them died.

    Each has a folder of its own, with a lock that ends with the process. Heartbeats
    tell the same of workers on other machines, half a minute later: a lock need not be
    seen there, even where the folder is.

    Args:
        folder: the search's.
    """

    def __init__(self, folder):
        self.folder = pathlib.Path(folder) / "workers"
        self.name = f"{HOST}{uuid.uuid4().hex[:12]}"
        self.own = run_folder.RunFolder(self.folder / self.name, resumed=False)
        for path in self.folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # it left just now
                # What a dead one left; its trials' heartbeats have long ended.
                old = time.time() - path.stat().st_mtime > 10 * GRACE
                if old and self.dead(path.name):
                    self.remove(path.name)

    def dead(self, name):
        """Whether a worker of this folder is known to have ended."""
        if name is None or name == self.name or not self.own.lock:
            return False
        if not name.startswith(HOST):
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
