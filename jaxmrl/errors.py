"""Errors that a user can cause and fix."""


class UserError(Exception):
    """A problem in the input or settings. Its message says what was received, what was expected, what to do.

    rejected: the rows of a table, as `Rejected`, that had been rejected before that.
    """

    rejected: tuple = ()


class ConfigError(UserError, ValueError):
    """A setting that cannot be used."""


class DivergedError(UserError):
    """Every model of a task lost itself in infinite numbers."""


class DataError(UserError, ValueError):
    """Data that cannot be used."""


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise ConfigError where the `value` of what is called `name` is none of `choices`."""
    if value not in choices:
        raise ConfigError(f"unknown {name} {value!r}; choose from {', '.join(choices)}")
