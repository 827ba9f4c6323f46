"""Pre-training: every molecule once an epoch, shards in one program, stopped and resumed to the same bits."""

import json
from dataclasses import replace
from functools import partial

import jax
import numpy as np
import pytest

from jaxmrl.data import corpus as corpora
from jaxmrl.data.corpus import prepare_corpus
from jaxmrl.errors import ConfigError
from jaxmrl.io import storage
from jaxmrl.modalities.graph.modality import GRAPH
from jaxmrl.modalities.graphmae import choose_atoms
from jaxmrl.training import checkpoint, pretraining
from jaxmrl.training.autoencoder import AutoencoderSpec
from jaxmrl.training.encoder import load_encoder, load_starts, save_encoder, start_remarks
from jaxmrl.training.model_spec import ModelSpec
from jaxmrl.training.pretraining import Pretext, Pretraining, masked_error, pretrain_step

BATCH = 12
SPEC = AutoencoderSpec("gin", width=8, depth=2, dropout=0.1, precision="float32")
PRETEXT = Pretext(SPEC, 0.15, 1e-3)


@pytest.fixture(scope="module")
def corpus(csv_file, tmp_path_factory):
    """161 molecules in four shards, every fifth of which judges."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(corpora, "SHARD_ROWS", 50)
        patch.setattr(corpora, "HELD_OUT", 5)
        return prepare_corpus(csv_file, None, GRAPH.corpus)


def pretraining_of(corpus, epochs=3, pretext=PRETEXT):
    return Pretraining(pretext, corpus, BATCH, epochs, seed=1)


def run(work, at_rest=lambda work: None):
    epochs = []
    work.run(epochs.append, lambda steps: None, at_rest)
    return epochs


@pytest.fixture(scope="module")
def whole(corpus):
    """A pre-training that nobody interrupted, and the epochs it told of."""
    work = pretraining_of(corpus)
    return work, run(work)


@pytest.mark.slow
def test_an_epoch_goes_through_every_molecule_once(corpus, monkeypatch):
    seen, shards, train, shard_store = [], [], pretraining.train, Pretraining.shard_store

    def remembered(work, shard):
        shards.append(shard)
        return shard_store(work, shard)

    def watched(pretext, store, state, ids, steps):
        seen.extend((shards[-1], int(one)) for one in ids[: int(steps)].ravel() if one >= 0)
        return train(pretext, store, state, ids, steps)

    monkeypatch.setattr(pretraining, "train", watched)
    monkeypatch.setattr(Pretraining, "shard_store", remembered)
    work = pretraining_of(corpus, epochs=2)
    run(work)
    everything = sorted((shard, int(one)) for shard, part in enumerate(corpus.train) for one in part)
    half = len(everything)
    assert sorted(seen[:half]) == sorted(seen[half:]) == everything
    assert seen[:half] != seen[half:], "in another order"


@pytest.mark.slow
def test_shards_share_a_program(corpus):
    pretraining.train._clear_cache()
    run(pretraining_of(corpus, epochs=1))
    assert pretraining.train._cache_size() == 1


def test_what_an_epoch_tells(whole, corpus):
    work, epochs = whole
    assert work.history == epochs
    assert [epoch.epoch for epoch in epochs] == [1, 2, 3]
    assert [epoch.steps for epoch in epochs] == [work.epoch_steps, 2 * work.epoch_steps, 3 * work.epoch_steps]
    assert epochs[2].loss < epochs[1].loss < epochs[0].loss
    assert {(epoch.majority, epoch.common) for epoch in epochs} == {(epochs[0].majority, 6)}, "the same masks each time"
    carbon = (corpus.held_out().atom == 6).mean()
    assert abs(epochs[0].majority - carbon) < 0.15


def stop_after(chunks, folder):
    def at_rest(work):
        nonlocal chunks
        chunks -= 1
        if chunks == 0:
            checkpoint.save(folder, work)
            raise KeyboardInterrupt

    return at_rest


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param(1, marks=pytest.mark.nightly),
        pytest.param(4, marks=pytest.mark.slow),
        pytest.param(7, marks=pytest.mark.nightly),
    ],
)
def test_stopped_and_resumed_is_uninterrupted(corpus, whole, tmp_path, chunks):
    with pytest.raises(KeyboardInterrupt):
        run(pretraining_of(corpus), stop_after(chunks, tmp_path))
    again = pretraining_of(corpus)
    assert checkpoint.restore(tmp_path, again) is None
    assert again.step > 0
    run(again)
    assert again.history == whole[0].history
    jax.tree.map(np.testing.assert_array_equal, again.arrays.params, whole[0].arrays.params)
    jax.tree.map(np.testing.assert_array_equal, again.arrays.stats, whole[0].arrays.stats)


@pytest.mark.nightly
def test_the_error_is_a_mean_over_masked_atoms(corpus):
    work = pretraining_of(corpus)
    store, ids, key = work.shard_store(0), np.array([3, 0, 7, 9, -1], np.int32), jax.random.key(5)
    params, stats = work.arrays.params, work.arrays.stats
    error, (_, hits, kinds) = masked_error(PRETEXT, store, params, stats, ids, key, training=False)
    graph = store.gather(ids)
    masked = np.asarray(choose_atoms(SPEC.atoms(graph), 0.15, jax.random.split(key)[0]))
    outputs, atoms = np.asarray(SPEC.outputs(params, stats, graph, masked)[0])[masked], graph.nodes["atom"]
    atoms = np.asarray(atoms)[masked]
    cosine = outputs[np.arange(len(atoms)), atoms] / np.linalg.norm(outputs, axis=1)
    assert float(error) == pytest.approx(np.mean((1 - cosine) ** 2), rel=1e-5)
    assert int(hits) == (outputs.argmax(axis=1) == atoms).sum()
    np.testing.assert_array_equal(kinds, np.bincount(atoms, minlength=119))


def test_each_step_draws_its_own_masks(corpus):
    work = pretraining_of(corpus)
    still = replace(PRETEXT, learning_rate=0.0, spec=replace(SPEC, dropout=0.0))
    ids = np.arange(8, dtype=np.int32)
    step = jax.jit(partial(pretrain_step, still, work.shard_store(0)))
    one = step(work.arrays, ids)
    other = step(one, ids)
    assert float(one.loss) != float(other.loss - one.loss)
    assert float(step(work.arrays, ids).loss) == float(one.loss)


@pytest.mark.slow
def test_judging_is_in_evaluation_and_weighs_masked_atoms(whole):
    work, epochs = whole
    store, plan = work.held_out
    state, total, many, told = work.arrays, 0.0, 0, 0
    for k, ids in enumerate(plan):
        key = jax.random.fold_in(jax.random.key(0, impl="threefry2x32"), k)
        error, (_, hits, kinds) = masked_error(PRETEXT, store, state.params, state.stats, ids, key, training=False)
        total, many, told = total + float(error) * int(kinds.sum()), many + int(kinds.sum()), told + int(hits)
    assert epochs[-1].held_out == pytest.approx(total / many, rel=1e-4)
    assert epochs[-1].accuracy == pytest.approx(told / many)
    assert plan.shape[0] > 1


@pytest.mark.nightly
def test_it_learns_to_tell_atoms(corpus):
    spec = AutoencoderSpec("gin", width=32, depth=2, dropout=0.0, precision="float32")
    last = run(pretraining_of(corpus, epochs=60, pretext=Pretext(spec, 0.15, 3e-3)))[-1]
    assert last.majority + 0.05 < last.accuracy < 1


def test_an_encoder_is_the_same_from_disk(whole, tmp_path):
    state = whole[0].arrays
    save_encoder(tmp_path / "mine", state.params, state.stats, SPEC)
    encoder = load_encoder(tmp_path / "mine")
    assert (encoder.name, encoder.model, encoder.width, encoder.depth) == ("mine", "gin", 8, 2)
    np.testing.assert_array_equal(encoder.weights["encoder.atom"], state.params["encoder"]["atom"][...])
    names = [name for name in encoder.weights if name.endswith(("mean", "var"))]
    assert len(names) == 4, "batch-norm statistics of two layers"
    assert not [name for name in encoder.weights if "decoder" in name or "head" in name]


def test_what_cannot_be_begun_from_is_refused(whole, tmp_path):
    state = whole[0].arrays
    shape = ModelSpec(width=8, depth=2, dropout=0.5, tasks=1, precision="float32")
    with pytest.raises(ConfigError, match=r"no pre-trained encoder there.*jaxmrl\.pretrain"):
        load_starts(("none", str(tmp_path)), [shape])
    for folder in ("a/mine", "b/mine"):
        save_encoder(tmp_path / folder, state.params, state.stats, SPEC)
    assert list(load_starts(("none", str(tmp_path / "a/mine")), [shape])) == ["none", "mine"]
    wider = ModelSpec(width=16, depth=2, dropout=0.5, tasks=1, precision="float32")
    with pytest.raises(ConfigError, match="width 8 and depth 2; the sweep trains a gin of width 16 and"):
        load_starts((str(tmp_path / "a/mine"),), [shape, wider])
    with pytest.raises(ConfigError, match="'mine' is used twice"):
        load_starts((str(tmp_path / "a/mine"), str(tmp_path / "b/mine")), [shape])
    save_encoder(tmp_path / "none", state.params, state.stats, SPEC)
    with pytest.raises(ConfigError, match="'none' is used twice"):
        load_starts((str(tmp_path / "none"),), [shape])
    host = tmp_path / "a" / "mine" / "encoder" / "host.json"
    host.write_text(host.read_text().replace('"width": 8', '"width": 9'))
    with pytest.raises(ConfigError, match="is damaged"):
        load_starts((str(tmp_path / "a/mine"),), [shape])
    save_encoder(tmp_path / "a" / "mine", state.params, state.stats, SPEC)
    assert load_starts((str(tmp_path / "a/mine"),), [shape])["mine"].width == 8, "made again in its place"


def test_an_encoder_of_another_kind_of_device_is_read(whole, tmp_path):
    state, folder = whole[0].arrays, tmp_path / "mine"
    save_encoder(folder, state.params, state.stats, SPEC)
    there = folder / "encoder"
    lying = there / "arrays" / "_sharding"
    here = str(jax.devices()[0])
    assert here in lying.read_text()
    lying.write_text(lying.read_text().replace(here, "elsewhere:0"))
    (there / "checksums.json").write_text(json.dumps(storage.checksums_of(there)))
    assert load_encoder(folder).width == 8


@pytest.mark.parametrize(("own", "other"), [("none", "parent"), ("parent", "tautomer")])
def test_an_encoder_of_other_forms_of_the_molecules_is_remarked_on(whole, tmp_path, own, other):
    state = whole[0].arrays
    save_encoder(tmp_path / "mae", state.params, state.stats, SPEC, own)
    starts = load_starts(("none", str(tmp_path / "mae")), [])
    assert start_remarks(starts, own) == []
    (said,) = start_remarks(starts, other)
    assert said.startswith(
        f"--init mae was pre-trained with --standardize {own}, and this sweep has --standardize {other}"
    )
