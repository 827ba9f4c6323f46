"""The options of every command: each has a topic and a help text, and texts for users hold the rules of the house."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

import jaxmrl
from jaxmrl.cli import commands
from jaxmrl.cli.options import GENERAL, TOPICS, by_topic, option_texts
from jaxmrl.config import SweepConfig
from jaxmrl.config.names import DEFAULT_BASELINES

BAD_BEGINNING = re.compile(r"(Of|Its|Their|The same|As|Like)\b")
BANNED = re.compile(
    r"\b(foret(ell|old)|mend(s|ed|ing)?\b|(is|are|be) told|told only|tells? (\w+ ){0,2}apart|told apart|go(es)? by\b"
    r"|leaves? behind|so much as|for want of|beforehand)",
    re.IGNORECASE,
)


def texts_of(command):
    return {name: text for kind in commands.OPTIONS[command] for name, text in option_texts(kind).items()}


def names_of(command):
    return [field.name for kind in commands.OPTIONS[command] for field in fields(kind) if field.name != "settings"]


@pytest.mark.parametrize("command", commands.OPTIONS)
def test_every_option_has_one_topic_and_a_help_text(command):
    listed = [*GENERAL, *(name for names in TOPICS.values() for name in names)]
    assert all(listed.count(name) == 1 for name in names_of(command))
    assert texts_of(command).keys() == set(names_of(command))


def test_predict_trains_nothing():
    assert "batch_size" in by_topic(set(names_of("sweep")))["training"]
    assert by_topic(set(names_of("predict")))["hardware"] == ("batch_size",)


def test_the_help_of_score_offers_no_model_that_cannot_score():
    texts = {name: texts_of("score")[name] for name in ("modality", "model")}
    assert "Choose molgraph, graph, geometry, fingerprint, smiles or embeddings." in texts["modality"]
    assert "gin" in texts["model"]
    assert not [name for name in ("svm", "lightgbm") if name in texts["model"]]
    assert "svm" in texts_of("sweep")["model"]


@pytest.mark.parametrize("command", commands.OPTIONS)
def test_a_help_text_is_of_whole_sentences(command):
    for name, text in texts_of(command).items():
        assert text[0].isupper(), name
        assert text.endswith("."), name
        assert not BAD_BEGINNING.match(text), name
        assert not BANNED.search(text), name


@pytest.mark.parametrize("command", commands.OPTIONS)
def test_help_says_each_default_once(run_here, command, monkeypatch):
    monkeypatch.setattr("jaxmrl.config.sweep.DEFAULT_BASELINES", DEFAULT_BASELINES)
    code, out, _ = run_here(command, "--help")
    plain = " ".join(out.replace("│", " ").split())
    assert code == 0
    assert "(default: None)" not in plain
    assert "(default: )" not in plain
    assert "Default:" not in plain
    assert re.search(r"\n\n[A-Z][a-z-]+ .* (write|print) .*\.\n\n", out)


def test_settings_keep_what_the_flags_do_not_give(tmp_path):
    (tmp_path / "a.toml").write_text("seeds = 5\nwidth = [32]\nprecision = 'bfloat16'\n")
    words = ["--config", str(tmp_path / "a.toml"), "--seeds", "7", "--depth", "1", "2", "--lanes", "3"]
    flags = commands.parse(SweepConfig, commands.SweepFlags, "sweep", "", words)
    assert flags.settings == SweepConfig(seeds=7, width=(32,), depth=(1, 2), lanes=3, precision="bfloat16")
    assert not flags.extend


def test_no_text_has_a_word_that_readers_stumble_over():
    """Messages, docstrings and comments alike."""
    package = Path(jaxmrl.__file__).parent
    found = [
        f"{path.relative_to(package)}:{number}: {line}"
        for path in package.rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if BANNED.search(line)
    ]
    assert not found
