"""Replicas trained by the machines of a Ray cluster: one engine on each, and one queue that all take from.

Results do not depend on who trains what: every engine plans by the whole queue, with as many lanes on each device. What
a machine that dies had not finished is begun again by the others. Needs the `cluster` extra.
"""

import contextlib
import gc
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import jax

from jaxmrl.config import SweepConfig
from jaxmrl.data.task_data import TaskData
from jaxmrl.errors import ConfigError, UserError
from jaxmrl.rows import ReplicaIdentity
from jaxmrl.runs.artifacts import ReplicaArtifacts, collect_artifacts
from jaxmrl.runs.directory import code_metadata
from jaxmrl.text import count
from jaxmrl.training.capacity import choose_lanes, device_name, fewer_lanes, use_cores
from jaxmrl.training.compiled import keep_compiled
from jaxmrl.training.devices import train_on_devices
from jaxmrl.training.engines import engines_for
from jaxmrl.training.interrupts import Stop
from jaxmrl.training.lanes import Engine, Replica, longest_first
from jaxmrl.training.model_spec import ModelSpec
from jaxmrl.training.numerics import own_numerics
from jaxmrl.training.outcome import Outcome

LOCAL = "local"
"""Replaces an address: a Ray of this machine alone, which starts and ends with the command."""

_LOOK_SECONDS, _BEGIN_SECONDS = 0.2, 300


@dataclass(frozen=True)
class WorkSpec:
    """What every machine needs to know about a program.

    rows   of each replica that has not ended, by its name, the identity of one of its rows in results.csv
    lanes  on each device
    """

    config: SweepConfig
    problem: TaskData
    spec: ModelSpec
    replicas: list[Replica]
    rows: dict[str, ReplicaIdentity]
    lanes: int


@dataclass
class WorkQueue:
    """Which replicas wait, who has taken which, and what has been done; one for all machines.

    waiting: places in the list of replicas, in their order; gone: machines that get no more.
    """

    waiting: list[int]
    gone: set[str] = field(default_factory=set)
    taken: dict[int, str] = field(default_factory=dict)
    left: list[ReplicaArtifacts] = field(default_factory=list)
    steps: int = 0

    def take(self, machine: str) -> int | None:
        """Return the next replica; None if none waits, or the machine is considered dead."""
        if not self.waiting or machine in self.gone:
            return None
        place = self.waiting.pop(0)
        self.taken[place] = machine
        return place

    def put(self, machine: str, place: int, left: ReplicaArtifacts) -> None:
        """Store the artifacts of a replica, unless it has been given back meanwhile."""
        if self.taken.get(place) == machine:
            del self.taken[place]
            self.left.append(left)

    def advance(self, steps: int) -> None:
        """Count steps that have been made."""
        self.steps += steps

    def give_back(self, machine: str) -> int:
        """Put the replicas of a failed machine, which gets no more, back into the queue; return their number."""
        self.gone.add(machine)
        lost = [place for place, holder in self.taken.items() if holder == machine]
        self.taken = {place: holder for place, holder in self.taken.items() if holder != machine}
        self.waiting = lost + self.waiting
        return len(lost)

    def close(self) -> None:
        """Hand out nothing more."""
        self.waiting = []

    def collect(self) -> tuple[list[ReplicaArtifacts], int, bool]:
        """Return the artifacts and the number of steps since the last call, and whether any replica waits."""
        found = self.left, self.steps, bool(self.waiting)
        self.left, self.steps = [], 0
        return found


class Worker:
    """One machine of the cluster, as a process on it: its engine, fed by the board."""

    def __init__(self, cores: int):
        keep_compiled()
        use_cores(cores)

    def about(self) -> dict[str, str]:
        """Return what must be the same on all machines."""
        return {"device": device_name()} | _code()

    @own_numerics()
    def choose_lanes(self, *queue: Any) -> int:
        """Return `capacity.choose_lanes` of this machine."""
        return choose_lanes(*queue)

    @own_numerics()
    def train(self, name: str, work: WorkSpec, board: Any) -> int | None:
        """Train what the board hands out until it has no more.

        Returns how many lanes to go on with where these take more memory than a device has.
        """
        import ray

        places = {replica.name: place for place, replica in enumerate(work.replicas)}

        def on_result(engine: Engine, outcome: Outcome) -> None:
            left = collect_artifacts(engine, work.config, outcome, work.rows[outcome.name])
            ray.get(board.put.remote(name, places[outcome.name], left))

        queue = iter(lambda: ray.get(board.take.remote(name)), None)
        try:
            gc.collect()  # engines of more lanes, where there was no memory for them
            engines = engines_for(work.config, work.problem, work.spec, work.replicas, work.lanes)
            train_on_devices(engines, queue, on_result, lambda steps, timed: board.advance.remote(steps))
        except jax.errors.JaxRuntimeError as error:
            return fewer_lanes(work.lanes, error)
        return None


def _code() -> dict[str, str]:
    """Return what decides numbers on this machine, apart from its device."""
    metadata = code_metadata()
    return metadata["software"] | metadata["jax"] | {"sources of jaxmrl": metadata["sources"]}


class Cluster:
    """The machines that are alive, by name. All have the same device, and software and sources as the command has.

    Raises ConfigError where they differ.
    """

    def __init__(self, machines: dict[str, Any]):
        import ray

        self.machines = machines
        asked = [machine.about.remote() for machine in machines.values()]
        try:
            about = dict(zip(machines, ray.get(asked, timeout=_BEGIN_SECONDS), strict=True))
        except ray.exceptions.GetTimeoutError:
            raise ConfigError(
                f"machines of the cluster are busy: none was free for {_BEGIN_SECONDS} s; run the command again later"
            ) from None
        except ray.exceptions.RayError as error:
            raise ConfigError(
                f"a machine of the cluster cannot start; check that jaxmrl is installed on all ({_first_line(error)})"
            ) from None
        (first, known), *others = about.items()
        for name, other in others:
            if other != known:
                unlike = ", ".join(f"{key} {known[key]} and {other[key]}" for key in known if known[key] != other[key])
                raise ConfigError(
                    f"the machines {first} and {name} of the cluster differ: {unlike}; all machines need the same"
                )
        if differing := [f"{key} {known[key]} and {value}" for key, value in _code().items() if known[key] != value]:
            raise ConfigError(
                f"the machine {first} of the cluster and this command differ: {', '.join(differing)}; all "
                "machines need the same"
            )
        self.device = known["device"]

    def choose_lanes(self, *queue: Any) -> int:
        """Return the smallest number that `capacity.choose_lanes` returns on any of the machines."""
        import ray

        told = [ray.put(one) for one in queue]
        return min(ray.get([machine.choose_lanes.remote(*told) for machine in self.machines.values()]))

    def train(
        self,
        work: WorkSpec,
        on_left: Callable[[ReplicaArtifacts], None],
        on_progress: Callable[[int], None],
        stop: Stop,
        say: Callable[[str], None],
    ) -> int | None:
        """Train the replicas that `work.rows` names, longest first.

        Returns how many lanes to go on with where these take more memory than a device has. Raises StopRequestedError
        when stopped, and UserError where no machine is left.
        """
        import ray

        missing = [place for place, replica in enumerate(work.replicas) if replica.name in work.rows]
        # The board is where the command is: it dies with no other machine.
        here = ray.get_runtime_context().get_node_id()
        board = _actor(WorkQueue, here).remote(longest_first(work.replicas, missing))
        told, remaining, fewer = ray.put(work), len(missing), None
        busy: dict[Any, str] = {}
        while remaining:
            left, steps, waiting = ray.get(board.collect.remote())
            remaining -= len(left)
            for one in left:
                on_left(one)
            if steps:  # while none are made, programs are compiled, which tells nothing of the time left
                on_progress(steps)
            stop.check()
            for name in self.machines.keys() - busy.values() if waiting else ():
                busy[self.machines[name].train.remote(name, told, board)] = name
            if not busy:
                break
            for future in ray.wait(list(busy), timeout=_LOOK_SECONDS)[0]:
                name = busy.pop(future)
                fewer = self._ended(name, future, board, say) or fewer
            if fewer:
                ray.get(board.close.remote())
        return fewer

    def _ended(self, name: str, future: Any, board: Any, say: Callable[[str], None]) -> int | None:
        """Return the result of a machine's `train`. One that has died is left out, and others do what it had taken."""
        import ray

        try:
            return ray.get(future)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, ray.exceptions.RayError):
                raise UserError(
                    f"the Ray cluster has failed ({_first_line(error.cause)}); run the command again"
                ) from None
            raise error.cause from None
        except ray.exceptions.RayError:
            ray.kill(self.machines.pop(name))  # it must not go on, should it only be out of reach
            lost = ray.get(board.give_back.remote(name))
            say(
                f"{name} of the cluster has died: {count(lost, 'replica')} to train again, "
                f"{count(len(self.machines), 'machine')} left"
            )
            if not self.machines:
                raise UserError("no machine of the cluster is left; fix this and run the command again") from None
        return None


@contextlib.contextmanager
def connect(address: str | None) -> Iterator[Cluster | None]:
    """Yield the machines of the cluster at `address`, or of LOCAL; None without one.

    Raise ConfigError if that fails.
    """
    if address is None:
        yield None
        return
    try:
        import ray
    except ImportError:
        raise ConfigError("--cluster needs Ray: pip install 'jaxmrl[cluster]'") from None
    _check_reached(address)
    own = {"include_dashboard": False} if address == LOCAL else {}
    # The command may hold a device that one of the machines has too.
    shared = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    os.environ.update(shared)
    try:
        ray.init(address, runtime_env={"env_vars": shared}, log_to_driver=False, logging_level="warning", **own)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ConfigError(f"--cluster {address}: cannot join that cluster ({_first_line(error)})") from None
    try:
        yield Cluster({_name(node): _begin(node) for node in ray.nodes() if node["Alive"]})
    finally:
        ray.shutdown()


def _check_reached(address: str) -> None:
    """Raise ConfigError if nothing answers; Ray itself tries for minutes."""
    if address == LOCAL:
        return
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"--cluster {address}: no Ray cluster answers there ({error}); give local, or the HOST:PORT that "
            "`ray start --head` printed"
        ) from None


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _name(node: dict[str, Any]) -> str:
    return f"{node['NodeManagerHostname']} {node['NodeID'][:6]}"


def _begin(node: dict[str, Any]) -> Any:
    """Start a `Worker` on this node of Ray's, with all its accelerators and as many cores as Ray knows of."""
    cores, gpus = (node["Resources"].get(kind, 0) for kind in ("CPU", "GPU"))
    return _actor(Worker, node["NodeID"], num_gpus=gpus).remote(max(1, int(cores)))


def _actor(kind: type, node: str, **resources: float) -> Any:
    """Return an actor of this kind, to be started on the node of this id and nowhere else."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    there = NodeAffinitySchedulingStrategy(node, soft=False)
    return ray.remote(num_cpus=0, **resources)(kind).options(scheduling_strategy=there)
