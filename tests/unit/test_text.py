"""Templates get their numbers from results, by key."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from prefrontal.errors import UserError
from prefrontal.publishing import cite, claims, text
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
            "subject": [0, 0, 1, 1],
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


@pytest.fixture(scope="module")
def environment(data):
    return text.environment(data)


def render(environment, template, line=1):
    return text.Template(template, Path("here.md"), line).render(environment)


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ('claim("slope")', "0.6 [−0.671, 1.87]"),
        ('published("slope")', "0.66"),
        ('published("slope", "slope")', "0.66"),
        ('claim("lags", "uncommon")', "−1"),
        ('claim("lags", "common")', "2,000 [1,994, 2,007]"),
        ('claim("lags", "common", variant="main")', "2,000 [1,994, 2,007]"),
        ('claim("lags", "common", variant="other")', "3"),
        ('test_episodes("toy")', "1,333"),
        ('value("toy", "reward", "share")', "2.45 [−26.1, 31]"),
        ('value("toy", "reward", "share", task="a")', "0.25 [−1.66, 2.16]"),
        ('value("toy", "reward", "share", task="a", subject=1)', "0.4"),
        ('value("toy", "results/reward", "share", free=True, subject=0, task="a and b")', "0.3"),
        ('value("toy", "reward", "gap", subject=0)', "1.5"),
        ('setting("two_step", "task.reversal")', "0.025"),
        ('setting("two_step", "task.steps_per_trial", "2_steps")', "2"),
        ('cite("lau2005", "daw2011")', "(Lau & Glimcher 2005; Daw et al. 2011)"),
    ],
)
def test_templates_become_numbers(environment, template, filled):
    assert render(environment, f"a {{{{ {template} }}}} z") == f"a {filled} z"


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ('claim("slop")', "no claim 'slop'; there are slope, lags"),
        ('claim("lags")', "'common', 'uncommon', '0.6/0.4'"),
        ('claim("lags", "rare")', "'common', 'uncommon', '0.6/0.4'"),
        ('claim("lags", "uncommon", variant="other")', "'uncommon' other"),
        ('claim("lags", "0.6/0.4")', "this number is missing from the results"),
        ('published("lags", "common")', "this number is missing from the results"),
        ('networks("toy")', "claims are about 0, 2 networks"),
        ('networks("other")', "claims are about no networks"),
        ('test_episodes("other")', "this number is missing from the results"),
        ('value("toy", "reward", "shares")', "no column 'shares'; there are subject, task"),
        ('value("toy", "reward", "share", rate=3)', "no column 'rate'; there are subject, task"),
        (
            'value("toy", "reward", "share", task=3)',
            "task is never 3; there are 'a', 'a and b', 'b'",
        ),
        (
            'value("toy", "reward", "share", subject=0, task="b")',
            "task is never 'b'; there are 'a', 'a",
        ),
        ('value("toy", "nothing", "share")', "nothing.csv: no such table"),
        ('value("toy", "reward", "gap")', "gap is missing for some networks"),
        ('value("toy", "reward")', "missing 1 required positional argument"),
        ('setting("two_step", "task.rate")', "setting is 'task.rate'; it must be one of task."),
        ('cite("nobody1900")', "reference is 'nobody1900'; it must be one of prefrontal, wang2018"),
        ('value("toy"', "unexpected '}', expected ')'"),
        ("slope", "'slope' is undefined"),
    ],
)
def test_a_mistake_is_named_with_file_and_line(environment, template, why):
    with pytest.raises(UserError, match=re.escape(why)) as error:
        render(environment, f"\nfirst\n{{{{ {template} }}}} z\nlast", line=10)
    assert str(error.value).startswith("here.md, line 12: ")


def test_captions_know_their_lines(tmp_path, environment):
    written = '# Captions\n\n## fig9\n**A.**\n\nB.\n\n## fig10\n**C**\n{{ claim("slop") }}\n'
    (tmp_path / "captions.md").write_text(written, encoding="utf-8")
    found = text.captions(tmp_path)
    assert {name: template.text[:5] for name, template in found.items()} == {
        "fig9": "**A.*",
        "fig10": "**C**",
    }
    with pytest.raises(UserError, match=r"captions\.md, line 10: no claim 'slop'"):
        found["fig10"].render(environment)


def test_networks_are_counted(tmp_path):
    evaluated = claims.evaluate_claims(CLAIMS[:2], MEASURES, "main", {})
    storage.write(evaluated, tmp_path / "toy" / "results" / "claims.csv", "claims", {})
    environment = text.environment(tmp_path)
    assert render(environment, '{{ networks("toy") }}') == "2"


def test_animals_have_a_folder_and_may_lack_numbers(tmp_path):
    fits = pd.DataFrame({"subject": [0, 1], "rate": [0.2, np.nan], "slope": [np.nan, np.nan]})
    storage.write(fits, tmp_path / "rats" / "fits.csv")
    environment = text.environment(tmp_path, tmp_path / "rats")
    template = (
        '{{ value("toy", "animals/fits", "rate") }} {{ value("toy", "animals/fits", "slope") }}'
    )
    assert render(environment, template) == "0.2 undetermined"


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
        ("{{ claim() }}", "{{ claim() }}"),
    ],
)
def test_names_of_files_are_no_markdown(name, escaped, environment):
    template = text.Template("{{ animals.file }}", Path("here.md"))
    cited = cite.citation(template, "two_step", environment, {"file": name})
    assert cited.caption == escaped
