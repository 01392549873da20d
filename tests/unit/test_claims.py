from prefrontal.tables import schema, storage

"""Verdicts follow their rules."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from prefrontal.errors import UserError
from prefrontal.publishing import claims, plotting, readme_tables
from prefrontal.publishing.claims import EXTENSION, Claim, above, below, between, not_above


def evaluate_claim(values, criterion=None, published=np.nan, tolerance=None, **kwargs):
    return claims.evaluate_claim(Claim("c", "q", "1a", "a measure", criterion, published, tolerance, **kwargs), values)


def write(folder, *settled):
    """Write claims as an analysis does: pairs of a claim and its networks' values."""
    rows = [claims.evaluate_claim(claim, values) for claim, values in settled]
    storage.write(pd.DataFrame(rows), folder / "results" / "claims.csv", "claims", {})


def test_reproduced_needs_the_whole_interval():
    assert evaluate_claim([1.0, 1.1, 0.9, 1.0], above(0))["reproduced_verdict"] is True
    assert evaluate_claim([1.0, -1.1, 0.9, 0.2], above(0))["reproduced_verdict"] is False
    assert evaluate_claim([1.0, 1.1, 0.9, 1.0], below(0.95))["reproduced_verdict"] is False
    assert evaluate_claim([1.0, 1.1, 0.9, 1.0], between(0.8, 1.2))["reproduced_verdict"] is True


def test_unknown_values_never_count_as_reproduced():
    assert evaluate_claim([np.nan, np.nan], above(0))["reproduced_verdict"] is False
    assert evaluate_claim([5.0], above(0))["reproduced_verdict"] is False
    assert evaluate_claim([], above(0), summary="share")["reproduced_verdict"] is False


def test_network_without_a_value_is_told_and_fails_the_row():
    row = evaluate_claim([1, 1.1, *[np.nan] * 6], above(0), 1.05, 0.5)
    assert row["n_networks"] == 2 and row["reproduced_verdict"] is False and row["agrees_verdict"] is False
    assert row["criterion"] == "interval above 0; agrees within 0.5 or in range; 6 of 8 networks without a value"
    assert evaluate_claim([1, np.inf], above(0))["criterion"].endswith("1 of 2 networks without a value")
    told = evaluate_claim([1, np.nan])
    assert told["reproduced_verdict"] is None and told["agrees_verdict"] is None and "1 of 2" in told["criterion"]
    claim = Claim("c", "q", "1a", "s", above(0), summary="difference", versus="other")
    row = claims.evaluate_claim(claim, [3.0, 4.0, 5.0], versus=[1.0, 2.0, np.nan])
    assert row["ci_low"] > 0 and row["reproduced_verdict"] is False and "1 of 6" in row["criterion"]


@pytest.mark.parametrize(("published", "agrees"), [(1.0, True), (1.29, True), (1.6, False), (0.5, True)])
def test_agrees_within_tolerance_or_range(published, agrees):
    row = evaluate_claim([0.4, 1.2, 1.4], published=published, tolerance=0.3)
    assert row["agrees_verdict"] is agrees and row["reproduced_verdict"] is None


def test_agreement_may_be_one_sided():
    assert evaluate_claim([0.4, 0.5], published=0.2, or_more=True)["agrees_verdict"] is True
    assert evaluate_claim([0.4, 0.5], published=0.9, or_more=True)["agrees_verdict"] is False


@pytest.mark.parametrize(("values", "holds"), [([-2, -1], True), ([-1, 1.5], True), ([1, 1.1], False), ([1], False)])
def test_a_criterion_may_be_that_the_interval_is_not_above(values, holds):
    row = evaluate_claim(values, not_above(0))
    assert row["reproduced_verdict"] is holds and row["criterion"] == "interval not above 0"
    assert np.isinf(row["below"]) and np.isinf(row["above"])


def test_summaries_by_hand():
    share = evaluate_claim([1.0, 1.0, 0.0, 1.0], above(0.2), summary="share")
    z = 1.959964
    middle, half = (0.75 + z**2 / 8) / (1 + z**2 / 4), z / (1 + z**2 / 4) * np.sqrt(0.75 * 0.25 / 4 + z**2 / 64)
    assert (share["reproduced"], share["ci_low"], share["ci_high"]) == pytest.approx((0.75, middle - half, middle + half))
    claim = Claim("c", "q", "1a", "s", above(0), summary="difference", versus="other")
    row = claims.evaluate_claim(claim, [3.0, 4.0, 5.0], versus=[1.0, 2.0, 3.0])
    assert row["reproduced"] == pytest.approx(2) and row["ci_high"] - 2 == pytest.approx(2.776445 * np.sqrt(2 / 3))


def test_criteria_may_name_a_yardstick():
    claim = Claim("c", "q", "1a", "s", below("Thompson's regret"))
    row = claims.evaluate_claim(claim, [1.0, 1.1], {"Thompson's regret": 3.0})
    assert row["below"] == 3 and row["criterion"] == "interval below 3 (Thompson's regret)" and row["reproduced_verdict"] is True
    with pytest.raises(UserError, match=r"benchmark \"Thompson's regret\"; there are UCB's"):
        claims.evaluate_claim(claim, [1.0, 1.1], {"UCB's": 3.0})


def measured(**values):
    """Measures of a claim "c": name or condition__name -> a value per network."""
    rows = []
    for key, own in values.items():
        variant, _, measure = key.rpartition("__")
        rows += [(variant or "main", "c", measure, seed, value) for seed, value in enumerate(own)]
    return pd.DataFrame(rows, columns=list(schema.COLUMNS["measures"]))


def test_claims_are_settled_by_their_key():
    own = [
        Claim("c", "x", "1a", "x"),
        Claim("c", "x", "1a", "x elsewhere", variant="other"),
        Claim("c", "y", "1b", "y", above(0)),
    ]
    own += claims.again(own, "anew", {"main": "other"}, "of others", ["c"])
    frame = claims.evaluate_claims(own, measured(x=[1, 2], other__x=[3, 5], y=[1, 2], other__y=[7, 9]), "main", {})
    assert list(frame["reproduced"]) == [1.5, 4, 1.5, 8]
    assert list(frame["variant"]) == ["main", "other", "main", "other"]
    assert claims.find(frame, "c", "x")["reproduced"] == 1.5 and claims.find(frame, "c", "x", "other")["reproduced"] == 4
    assert claims.find(frame, "anew")["statement"] == "y: of others"
    for key, words in ((("d",), "no claim 'd'"), (("c",), "'x', 'y'"), (("c", "z"), "'x', 'y'"), (("c", "y", "other"), "other")):
        with pytest.raises(UserError, match=words):
            claims.find(frame, *key)
    with pytest.raises(UserError, match="'c' has no measure 'z' for 'main'; measured are c: x"):
        claims.evaluate_claims([Claim("c", "z", "1a", "z")], measured(x=[1, 2]), "main", {})
    with pytest.raises(UserError, match="'x' is declared twice"):
        claims.evaluate_claims([own[0], own[0]], measured(x=[1, 2]), "main", {})


def test_quantities_are_long():
    wide = pd.DataFrame({"variant": "main", "seed": [0, 1], "a": [1, 2], "b": [3, 4], "more": 0})
    assert claims.measures("c", wide, {"a": "first", "b": "second"})["value"].tolist() == [1, 2, 3, 4]
    indexed = claims.measures("c", wide.drop(columns="more").set_index(["variant", "seed"]), str.upper)
    assert indexed["measure"].tolist() == ["A", "A", "B", "B"] and list(indexed) == list(schema.COLUMNS["measures"])


def test_a_network_without_a_number_is_not_left_out():
    assert evaluate_claim([1.0, 1.1, 0.9, np.nan], above(0))["reproduced_verdict"] is False


def test_a_network_without_a_row_is_not_left_out():
    """It has another measure of the same variant."""
    rows = [("main", "c", "q", seed, 1.0 + seed / 10) for seed in range(3)]
    rows += [("main", "d", "q", seed, 1.0) for seed in range(4)] + [("other", "c", "q", 9, 1.0)]
    settled = claims.evaluate_claims([C], pd.DataFrame(rows, columns=list(schema.COLUMNS["measures"])), "main", {}).iloc[0]
    assert settled["n_networks"] == 3 and not settled["reproduced_verdict"]
    assert "1 of 4 networks without a value" in settled["criterion"]


def test_a_condition_to_compare_with_that_is_not_there_is_named():
    measures = pd.DataFrame([("main", "c", "q", 0, 1.0)], columns=list(schema.COLUMNS["measures"]))
    with pytest.raises(UserError, match="claim 'c' has no measure 'q' for 'typo'; measured are c: q"):
        claims.evaluate_claims([dataclasses.replace(C, summary="difference", versus="typo")], measures, "main", {})


C = Claim("c", "q", "1a", "s", above(0))


def test_scores_of_experiments_add_up_to_the_whole(tmp_path):
    shared = dataclasses.replace(C, claim="rpe-input")
    write(tmp_path / "x", (C, [1.0, 1.1]), (shared, [1.0, 1.1]))
    write(tmp_path / "y", (dataclasses.replace(C, claim="d"), [-1.0, -1.1]), (shared, [-1.0, -1.1]))
    frame = claims.collect(tmp_path)
    assert claims.score(frame) == "1 of 3 claims reproduced"
    scores = {name: claims.score(claims.counted(frame, name)) for name in ("x", "y", "rpe_input")}
    assert scores == {"x": "1 of 1 claims reproduced", "y": "0 of 1 claims reproduced", "rpe_input": "0 of 1 claims reproduced"}


def test_score_counts_claims_not_rows(tmp_path):
    write(tmp_path / "x", (C, [1.0, 1.1]), (dataclasses.replace(C, measure="p"), [-1.0, -1.1]))
    frame = claims.collect(tmp_path)
    assert claims.score(frame).startswith("0 of 1 claims reproduced")
    assert list(claims.readable(frame)["reproduced?"]) == ["yes", "NO"]


def test_what_goes_beyond_the_paper_never_changes_its_score(tmp_path):
    write(tmp_path / "x", (C, [1.0, 1.1]))
    before = claims.score(claims.collect(tmp_path))
    held, failed = (dataclasses.replace(C, claim=name, panel=EXTENSION) for name in ("guess", "c"))
    write(tmp_path / "new", (held, [1.0, 1.1]), (failed, [-1.0, -1.1]))
    frame = claims.collect(tmp_path)
    assert claims.score(frame) == f"{before}; 1 of 2 claims beyond the paper hold"
    assert list(claims.worst(frame)["reproduced_verdict"]) == [True, True, False], "claims of one name are decided apart"


def test_the_row_that_decides_is_shown(tmp_path):
    near, far, told = (dataclasses.replace(C, measure=name, statement=name) for name in ("near", "far", "told"))
    told = dataclasses.replace(told, criterion=None, published=3.0, tolerance=0.1)
    write(tmp_path / "x", (far, [9.0, 9.1, 9.2]), (near, [1.0, 1.4, 1.8]))
    assert list(claims.worst(claims.collect(tmp_path))[["statement", "rows"]].iloc[0]) == ["near", 2]
    write(tmp_path / "x", (far, [9.0, 9.1, 9.2]), (near, [1.0, 1.4, 1.8]), (told, [1.0, 1.1]))
    row = claims.worst(claims.collect(tmp_path)).iloc[0]
    assert row["statement"] == "told" and bool(row["reproduced_verdict"]) and not row["agrees_verdict"]
    write(tmp_path / "x", (far, [-9.0, -9.1, -9.2]), (near, [1.0, 1.4, 1.8]), (told, [1.0, 1.1]))
    assert claims.worst(claims.collect(tmp_path))["statement"].tolist() == ["far"]


def test_readme_tables_come_from_results(tmp_path):
    storage.write(
        pd.DataFrame({"seed": [0, 1, 0, 1], "rate": [1, 1, 2, 2], "reward": [0.5, 0.7, np.nan, 0.9]}),
        tmp_path / "data" / "x" / "results" / "r.csv",
    )
    folder = tmp_path / "replications" / "x"
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("a\n<!-- begin: results/r.csv by rate -->\nold\n<!-- end -->\nz\n")
    readme_tables.main(readme_tables.Options(data=tmp_path / "data", root=tmp_path))
    text = (folder / "README.md").read_text()
    assert "old" not in text and text.startswith("a\n") and text.endswith("z\n")
    assert "0.6 [0.5, 0.7]" in text and "0.9 (1 never)" in text
    readme_tables.main(readme_tables.Options(data=tmp_path / "data", root=tmp_path))
    assert (folder / "README.md").read_text() == text
    (folder / "README.md").write_text("<!-- begin: results/r.csv by speed -->\n<!-- end -->\n")
    with pytest.raises(UserError, match="speed"):
        readme_tables.main(readme_tables.Options(data=tmp_path / "data", root=tmp_path))


def test_overview_has_a_line_per_claim_and_claims_md_every_row(tmp_path):
    data = tmp_path / "data"
    write(data / "x", (C, [1.0, 1.1]), (dataclasses.replace(C, measure="p", statement="the weak one"), [-1.0, -1.1]))
    (tmp_path / "README.md").write_text("<!-- begin: claims -->\n<!-- end -->\n")
    (data / "claims.md").write_text("<!-- begin: every claim -->\n<!-- end -->\n")
    readme_tables.main(readme_tables.Options(data=data, root=tmp_path))
    short, full = (path.read_text() for path in (tmp_path / "README.md", data / "claims.md"))
    assert short.count("| c |") == 1 and "the weak one" in short and full.count("| c |") == 2
    second = dataclasses.replace(C, claim="d")
    write(data / "x", (C, [1.0, 1.1]), (dataclasses.replace(C, measure="p"), [-1.0, -1.1]), (second, [1.0, 1.1]))
    (tmp_path / "README.md").write_text("<!-- begin: claims d, c -->\n<!-- end -->\n")
    readme_tables.main(readme_tables.Options(data=data, root=tmp_path))
    some = (tmp_path / "README.md").read_text()
    assert some.count("| c |") == some.count("| d |") == 1
    (tmp_path / "README.md").write_text("<!-- begin: claims d, e -->\n<!-- end -->\n")
    with pytest.raises(UserError, match="claims d, e: no such claims"):
        readme_tables.main(readme_tables.Options(data=data, root=tmp_path))
    (tmp_path / "README.md").write_text(short)
    write(data / "x", (C, [1.0, 1.1]))
    (tmp_path / "replications" / "x").mkdir(parents=True)
    (tmp_path / "replications" / "x" / "README.md").touch()
    readme_tables.main(readme_tables.Options(experiment="x", data=data, root=tmp_path))
    assert (tmp_path / "README.md").read_text() == short, "one experiment's README alone was asked for"


@pytest.fixture
def figure():
    figure = plotting.new_figure(plotting.SINGLE_COLUMN, 40)
    plotting.bar(figure.add_subplot(), 0, np.arange(8.0), "gray")
    return figure


def test_figures_carry_provenance_and_dots_show_every_network(tmp_path, figure):
    (ax,) = figure.axes
    assert len(ax.collections[0].get_offsets()) == 8
    plotting.save(figure, "fig9", tmp_path, {"commit": "abc"}, {"a": [ax]})
    assert plotting.provenance(tmp_path / "fig9.png") == plotting.provenance(tmp_path / "fig9_a.png") == {"commit": "abc"}
    assert b"abc" in (tmp_path / "fig9.pdf").read_bytes()


def test_figures_that_look_the_same_are_left_as_they_are(tmp_path, figure):
    (ax,) = figure.axes
    plotting.save(figure, "fig9", tmp_path, {"commit": "abc"}, {"a": [ax]})
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    plotting.save(figure, "fig9", tmp_path, {"commit": "def"}, {"a": [ax]})
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    ax.set_title("changed")
    plotting.save(figure, "fig9", tmp_path, {"commit": "def"}, {"a": [ax]})
    assert all(path.read_bytes() != before[path] for path in tmp_path.iterdir())
