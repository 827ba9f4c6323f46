"""Errors that a user can cause and fix."""


class UserError(Exception):
    """A problem in the input or settings. Its message says what was received, what was expected, and what to do.

    Attributes:
        rejected: The rows of a table that had been rejected before the error, as `jaxmrl.io.records.Rejected`.
    """

    rejected: tuple = ()


class ConfigError(UserError, ValueError):
    """A setting that cannot be used."""


class DivergedError(UserError):
    """An error raised when every model of a task diverged: its loss or weights are no longer finite."""


class DataError(UserError, ValueError):
    """Data that cannot be used."""


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise ConfigError unless `value`, a setting called `name` in the message, is one of `choices`."""
    if value not in choices:
        raise ConfigError(f"unknown {name} {value!r}; choose from {', '.join(choices)}")
