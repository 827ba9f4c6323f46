"""Pre-training of a model's encoder. `python -m jaxmrl.pretrain`, or `pretrain_encoder(PretrainConfig(...))`."""

import math
import time
from dataclasses import fields

from jaxmrl.chem.parents import AS_WRITTEN
from jaxmrl.config import PretrainConfig, to_toml
from jaxmrl.data.corpus import Corpus, prepare_corpus
from jaxmrl.data.datasets import get_dataset, smiles_source
from jaxmrl.data.table import molecule_remarks
from jaxmrl.errors import DivergedError
from jaxmrl.io.files import number
from jaxmrl.modalities.registry import models
from jaxmrl.pretrain.tracking import track_end, track_epochs
from jaxmrl.reports.terminal import Reporter
from jaxmrl.runs import directory
from jaxmrl.runs.directory import RunDirectory
from jaxmrl.text import count, duration
from jaxmrl.trackers.base import Tracker, Tracking
from jaxmrl.trackers.opening import check_tracker, open_tracker
from jaxmrl.training import checkpoint
from jaxmrl.training.autoencoder import AutoencoderSpec
from jaxmrl.training.capacity import device_name
from jaxmrl.training.encoder import Encoder, has_encoder, load_encoder, save_encoder
from jaxmrl.training.interrupts import Stop, catch_signals
from jaxmrl.training.numerics import own_numerics
from jaxmrl.training.pretraining import Epoch, Pretext, Pretraining

HISTORY = "pretraining.csv"


@own_numerics()
def pretrain_encoder(
    config: PretrainConfig,
    *,
    tracker: str | Tracker | None = None,
    quiet: bool = True,
    max_seconds: float | None = None,
) -> Encoder:
    """Pre-train an encoder on unlabeled molecules by predicting their masked atoms, and write it for --init of a sweep.

    The method is GraphMAE (Hou et al., KDD 2022), for the encoder of a GIN, D-MPNN or GINE. The same call resumes a
    pre-training that was interrupted.

    Args:
        config: The settings: molecules, encoder and training.
        tracker: Where the training is recorded as well, as for `run_sweep`. None records it in pretraining.csv alone.
        quiet: Whether to print nothing.
        max_seconds: Stop after this many seconds as a signal would, with the state saved. None sets no limit.

    Returns:
        The encoder.

    Raises:
        UserError: For input or settings that cannot be used, and if the training diverges.
        StopRequestedError: When a signal or `max_seconds` stopped it. The state is saved; the same call resumes it.
    """
    started, reporter = time.monotonic(), Reporter(quiet=quiet)
    check_tracker(tracker)
    corpus = prepare(config, reporter)
    run = RunDirectory(config.out, ())
    metadata = directory.code_metadata() | {"device": device_name(), "data": corpus.digest}
    with run.lock():
        run.create_or_resume(
            to_toml(config.resolved()),
            metadata | {"molecules": sum(map(len, corpus.train)), "rejected": corpus.rejected},
        )
        run.write("rejected.csv", "".join(corpus.rejected_rows()))
        if has_encoder(config.out):
            reporter.say(f"{config.out} already contains this encoder")
        else:
            run.check_trainable()
            with (
                open_tracker(tracker, run.path, reporter.say) as tracking,
                catch_signals(max_seconds, started) as stop,
            ):
                work = train(config, corpus, run, reporter, stop, tracking)
            write_report(config, work.history, run)
            arrays = work.arrays.params, work.arrays.stats
            save_encoder(config.out, *arrays, work.pretext.spec, config.standardize)
        checkpoint.remove(run.checkpoints)
    encoder = load_encoder(config.out)
    shape = f"--model {encoder.model} --width {encoder.width} --depth {encoder.depth}"
    reporter.say(f"encoder {encoder.digest}: give it to a sweep with --init none {config.out} {shape}")
    return encoder


def prepare(config: PretrainConfig, reporter: Reporter) -> Corpus:
    """Return the prepared molecules, and report what was read."""
    path, smiles_column = config.csv, config.smiles_column
    if path is None:
        path, smiles_column = smiles_source(get_dataset(config.dataset))
    for remark in molecule_remarks(path, smiles_column, config.sheet):
        reporter.say(remark)
    with reporter.progress("parsing", None, "molecules") as progress:
        source = path, smiles_column, config.corpus
        form = config.standardize
        corpus = prepare_corpus(*source, progress.advance, sheet=config.sheet, standardize=form)
    if config.standardize != AS_WRITTEN:
        reporter.say(corpus.replaced.text(config.standardize))
    training, judging = (sum(map(len, part)) for part in (corpus.train, corpus.judges))
    reporter.say(
        f"{config.name}: {count(corpus.rows, 'row')}, {corpus.rejected:,} rejected; {training:,} molecules for "
        f"training, {judging:,} held out, in {count(len(corpus.shards), 'shard')}"
    )
    return corpus


def train(
    config: PretrainConfig,
    corpus: Corpus,
    run: RunDirectory,
    reporter: Reporter,
    stop: Stop,
    tracking: Tracking | None = None,
) -> Pretraining:
    """Train to the end, from a checkpoint if there is one, and write the history after each epoch."""
    work = pretraining_of(config, corpus)
    if warning := checkpoint.restore(run.checkpoints, work):
        reporter.say(warning)
    started = time.monotonic()

    def on_epoch(epoch: Epoch) -> None:
        if not math.isfinite(epoch.loss + epoch.held_out):
            raise DivergedError(
                f"the error is {epoch.loss:g}, and {epoch.held_out:g} on held-out molecules, after epoch "
                f"{epoch.epoch}: give a lower --learning-rate, and another --out"
            )
        write_history(work.history, run)
        if tracking:
            track_epochs(tracking, config, work)
        reporter.say(f"epoch {epoch.epoch}: {epoch_text(epoch)}")

    with reporter.progress("pre-training", work.steps, "steps") as progress:
        progress.skip(work.step)
        work.run(on_epoch, progress.advance, checkpoint.saver(run.checkpoints, stop))
    reporter.say(f"pre-training took {duration(time.monotonic() - started)}")
    if tracking:
        track_end(tracking, config, work)
    return work


def pretraining_of(config: PretrainConfig, corpus: Corpus) -> Pretraining:
    """Return the pre-training that the settings ask for, before its first step."""
    spec = AutoencoderSpec(config.model, *config.sizes, config.dropout, config.precision)
    pretext = Pretext(spec, config.mask_rate, config.learning_rate)
    return Pretraining(pretext, corpus, config.batch_size, config.epochs, config.seed)


def epoch_text(epoch: Epoch) -> str:
    """Return the results of an epoch in words."""
    return (
        f"error {epoch.loss:.4f}, {epoch.held_out:.4f} on held-out molecules; predicts {epoch.accuracy:.1%} of masked "
        f"atoms correctly (always atomic number {epoch.common}: {epoch.majority:.1%})"
    )


def write_history(history: list[Epoch], run: RunDirectory) -> None:
    """Write pretraining.csv: a row for each epoch, with the fields of `Epoch` as columns."""
    columns = [f.name for f in fields(Epoch)]
    run.write_table(HISTORY, columns, [_cells(one) for one in history])


def _cells(epoch: Epoch) -> dict[str, str]:
    return {name: str(value) if isinstance(value, int) else number(value) for name, value in vars(epoch).items()}


def write_report(config: PretrainConfig, history: list[Epoch], run: RunDirectory) -> None:
    """Write the history as a table and a figure."""
    from jaxmrl.reports import plots  # here, because Matplotlib is slow to import

    write_history(history, run)
    width, depth = config.sizes
    title = f"GraphMAE on {config.name}, {models()[config.model].title} {width}x{depth}"
    run.write("pretraining.png", plots.render(plots.draw_pretraining(history, title=title), "png"))
