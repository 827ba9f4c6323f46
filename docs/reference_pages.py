"""Write docs/reference/: a page for each command, from its settings as they are.

python docs/reference_pages.py
"""

import re
from dataclasses import MISSING, Field, fields
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import jaxmrl
from jaxmrl.cli.commands import OPTIONS
from jaxmrl.cli.options import GENERAL, by_topic, choices_of, documented
from jaxmrl.config.base import flag
from jaxmrl.serve import serve_runs

FOLDER = Path(__file__).parent / "reference"
FUNCTIONS = {
    "sweep": jaxmrl.run_sweep,
    "score": jaxmrl.score_molecules,
    "value": jaxmrl.value_molecules,
    "pretrain": jaxmrl.pretrain_encoder,
    "predict": jaxmrl.predict_molecules,
    "select": jaxmrl.select_molecules,
    "fit": jaxmrl.fit_curves,
    "plan": jaxmrl.plan_purchase,
    "compare": jaxmrl.compare_sweeps,
    "serve": serve_runs,
}
GUIDES = {
    "sweep": "[Your own data](../guide/your-own-data.md)",
    "score": "[Pruning](../guide/pruning.md)",
    "value": "[Data values](../guide/values.md)",
    "pretrain": "[Pre-training](../guide/pretraining.md)",
    "predict": "[Prediction](../guide/prediction.md)",
    "select": "[Selection](../guide/select.md)",
    "fit": "[Forecasting](../guide/forecasting.md)",
    "plan": "[Planning](../guide/plan.md)",
    "compare": "[The run directory](../guide/run-directory.md#compare)",
    "serve": "[Follow a sweep](../guide/serve.md)",
}
NOTICE = "<!-- Written by docs/reference_pages.py from the docstrings of the settings: change those instead. -->"
FILE = """

A TOML file of settings (`--config`) has the same names, with `_` instead of `-` and without the dashes in front.
`--no-NAME` turns off a switch that the file turns on."""
KINDS = {int: ("a whole number", "whole numbers"), float: ("a number", "numbers"), Path: ("a path", "paths")}


def page(command: str) -> str:
    """Return the page of a command: its arguments, then its options by topic, the essential ones first."""
    entries = {name: entry for kind in OPTIONS[command] for name, entry in _entries(kind).items()}
    settings = get_type_hints(OPTIONS[command][0], include_extras=True)
    arguments = {name: metavar for name, hint in settings.items() if (metavar := _positional(hint))}
    sections = [_section("Arguments", arguments, entries)] if arguments else []
    topics = by_topic(set(entries) - set(arguments)) | {"general": tuple(name for name in GENERAL if name in entries)}
    sections += [_section(topic.title(), names, entries) for topic, names in topics.items()]
    usage = " ".join([f"jaxmrl {command}", *arguments.values(), "[OPTIONS]"])
    summary = (FUNCTIONS[command].__doc__ or "").splitlines()[0]
    return f"""{NOTICE}

# jaxmrl {command}

{summary}

```text
{usage}
```

`python -m jaxmrl.{command}` is the same command. {GUIDES[command]} shows how it is used.{FILE * ("config" in entries)}

{chr(10).join(sections)}"""


def _section(title: str, names: Any, entries: dict[str, str]) -> str:
    return f"## {title}\n\n" + "\n".join(entries[name] for name in names)


def _entries(kind: type) -> dict[str, str]:
    """Return {name: Markdown} of the options that are the fields of a dataclass."""
    texts, hints, choices = documented(kind), get_type_hints(kind, include_extras=True), choices_of(kind)
    return {
        one.name: _entry(one, hints[one.name], texts[one.name], choices.get(one.name, ()))
        for one in fields(kind)
        if one.name != "settings"
    }


def _entry(one: Field[Any], hint: Any, text: str, names: tuple[str, ...]) -> str:
    text, _, computed = text.partition(" Default: ")
    facts = [_takes(hint, names), _default(one, computed.removesuffix("."))]
    if computed and one.default is False:
        facts[0] = "A switch."
    title = _positional(hint) or flag(one.name)
    return f"### `{title}`\n\n{_code(text)}\n\n*{' '.join(fact for fact in facts if fact)}*\n"


def _takes(hint: Any, names: tuple[str, ...]) -> str:
    """Return what values an option takes, as a sentence: these names, if there are any, or those of its type."""
    kinds, several, words = _kinds(hint)
    choices = [str(choice) for choice in names or words]
    if bool in kinds:
        return "A switch, off by default."
    if choices and not kinds - {str}:
        return f"{'One or more' if several else 'One'} of {', '.join(f'`{choice}`' for choice in choices)}."
    (kind,) = kinds
    one, many = KINDS.get(kind, ("a value", "values"))
    return f"Takes {f'one or more {many}' if several else one}{''.join(f', or `{choice}`' for choice in choices)}."


def _kinds(hint: Any) -> tuple[set[type], bool, tuple[str, ...]]:
    """Return the types that a type hint allows, whether there may be several values, and the words that it lists."""
    if get_origin(hint) is Annotated:
        return _kinds(get_args(hint)[0])
    if get_origin(hint) is Literal:
        return set(), False, get_args(hint)
    if get_origin(hint) is tuple:
        return _kinds(get_args(hint)[0])[0], True, ()
    if not get_args(hint):
        return {hint} - {NoneType}, False, ()
    parts = [_kinds(part) for part in get_args(hint)]
    several = any(several for _, several, _ in parts)
    return set().union(*(kinds for kinds, _, _ in parts)), several, sum((words for _, _, words in parts), ())


def _default(one: Field[Any], computed: str) -> str:
    """Return the default of an option as a sentence; nothing for a switch that is off."""
    if computed:
        return f"Default: {_code(computed)}."
    if one.default is MISSING:
        return "Required."
    if isinstance(one.default, bool):  # as the sentence before says
        return ""
    values = one.default if isinstance(one.default, tuple) else (one.default,)
    return f"Default: `{' '.join(map(str, values))}`."


def _positional(hint: Any) -> str:
    """Return what an argument without a flag is called; empty for an option."""
    known = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return next((about.metavar for about in known if getattr(about, "metavar", None)), "")


def _code(text: str) -> str:
    """Return a help text as Markdown, with the options that it names as code."""
    return re.sub(r"(?<![\w-])--[a-z][\w-]*", r"`\g<0>`", text.replace("<", "&lt;"))


def main() -> None:
    """Write all pages."""
    FOLDER.mkdir(exist_ok=True)
    for command in OPTIONS:
        (FOLDER / f"{command}.md").write_text(page(command), encoding="utf-8")


if __name__ == "__main__":
    main()
