"""`python -m jaxmrl.select`."""

from jaxmrl.cli.commands import select_command

if __name__ == "__main__":
    select_command()
