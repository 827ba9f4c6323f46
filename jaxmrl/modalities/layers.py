"""Building blocks that stay exact under padding and, on accelerators, free of scatter, forwards and backwards.

On every accelerator a floating-point scatter is the slow path, and on GPU not even deterministic. Each operation
here that would have one carries its own gradient, made of gathers and matrix products. On a CPU a scatter is a loop
in a fixed order, and faster than a product.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from jaxmrl.modalities.initial import uniform


def matmul(precision: str) -> Callable[..., jax.Array]:
    """Return the `dot_general` for a name in `config.PRECISIONS`; results are float32 in each.

    float32 is full precision everywhere; tf32 is the accelerator's fast float32 product (on CPU the same as
    float32); bfloat16 rounds the operands and sums in float32.
    """
    multiply = {"float32": _multiply_exactly, "tf32": jax.lax.dot_general, "bfloat16": _round_and_multiply}[precision]

    def dot_general(
        lhs: jax.Array,
        rhs: jax.Array,
        dimension_numbers: Any,
        precision: Any = None,
        preferred_element_type: Any = None,
        **_: Any,
    ) -> jax.Array:
        assert dimension_numbers == _over(1, 0), "products of matrices only"
        return _product(multiply, lhs, rhs)

    return dot_general


def multiply(lhs: jax.Array, rhs: jax.Array, precision: str) -> jax.Array:
    """Return `lhs @ rhs` at `precision`, for weights outside a linear layer."""
    return matmul(precision)(lhs, rhs, _over(1, 0))


def exact_product(lhs: jax.Array, rhs: jax.Array) -> jax.Array:
    """Return `lhs @ rhs` in full float32, for products that stand in for sums and look-ups."""
    return _product(_multiply_exactly, lhs, rhs)


_multiply_exactly = partial(jax.lax.dot_general, precision=jax.lax.Precision.HIGHEST)


def _round_and_multiply(lhs: jax.Array, rhs: jax.Array, dimension_numbers: Any) -> jax.Array:
    return jax.lax.dot_general(*_rounded(lhs, rhs), dimension_numbers, preferred_element_type=jnp.float32)


def _rounded(lhs: jax.Array, rhs: jax.Array) -> tuple[jax.Array, jax.Array]:
    return lhs.astype(jnp.bfloat16), rhs.astype(jnp.bfloat16)


def keep(h: jax.Array, precision: str) -> jax.Array:
    """Return the activations h as a step keeps them for the gradient: in bfloat16 under that precision.

    For those that, after a ReLU, are the operand of a product, which would round them to the same numbers.
    """
    return h.astype(jnp.bfloat16) if precision == "bfloat16" else h


def _over(lhs: int, rhs: int) -> tuple:
    """Return the `dimension_numbers` of a product of matrices that sums over these axes."""
    return ((lhs,), (rhs,)), ((), ())


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _product(multiply: Callable[..., jax.Array], lhs: jax.Array, rhs: jax.Array) -> jax.Array:
    """Return lhs [n, i] @ rhs [i, o] by `multiply`, which also computes its gradients.

    JAX's own gradients would round the float32 sums of bfloat16 products. And JAX computes the gradient by `rhs` as
    (gradient^T lhs)^T for every shape; choosing the order by the shape saves 20 to 80% of the time on a CPU.
    """
    return multiply(lhs, rhs, _over(1, 0))


def _product_backward(
    multiply: Callable[..., jax.Array], saved: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    lhs, rhs = saved
    if lhs.shape[1] <= gradient.shape[1]:
        by_rhs = multiply(lhs, gradient, _over(0, 0))
    else:
        by_rhs = multiply(gradient, lhs, _over(0, 0)).T
    return multiply(gradient, rhs, _over(1, 1)), by_rhs


def _product_forward(multiply: Callable[..., jax.Array], lhs: jax.Array, rhs: jax.Array) -> tuple:
    saved = _rounded(lhs, rhs) if multiply is _round_and_multiply else (lhs, rhs)
    return _product(multiply, lhs, rhs), saved


_product.defvjp(_product_forward, _product_backward)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def sum_groups(rows: jax.Array, group: jax.Array, groups: int) -> jax.Array:
    """Sum of the `rows` [n, d] of each group, [groups, d]; `group` [n] is each row's."""
    return jax.lax.platform_dependent(
        rows,
        group,
        cpu=lambda rows, group: jnp.zeros((groups, rows.shape[1]), rows.dtype).at[group].add(rows),
        default=lambda rows, group: exact_product(jax.nn.one_hot(group, groups, dtype=rows.dtype, axis=0), rows),
    )


sum_groups.defvjp(
    lambda rows, group, groups: (sum_groups(rows, group, groups), group),
    lambda groups, group, gradient: (gradient[group], None),
)


@jax.custom_vjp
def look_up(table: jax.Array, index: jax.Array) -> jax.Array:
    """Return the rows of `table` [K, d] at `index` [n]."""
    return table[index]


look_up.defvjp(
    lambda table, index: (table[index], (index, table.shape[0])),
    lambda saved, gradient: (sum_groups(gradient, *saved), None),
)


def sum_nodes(h: jax.Array, graph: jax.Array, mask: jax.Array, graphs: int) -> jax.Array:
    """Sum of each graph's real rows, [graphs, d]; 0 where a graph has none. h [n, d], graph [n], mask [n]."""
    return sum_groups(jnp.where(mask[:, None], h, 0.0), graph, graphs)


def mean_nodes(h: jax.Array, graph: jax.Array, mask: jax.Array, graphs: int) -> jax.Array:
    """Return the mean of each graph's real rows, [graphs, d], as `sum_nodes`."""
    count = sum_nodes(jnp.ones((len(h), 1), h.dtype), graph, mask, graphs)
    return sum_nodes(h, graph, mask, graphs) / jnp.maximum(count, 1)


@jax.custom_vjp
def sum_neighbors(h: jax.Array, neighbors: jax.Array, overflow: jax.Array) -> jax.Array:
    """Sum over each node's bonded neighbors, [n, d].

    h [n, d]; neighbors [n, K], rows of (h, overflow sums, 0); overflow [v, D], rows of (h, 0). The sum over both
    is a symmetric linear map of `h`, because a bond is listed at both of its ends: its gradient is itself.
    """
    return _sum_neighbors(h, neighbors, overflow)


def _sum_neighbors(h: jax.Array, neighbors: jax.Array, overflow: jax.Array) -> Any:
    nothing = jnp.zeros((1, h.shape[1]), h.dtype)
    rows = jnp.concatenate([h, sum_few_rows(h, overflow), nothing])
    return sum(rows[column] for column in neighbors.T)


def sum_rows(h: jax.Array, index: jax.Array) -> jax.Array:
    """Return the sum of the rows of h [n, d] that each row of `index` [r, K] lists, [r, d]; an index beyond them adds
    0.
    """
    first, *others = (h.at[column].get(mode="fill", fill_value=0) for column in index.T)
    return sum(others, start=first)


def sum_few_rows(h: jax.Array, index: jax.Array) -> jax.Array:
    """Return `sum_rows` where r is small: on a TPU by one gather, which takes less than K of them. Elsewhere, K gathers
    are fused with what needs their sum.
    """
    return jax.lax.platform_dependent(h, index, tpu=sum_rows_at_once, default=sum_rows)


def sum_rows_at_once(h: jax.Array, index: jax.Array) -> jax.Array:
    """Return `sum_rows` by one gather of all rows, [r, K, d]."""
    return h.at[index].get(mode="fill", fill_value=0).sum(axis=1)


def _sum_neighbors_backward(saved: tuple[jax.Array, jax.Array], gradient: jax.Array) -> tuple[jax.Array, None, None]:
    return _sum_neighbors(gradient, *saved), None, None


sum_neighbors.defvjp(lambda h, *index: (_sum_neighbors(h, *index), index), _sum_neighbors_backward)


def has_dropout(rate: float | jax.Array) -> bool:
    """Return whether a model with this dropout rate draws masks; it does where the rate is traced."""
    return not isinstance(rate, float | int) or rate > 0


def dropout(h: jax.Array, rate: float | jax.Array, key: jax.Array) -> jax.Array:
    """Zero elements of `h` with probability `rate` and scale the rest by 1 / (1 - rate).

    For h [n, d], the usual rate of one half costs one random bit per element; any other rate costs a byte, and is
    rounded to a multiple of 1 / 256.
    """
    if isinstance(rate, jax.Array):
        bytes_dropped = jnp.clip(jnp.round(rate * 256), 0, 255)
        keep, rate = jax.random.bits(key, h.shape, jnp.uint8) >= bytes_dropped.astype(jnp.uint8), bytes_dropped / 256
    elif rate == 0.5 and h.ndim == 2:
        words = jax.random.bits(key, (h.shape[0], -(-h.shape[1] // 32)), jnp.uint32)
        bits = (words[:, :, None] >> jnp.arange(32, dtype=jnp.uint32)[None, None, :]) & jnp.uint32(1)
        keep = bits.reshape(h.shape[0], -1)[:, : h.shape[1]].astype(jnp.bool)
    else:
        dropped = min(max(round(rate * 256), 1), 255)
        keep, rate = jax.random.bits(key, h.shape, jnp.uint8) >= dropped, dropped / 256
    return jnp.where(keep, h / (1 - rate), 0.0)


class MaskedBatchNorm(nnx.Module):
    """Batch normalization over the real rows alone (Ioffe & Szegedy 2015), with PyTorch's conventions.

    Running statistics move by `momentum`, the running variance is the unbiased one, and a batch without rows leaves
    them alone and stays finite. nnx.BatchNorm differs in each of these.
    """

    def __init__(self, features: int, *, momentum: float = 0.1, epsilon: float = 1e-5):
        self.scale = nnx.Param(jnp.ones(features))
        self.bias = nnx.Param(jnp.zeros(features))
        self.mean = nnx.BatchStat(jnp.zeros(features))
        self.var = nnx.BatchStat(jnp.ones(features))
        self.momentum = momentum
        self.epsilon = epsilon

    def __call__(self, h: jax.Array, mask: jax.Array, *, training: bool) -> jax.Array:
        """Return h [n, d] normalized over the rows where mask [n]. In training, also move the running statistics."""
        mean, var = self._batch_statistics(h, mask) if training else (self.mean[...], self.var[...])
        gain = self.scale[...] * jax.lax.rsqrt(var + self.epsilon)
        return h * gain[None, :] + (self.bias[...] - mean * gain)[None, :]

    def _batch_statistics(self, h: jax.Array, mask: jax.Array) -> tuple[jax.Array, jax.Array]:
        count = mask.sum().astype(jnp.float32)
        weight = mask.astype(jnp.float32) / jnp.maximum(count, 1)
        mean = jnp.einsum("n,nd->d", weight, h, precision=jax.lax.Precision.HIGHEST)
        deviation = h - mean[None, :]
        var = jnp.einsum("n,nd->d", weight, deviation * deviation, precision=jax.lax.Precision.HIGHEST)
        rate = jnp.where(count > 0, self.momentum, 0.0)
        unbiased = var * (count / jnp.maximum(count - 1, 1))
        self.mean[...] = (1 - rate) * self.mean[...] + rate * jax.lax.stop_gradient(mean)
        self.var[...] = (1 - rate) * self.var[...] + rate * jax.lax.stop_gradient(unbiased)
        return mean, var


def torch_uniform(key: jax.Array, shape: tuple[int, int]) -> jax.Array:
    """Return PyTorch's default weights of a linear layer: uniform within 1/sqrt(inputs). shape (inputs, outputs)."""
    return uniform(key, shape, shape[0] ** -0.5)


@partial(jax.custom_vjp, nondiff_argnums=(3,))
def tap(outputs: jax.Array, inputs: jax.Array, probe: jax.Array, has_bias: bool = True) -> jax.Array:
    """Return `outputs` [n, o] of a linear layer on `inputs` [n, i], with a ghost-norm probe: the gradient by the scalar
    `probe` is the squared norm of the loss's gradient by the layer's weights and its bias, if any (Goodfellow 2015).

    That gradient is inputs^T G, with G that by the outputs, and its squared norm the sum over pairs of rows of their
    products in both: with few rows, cheaper than the gradient itself, which need not be stored.
    """
    return outputs


def _tap_backward(has_bias: bool, inputs: jax.Array, gradient: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    (rows, width), outputs = inputs.shape, gradient.shape[1]
    if rows * (width + outputs) < width * outputs:
        squares = exact_product(inputs, inputs.T) * exact_product(gradient, gradient.T)
    else:
        squares = exact_product(inputs.T, gradient) ** 2
    of_bias = jnp.sum(gradient.sum(axis=0) ** 2) if has_bias else jnp.float32(0)
    return gradient, jnp.zeros_like(inputs), squares.sum() + of_bias


tap.defvjp(lambda outputs, inputs, probe, has_bias: (outputs, inputs), _tap_backward)


class Linear(nnx.Linear):
    """A linear layer on rows [n, i]; where it has a `probe`, that receives the squared norm of its gradient: `tap`."""

    probe: jax.Array | None = None

    # Flax's layer can place its outputs on several devices; here a lane is on one.
    def __call__(self, inputs: jax.Array) -> jax.Array:  # type: ignore[override]
        outputs = super().__call__(inputs)
        return outputs if self.probe is None else tap(outputs, inputs.astype(outputs.dtype), self.probe, self.use_bias)


def dropout_keys(key: jax.Array | None, count: int) -> jax.Array:
    """Return a key for each of `count` places in a model, [count]: what `jax.random.fold_in` makes of each place.

    Raises ValueError if there is no key in training.
    """
    # Derived in one batch: each alone is dozens of operations on two numbers.
    return jax.vmap(partial(jax.random.fold_in, training_key(key)))(jnp.arange(count))


def training_key(key: jax.Array | None) -> jax.Array:
    """Return the key that draws the dropout masks in training. Raise ValueError if there is none."""
    if key is None:
        raise ValueError("a model with dropout needs a key in training")
    return key


def linear(
    inputs: int, outputs: int, *, precision: str, rngs: nnx.Rngs, bias: bool = True, fan_in: int | None = None
) -> Linear:
    """Return a linear layer initialized as PyTorch's, bias included, computing at `precision`.

    fan_in: the inputs of the whole layer where this is a part of one, in which case its weights start as that part.
    """
    bound = (fan_in or inputs) ** -0.5

    initial = lambda key, shape, dtype: uniform(key, shape, bound)
    own: dict[str, Any] = {"kernel_init": initial, "bias_init": initial, "dot_general": matmul(precision)}
    return Linear(inputs, outputs, use_bias=bias, rngs=rngs, **own)


def xavier_linear(inputs: int, outputs: int, *, precision: str, rngs: nnx.Rngs, bias: bool = True) -> Linear:
    """Return a linear layer with weights after Glorot & Bengio (2010), uniform, and a bias of 0 or none."""
    initial = nnx.initializers.xavier_uniform()
    return Linear(inputs, outputs, use_bias=bias, kernel_init=initial, dot_general=matmul(precision), rngs=rngs)
