"""jaxmrl: learning curves, scaling laws and data pruning for molecular models, many trainings in one program."""

from importlib.metadata import version

__version__ = version("jaxmrl")
