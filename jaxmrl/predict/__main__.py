"""`python -m jaxmrl.predict`."""

from jaxmrl.cli.commands import predict_command

if __name__ == "__main__":
    predict_command()
