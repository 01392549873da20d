"""Captions get their numbers from results, by key."""

import re
from html import escape

import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt

from prefrontal.errors import UserError
from prefrontal.publishing import captions, claims
from prefrontal.publishing.claims import Claim
from prefrontal.tables import schema, storage

MEASURES = pd.DataFrame(
    [
        ("main", "slope", "slope", 0, 0.5),
        ("main", "slope", "slope", 1, 0.7),
        ("main", "lags", "common", 0, 2000.0),
        ("main", "lags", "common", 1, 2001.0),
        ("main", "lags", "uncommon", 0, -1.0),
        ("main", "lags", "uncommon", 1, -1.0),
        ("other", "lags", "common", 0, 3.0),
        ("other", "lags", "common", 1, 3.0),
        ("main", "lags", "0.6/0.4", 0, np.nan),
    ],
    columns=list(schema.COLUMNS["measures"]),
)
CLAIMS = [
    Claim("slope", "slope", "9a", "slope of x", claims.above(0), 0.66, 0.1),
    *(
        Claim("lags", name, "9b", f"weight of {name} trials")
        for name in ("common", "uncommon", "0.6/0.4")
    ),
    Claim("lags", "common", "9b", "weight of common trials elsewhere", variant="other"),
]


def write_results(data):
    """Results of one experiment: claims, and a table with two rows per network."""
    folder = data / "toy" / "results"
    evaluated = claims.evaluate_claims(CLAIMS, MEASURES, "main", {})
    storage.write(evaluated, folder / "claims.csv", "claims", {"test_episodes": 1333})
    table = pd.DataFrame(
        {
            "seed": [0, 0, 1, 1],
            "task": ["a", "a and b", "a", "b"],
            "share": [0.1, 0.3, 0.4, 9.0],
            "free": [True, True, True, False],
            "gap": [1.0, 2.0, np.nan, 3.0],
        }
    )
    storage.write(table, folder / "reward.csv")
    return data


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_results(tmp_path_factory.mktemp("data"))


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{slope}", "0.6 [−0.671, 1.87]"),
        ("{published slope}", "0.66"),
        ("{published slope: slope}", "0.66"),
        ("{lags: uncommon}", "−1"),
        ("{lags: common}", "2,000 [1,994, 2,007]"),
        ("{lags: common @ main}", "2,000 [1,994, 2,007]"),
        ("{lags: common @ other}", "3"),
        ("{test_episodes} episodes", "1,333 episodes"),
        ("{reward.csv: share}", "2.45 [−26.1, 31]"),
        ('{reward.csv: share where task == "a"}', "0.25 [−1.66, 2.16]"),
        ("{reward.csv: share where task == 'a' and seed == 1}", "0.4"),
        ('{reward.csv: share where task == "a and b" and share<=0.3}', "0.3"),
        ("{reward.csv: share where free == True and seed < 1 and share > 1e-1}", "0.3"),
        ("{reward.csv: share where seed != 0 and share >= 5}", "9"),
        ('{toy/results/reward.csv: share where task == "b"}', "9"),
        ("no braces", "no braces"),
    ],
)
def test_braces_become_numbers(data, text, filled):
    assert captions.fill(text, "toy", data) == filled


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{slop}", "no claim 'slop'; there are slope, lags"),
        ("{lags}", "'common', 'uncommon', '0.6/0.4'"),
        ("{lags: rare}", "'common', 'uncommon', '0.6/0.4'"),
        ("{lags: uncommon @ other}", "'uncommon' other"),
        ("{lags: 0.6/0.4}", "missing"),
        ("{published lags: common}", "missing"),
        ("{networks}", "claims are about 0, 2 networks"),
        ("{reward.csv: shares}", "shares"),
        ("{reward.csv: share where task = 3}", "is not of the form"),
        ("{reward.csv: share where task == 'a' or seed == 1}", "is not of the form"),
        ("{reward.csv: share where __import__('os')}", "is not of the form"),
        ("{reward.csv: share where @x == 3}", "is not of the form"),
        ("{reward.csv: share where rate == 3}", "no column 'rate'; there are seed, task"),
        ("{reward.csv: share where task == a}", "words stand in quotation marks"),
        ("{reward.csv: share where task < 3}", "words stand in quotation marks"),
        ('{reward.csv: share where task == "c"}', "missing"),
        ("{nothing.csv: share}", "no such table"),
        ("{reward.csv: gap}", "gap is missing for some networks"),
    ],
)
def test_a_number_that_is_missing_is_an_error(data, text, why):
    with pytest.raises(UserError, match=re.escape(text)) as error:
        captions.fill(text, "toy", data)
    assert why in str(error.value)


def test_networks_are_counted(tmp_path):
    evaluated = claims.evaluate_claims(CLAIMS[:2], MEASURES, "main", {})
    storage.write(evaluated, tmp_path / "toy" / "results" / "claims.csv", "claims", {})
    assert captions.fill("{networks} networks", "toy", tmp_path) == "2 networks"


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("rats_session_1.csv", "rats_session_1.csv"),
        ("[x](y).csv", r"\[x\](y).csv"),
        ("<img src=x>.csv", r"\<img src=x\>.csv"),
        ("*a* _b_ `c`", r"\*a\* \_b\_ \`c\`"),
        ("a &lt; b & c", r"a \&lt; b & c"),
        ("www.example.csv", r"www\.example.csv"),
        ("two\nlines", "two lines"),
    ],
)
def test_names_of_files_are_no_markdown(name, escaped, tmp_path):
    filled = captions.fill("{animals: file}", "two_step", tmp_path, {"file": name})
    assert filled == escaped
    html = MarkdownIt().render(filled)
    assert html == f"<p>{escape(' '.join(name.split()), quote=False)}</p>\n"
