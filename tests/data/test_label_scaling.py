import jax.numpy as jnp
import numpy as np
import pytest

from jaxmrl.data.label_scaling import find_extensive, find_units, fit_scaler, identity_scaler

rng = np.random.default_rng(0)
COMPOSITION = rng.integers(0, 8, (200, 3))
ATOMS = np.array([-13.6, -1030.0, -2042.0])
ENERGY = COMPOSITION @ ATOMS + rng.normal(0, 2.0, 200)
GAP = rng.normal(7.0, 1.5, 200)
LABELS = np.stack([ENERGY, GAP], axis=1).astype(np.float32)
EXTENSIVE = np.array([True, False])


def test_references_are_those_of_the_atoms():
    scaler = fit_scaler(LABELS, COMPOSITION, EXTENSIVE)
    np.testing.assert_allclose(scaler.references[:, 0], ATOMS, atol=0.3)
    assert (scaler.references[:, 1] == 0).all()
    assert scaler.scale == pytest.approx([2.0, 1.5], rel=0.15)
    constant_is_known_to = 4 * 2.0 / np.sqrt(200) * np.sqrt(1 + 3 * (3.5 / 2.3) ** 2)
    assert scaler.mean == pytest.approx([0.0, 7.0], abs=constant_is_known_to)


def test_targets_and_values_are_inverse(strict):
    scaler = fit_scaler(LABELS, COMPOSITION, EXTENSIVE)
    labels, composition = jnp.asarray(LABELS), jnp.asarray(COMPOSITION, jnp.float32)
    targets = scaler.transform(labels, composition)
    assert float(jnp.abs(targets.mean(axis=0)).max()) < 1e-3
    assert targets.std(axis=0).tolist() == pytest.approx([1, 1], rel=1e-3)
    np.testing.assert_allclose(scaler.inverse_transform(targets, composition), labels, rtol=1e-5, atol=5e-3)


def test_only_the_molecules_given_count():
    few = fit_scaler(LABELS[:20], COMPOSITION[:20], EXTENSIVE)
    changed = LABELS.copy()
    changed[20:] += 1e6
    again = fit_scaler(changed[:20], COMPOSITION[:20], EXTENSIVE)
    np.testing.assert_array_equal(few.references, again.references)


def test_missing_constant_and_unseen():
    labels = LABELS.copy()
    labels[::2, 0], labels[:, 1] = np.nan, 3.0
    composition = COMPOSITION.copy()
    composition[:, 2] = 0
    scaler = fit_scaler(labels, composition, np.array([True, True]))
    assert np.isfinite([*scaler.mean, *scaler.scale]).all()
    assert scaler.references[2].tolist() == [0, 0]
    constant = fit_scaler(np.full((5, 1), 0.1, np.float32), None, np.array([False]))
    assert (constant.scale.tolist(), constant.references) == ([1.0], None)
    empty = fit_scaler(np.full((5, 1), np.nan, np.float32), None, np.array([False]))
    assert (empty.mean.tolist(), empty.scale.tolist()) == ([0.0], [1.0])


def test_nothing_to_scale(strict):
    scaler = identity_scaler(2)
    labels = jnp.asarray(LABELS)
    np.testing.assert_array_equal(scaler.transform(labels, None), labels)


def test_an_energy_is_extensive_and_a_gap_is_not():
    shares = find_extensive(LABELS, COMPOSITION)
    assert shares[0] > 0.999
    assert shares[1] < 0.9


def test_one_label_out_of_all_proportion_leaves_the_others_their_size():
    labels = np.array([[1.0], [2.0], [4.0], [7.0], [3e38]])
    units = find_units(labels, None, None)
    on_device = units.to_device(labels, None)
    assert 0.1 < np.ptp(on_device[:4]) < 100
