"""Observers of the training of replicas, which do not influence it."""

from collections.abc import Callable
from dataclasses import dataclass

from jaxmrl.training.lanes import Engine
from jaxmrl.training.outcome import Outcome


@dataclass(frozen=True)
class Observer:
    """What is called while replicas train; by default nothing.

    Attributes:
        watch: Called with an engine at each of its rests, from its thread.
        ended: Called with the outcome of a replica that has ended, from the thread of its engine.
    """

    watch: Callable[[Engine], None] = lambda engine: None
    ended: Callable[[Outcome], None] = lambda outcome: None


UNOBSERVED = Observer()
"""The observer that does nothing."""
