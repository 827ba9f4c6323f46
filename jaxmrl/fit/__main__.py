"""`python -m jaxmrl.fit`."""

from jaxmrl.cli.commands import fit_command

if __name__ == "__main__":
    fit_command()
