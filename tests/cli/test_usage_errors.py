import pytest

WRONG = {
    "--batch-size abc": "--batch-size takes a whole number; got 'abc'",
    "--learning-rate x": "--learning-rate takes a number; got 'x'",
    "--fractions a b": "--fractions takes numbers; got 'a', 'b'",
    "--width x": "--width takes whole numbers; got 'x'",
    "--task foo": "--task must be one of classification, regression; got 'foo'",
    "--csv": "--csv needs a value",
    "--extnd": "unknown argument --extnd; did you mean --extend?",
    "--learning-rat 3": "unknown argument --learning-rat; did you mean --learning-rate?",
    "--learning-rat 3 --widht 4": "unknown arguments --learning-rat, --widht; did you mean --learning-rate, --width?",
    "--epochs 3 extra": "unknown argument extra; --help lists the options",
    "--csv a.csv --npz b.npz": "give --csv or --npz, not both",
}


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_flag_is_named_with_what_it_takes_and_what_it_got(refused, words):
    assert refused("sweep", *words.split()) == f"error: {WRONG[words]}\n"


def test_commands_of_flags_alone_say_the_same(refused):
    assert refused("fit", "curves.csv", "--target", "high") == "error: --target takes a number; got 'high'\n"


def test_what_is_required_is_named(refused):
    assert refused("predict") == "error: RUN_DIR and --csv are required; --help lists the options\n"
    none = "error: no learning curves were given; give a CSV file or a run directory of a sweep\n"
    assert refused("fit", "--json") == none
