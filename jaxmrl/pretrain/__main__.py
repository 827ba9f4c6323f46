"""`python -m jaxmrl.pretrain`."""

from jaxmrl.cli.commands import pretrain_command

if __name__ == "__main__":
    pretrain_command()
