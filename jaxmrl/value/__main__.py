"""`python -m jaxmrl.value`."""

from jaxmrl.cli.commands import value_command

if __name__ == "__main__":
    value_command()
