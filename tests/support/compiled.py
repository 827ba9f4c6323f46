"""A model's and a replica's functions, compiled whole: otherwise each operation is, for each size of its operands."""

import re

import jax

from jaxmrl.training import replica
from jaxmrl.training.model_spec import ModelSpec

init = jax.jit(ModelSpec.init, static_argnums=0)
train = jax.jit(ModelSpec.train, static_argnums=0)
predict = jax.jit(ModelSpec.predict, static_argnums=0)
embed = jax.jit(ModelSpec.embed, static_argnums=0)
init_replica = jax.jit(replica.init_replica, static_argnums=0)
train_step = jax.jit(replica.train_step, static_argnums=0)
predict_molecules = jax.jit(replica.predict, static_argnums=0)


@jax.jit
def gather(store, ids):
    return store.gather(ids)


def lowered(function, *arguments):
    """The program as JAX lowers it for an accelerator."""
    return jax.jit(function).trace(*arguments).lower(lowering_platforms=("tpu",)).as_text()


def scattered(text):
    """Kinds of number of every scatter in a lowered program."""
    return re.findall(r'"stablehlo\.scatter".*?\}\) : \(tensor<[^>]*x(\w+)>', text, re.DOTALL)
