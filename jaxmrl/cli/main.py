"""The `jaxmrl` command: one program with a subcommand for each thing that jaxmrl does."""

import sys

import jaxmrl
from jaxmrl.startup import USAGE, prepare

COMMANDS = {
    "sweep": "train learning curves and fit their scaling laws",
    "score": "score every training molecule for pruning",
    "value": "value every training molecule by models on random subsets, and find wrong labels",
    "pretrain": "pre-train an encoder on molecules without labels",
    "predict": "predict molecules with the models of a sweep",
    "select": "select the molecules to label next, or simulate how many labels that saves",
    "fit": "fit scaling laws to the learning curves in a table",
    "plan": "plan how many more molecules to buy for a target",
    "compare": "compare runs of sweeps with paired tests",
    "serve": "follow sweeps on a local web page while they train",
}
"""The subcommands, and what each does."""


def main() -> None:
    """Run `jaxmrl COMMAND ...` with the arguments of this process, and end it with the command's exit code."""
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in ("-h", "--help"):
        print(help_text())
    elif name == "--version":
        print(f"jaxmrl {jaxmrl.__version__}")
    elif name in COMMANDS:
        sys.argv = [f"jaxmrl {name}", *arguments]
        prepare()
        from jaxmrl.cli import commands  # after the environment is checked, because this imports JAX

        getattr(commands, f"{name}_command")()
    else:
        print(f"error: unknown command {name!r}; choose from {', '.join(COMMANDS)}", file=sys.stderr)
        raise SystemExit(USAGE)


def help_text() -> str:
    """Return what `jaxmrl --help` prints."""
    lines = [f"  {name:<10}{about}" for name, about in COMMANDS.items()]
    return "\n".join(
        [
            "usage: jaxmrl COMMAND [OPTIONS]",
            "",
            "Learning curves, scaling laws and data pruning for molecular models.",
            "",
            "commands:",
            *lines,
            "",
            "`jaxmrl COMMAND --help` lists the options of a command. `python -m jaxmrl.COMMAND` runs it, too.",
        ]
    )
