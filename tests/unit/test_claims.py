"""Verdicts follow their rules."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from prefrontal.errors import UserError
from prefrontal.experiments import Study
from prefrontal.publishing import claims, evidence
from prefrontal.publishing.claims import EXTENSION, Claim, above, below, between, not_above
from prefrontal.publishing.text import Functions
from prefrontal.tables import schema, storage


def evaluate_claim(values, criterion=None, published=np.nan, tolerance=None, **kwargs):
    claim = Claim("c", "q", "1a", "a measure", criterion, published, tolerance, **kwargs)
    return claims.evaluate_claim(claim, values)


def write(folder, *evaluated):
    """Write claims as an analysis does: pairs of a claim and its networks' values."""
    rows = [claims.evaluate_claim(claim, values) for claim, values in evaluated]
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


def test_a_network_without_a_value_fails_the_row():
    row = evaluate_claim([1, 1.1, *[np.nan] * 6], above(0), 1.05, 0.5)
    assert row["n_networks"] == 2
    assert row["reproduced_verdict"] is False and row["agrees_verdict"] is False
    assert row["criterion"] == (
        "interval above 0; agrees within 0.5 or in range; 6 of 8 without a value"
    )
    infinite = evaluate_claim([1, np.inf], above(0))
    assert infinite["criterion"].endswith("1 of 2 without a value")
    reported = evaluate_claim([1, np.nan])
    assert reported["reproduced_verdict"] is None and reported["agrees_verdict"] is None
    assert "1 of 2" in reported["criterion"]
    claim = Claim("c", "q", "1a", "s", above(0), summary="difference", versus="other")
    row = claims.evaluate_claim(claim, [3.0, 4.0, 5.0], versus=[1.0, 2.0, np.nan])
    assert row["ci_low"] > 0 and row["reproduced_verdict"] is False and "1 of 6" in row["criterion"]


@pytest.mark.parametrize(
    ("published", "agrees"), [(1.0, True), (1.29, True), (1.6, False), (0.5, True)]
)
def test_agrees_within_tolerance_or_range(published, agrees):
    row = evaluate_claim([0.4, 1.2, 1.4], published=published, tolerance=0.3)
    assert row["agrees_verdict"] is agrees and row["reproduced_verdict"] is None


def test_agreement_may_be_one_sided():
    assert evaluate_claim([0.4, 0.5], published=0.2, or_more=True)["agrees_verdict"] is True
    assert evaluate_claim([0.4, 0.5], published=0.9, or_more=True)["agrees_verdict"] is False


@pytest.mark.parametrize(
    ("values", "holds"), [([-2, -1], True), ([-1, 1.5], True), ([1, 1.1], False), ([1], False)]
)
def test_a_criterion_may_be_negated(values, holds):
    row = evaluate_claim(values, not_above(0))
    assert row["reproduced_verdict"] is holds and row["criterion"] == "interval not above 0"
    assert np.isinf(row["below"]) and np.isinf(row["above"])


def test_summaries_by_hand():
    share = evaluate_claim([1.0, 1.0, 0.0, 1.0], above(0.2), summary="share")
    z = 1.959964
    middle = (0.75 + z**2 / 8) / (1 + z**2 / 4)
    half = z / (1 + z**2 / 4) * np.sqrt(0.75 * 0.25 / 4 + z**2 / 64)
    expected = (0.75, middle - half, middle + half)
    assert (share["reproduced"], share["ci_low"], share["ci_high"]) == pytest.approx(expected)
    claim = Claim("c", "q", "1a", "s", above(0), summary="difference", versus="other")
    row = claims.evaluate_claim(claim, [3.0, 4.0, 5.0], versus=[1.0, 2.0, 3.0])
    assert row["reproduced"] == pytest.approx(2)
    assert row["ci_high"] - 2 == pytest.approx(2.776445 * np.sqrt(2 / 3))


def test_criteria_may_name_a_benchmark():
    claim = Claim("c", "q", "1a", "s", below("Thompson's regret"))
    row = claims.evaluate_claim(claim, [1.0, 1.1], {"Thompson's regret": 3.0})
    assert row["below"] == 3 and row["criterion"] == "interval below 3 (Thompson's regret)"
    assert row["reproduced_verdict"] is True
    with pytest.raises(UserError, match=r"benchmark \"Thompson's regret\"; there are UCB's"):
        claims.evaluate_claim(claim, [1.0, 1.1], {"UCB's": 3.0})


def measured(**values):
    """Measures of a claim "c": name or variant__name -> a value per network."""
    rows = []
    for key, numbers in values.items():
        variant, _, measure = key.rpartition("__")
        rows += [(variant or "main", "c", measure, seed, x) for seed, x in enumerate(numbers)]
    return pd.DataFrame(rows, columns=list(schema.COLUMNS["measures"]))


ROWS = [
    Claim("c", "x", "1a", "x"),
    Claim("c", "x", "1a", "x elsewhere", variant="other"),
    Claim("c", "y", "1b", "y", above(0)),
]


def test_claims_are_evaluated_and_found_by_their_key():
    rows = ROWS + claims.for_variants(ROWS, "anew", {"main": "other"}, "of others", ["c"])
    values = measured(x=[1, 2], other__x=[3, 5], y=[1, 2], other__y=[7, 9])
    frame = claims.evaluate_claims(rows, values, "main", {})
    assert list(frame["reproduced"]) == [1.5, 4, 1.5, 8]
    assert list(frame["variant"]) == ["main", "other", "main", "other"]
    assert claims.find(frame, "c", "x")["reproduced"] == 1.5
    assert claims.find(frame, "c", "x", "other")["reproduced"] == 4
    assert claims.find(frame, "anew")["statement"] == "y: of others"
    for *key, message in (
        ("d", "no claim 'd'"),
        ("c", "'x', 'y'"),
        ("c", "z", "'x', 'y'"),
        ("c", "y", "other", "other"),
    ):
        with pytest.raises(UserError, match=message):
            claims.find(frame, *key)


def test_claims_without_a_measure_or_declared_twice_are_named():
    with pytest.raises(UserError, match="'c' has no measure 'z' for 'main'; measured are c: x"):
        claims.evaluate_claims([Claim("c", "z", "1a", "z")], measured(x=[1, 2]), "main", {})
    with pytest.raises(UserError, match="'x' is declared twice"):
        claims.evaluate_claims([ROWS[0], ROWS[0]], measured(x=[1, 2]), "main", {})


def test_rows_with_a_criterion_name_the_commit_that_fixed_it():
    rows = [*ROWS, Claim("c", "z", "1b", "z", below(0))]
    commits = {"4d3f2a1 2026-10-02": ["c"], "1234567 2026-10-03": [("c", "z")]}
    registered = [row.registered for row in claims.register(rows, commits)]
    assert registered == ["", "", "4d3f2a1 2026-10-02", "1234567 2026-10-03"]
    for name in ("d", ("c", "x")):
        with pytest.raises(UserError, match=r"no claim .* with a criterion"):
            claims.register(rows, {"4d3f2a1 2026-10-02": [name]})
    frame = claims.evaluate_claims(
        claims.register(ROWS, {"4d3f2a1 2026-10-02": ["c"]}),
        measured(x=[1, 2], other__x=[3, 5], y=[1, 2]),
        "main",
        {},
    )
    assert list(frame["registered"]) == ["", "", "4d3f2a1 2026-10-02"]


def test_measures_are_long():
    wide = pd.DataFrame({"variant": "main", "subject": [0, 1], "a": [1, 2], "b": [3, 4], "more": 0})
    long = claims.measures("c", wide, {"a": "first", "b": "second"})
    assert long["value"].tolist() == [1, 2, 3, 4]
    indexed = wide.drop(columns="more").set_index(["variant", "subject"])
    long = claims.measures("c", indexed, str.upper)
    assert long["measure"].tolist() == ["A", "A", "B", "B"]
    assert list(long) == list(schema.COLUMNS["measures"])


def test_a_network_without_a_row_is_not_left_out():
    """It has another measure of the same variant."""
    rows = [("main", "c", "q", seed, 1.0 + seed / 10) for seed in range(3)]
    rows += [("main", "d", "q", seed, 1.0) for seed in range(4)] + [("other", "c", "q", 9, 1.0)]
    measures = pd.DataFrame(rows, columns=list(schema.COLUMNS["measures"]))
    row = claims.evaluate_claims([C], measures, "main", {}).iloc[0]
    assert row["n_networks"] == 3 and not row["reproduced_verdict"]
    assert "1 of 4 without a value" in row["criterion"]


def test_a_missing_variant_to_compare_with_is_named():
    claim = dataclasses.replace(C, measure="x", summary="difference", versus="typo")
    with pytest.raises(UserError, match="claim 'c' has no measure 'x' for 'typo'; measured are c"):
        claims.evaluate_claims([claim], measured(x=[1.0]), "main", {})


C = Claim("c", "q", "1a", "s", above(0))


def test_scores_of_experiments_add_up_to_the_whole(tmp_path):
    shared = dataclasses.replace(C, claim="rpe-input")
    write(tmp_path / "x", (C, [1.0, 1.1]), (shared, [1.0, 1.1]))
    write(tmp_path / "y", (dataclasses.replace(C, claim="d"), [-1.0, -1.1]), (shared, [-1.0, -1.1]))
    frame = claims.collect(tmp_path)
    assert claims.score(frame) == "1 of 3 claims reproduced"
    scores = [claims.score(claims.scored_rows(frame, name)) for name in ("x", "y", "rpe_input")]
    assert scores == [f"{count} of 1 claims reproduced" for count in (1, 0, 0)]


def test_score_counts_claims_not_rows(tmp_path):
    write(tmp_path / "x", (C, [1.0, 1.1]), (dataclasses.replace(C, measure="p"), [-1.0, -1.1]))
    frame = claims.collect(tmp_path)
    assert claims.score(frame).startswith("0 of 1 claims reproduced")
    assert list(claims.readable(frame)["reproduced?"]) == ["yes", "NO"]


def test_extensions_never_change_the_papers_score(tmp_path):
    write(tmp_path / "x", (C, [1.0, 1.1]))
    before = claims.score(claims.collect(tmp_path))
    held, failed = (dataclasses.replace(C, claim=name, panel=EXTENSION) for name in ("guess", "c"))
    write(tmp_path / "new", (held, [1.0, 1.1]), (failed, [-1.0, -1.1]))
    frame = claims.collect(tmp_path)
    assert claims.score(frame) == f"{before}; 1 of 2 claims beyond the paper hold"
    assert claims.score(claims.scored_rows(frame, "x")) == before
    verdicts = claims.deciding_rows(frame)["reproduced_verdict"]
    assert list(verdicts) == [True, True, False], "claims of one name are decided separately"


def test_claims_about_the_paper_need_a_figure_of_it():
    with pytest.raises(UserError, match="toy: panel of claim 'c' is '1a'; it must be EXTENSION"):
        Study(name="toy", title="", question="", claims=[C])
    Study(name="toy", title="", question="", claims=[dataclasses.replace(C, panel=EXTENSION)])
    Study(name="toy", title="", question="", claims=[C], figure="1")


def test_the_row_that_decides_is_shown(tmp_path):
    near, far, reported = (
        dataclasses.replace(C, measure=name, statement=name) for name in ("near", "far", "reported")
    )
    reported = dataclasses.replace(reported, criterion=None, published=3.0, tolerance=0.1)
    high, low = (far, [9.0, 9.1, 9.2]), (far, [-9.0, -9.1, -9.2])
    middle, differs = (near, [1.0, 1.4, 1.8]), (reported, [1.0, 1.1])

    def decides(*evaluated):
        write(tmp_path / "x", *evaluated)
        (row,) = claims.deciding_rows(claims.collect(tmp_path)).to_dict("records")
        return row

    row = decides(high, middle)
    assert row["statement"] == "near" and row["rows"] == 2
    row = decides(high, middle, differs)
    assert (
        row["statement"] == "reported" and row["reproduced_verdict"] and not row["agrees_verdict"]
    )
    assert decides(low, middle, differs)["statement"] == "far"


def test_tables_fit_a_terminal(tmp_path):
    long = dataclasses.replace(
        C, claim="a-claim-with-a-name", measure="a measure of many words " * 3
    )
    write(tmp_path / "x", (C, [1.0, 1.1]), (long, [-12345.0, -1.1e-7]))
    frame = claims.collect(tmp_path)
    for text in (claims.as_text(frame), claims.compare(frame, frame.iloc[:1])):
        assert max(map(len, text.splitlines())) <= claims.WIDTH
    header, first, *_ = claims.as_text(frame).splitlines()
    columns = ["panel", "claim: measure", "ours [95 %]", "published", "n", "reproduced?", "agrees?"]
    assert re.split(r" {2,}", header) == columns
    row = ["1a", "c: q", "1.05 [0.415, 1.69]", "—", "2", "yes", "—"]
    assert re.split(r" {2,}", first) == row


def test_a_run_is_compared_with_the_suite(tmp_path):
    main, other = (dataclasses.replace(C, variant=name) for name in ("main", "other"))
    write(tmp_path / "run" / "x", (main, [1.0, 1.1]), (other, [5.0, 5.1]))
    write(tmp_path / "suite" / "x", (main, [3.0, 3.1, 3.2]))
    run, suite = (claims.collect(tmp_path / name) for name in ("run", "suite"))
    header, first, second = claims.compare(run, suite).splitlines()
    cells = [re.split(r" {2,}", line.strip()) for line in (header, first, second)]
    assert cells == [
        ["claim: measure", "suite [95 %]", "this run [95 %]", "n"],
        ["c: q @ main", "3.1 [2.85, 3.35]", "1.05 [0.415, 1.69]", "3, 2"],
        ["c: q @ other", "—", "5.05 [4.41, 5.69]", "—, 2"],
    ]


def test_the_larger_sample_counts_and_the_smaller_one_is_kept(tmp_path):
    claim = Claim("c", "q", "1a", "a measure", above(0), 1.05, 0.2)
    few = pd.DataFrame([claims.evaluate_claim(claim, [1.0, -1.1, 0.9, 0.2])])
    fresh = pd.DataFrame([claims.evaluate_claim(claim, [1.0, 1.1, 0.9, 1.0, 1.2])])
    storage.write(claims.add_fresh(few, fresh), tmp_path / "x" / "results" / "claims.csv", "claims")
    frame = claims.collect(tmp_path)
    assert frame["reproduced"].item() == pytest.approx(0.25)  # figures show these networks
    row = claims.deciding_rows(frame).iloc[0]
    assert row["reproduced"] == pytest.approx(1.04) and row["n_networks"] == 5
    texts = Functions(tmp_path)
    assert texts.claim("c").startswith("1.04 [") and texts.drawn("c").startswith("0.25 [")
    assert claims.score(frame).startswith("1 of 1 claims reproduced")
    text = claims.readable(frame).iloc[0]
    assert text["n"] == 5 and text["as many networks as in the paper"].endswith("n = 4: NO, NO")
    header, *lines = claims.as_text(frame).splitlines()
    assert "c: q" in lines[0] and " 5 " in lines[0] and "yes" in lines[0]
    assert claims.AS_IN_THE_PAPER[:20] in lines[1] and "NO" in " ".join(lines[1:])
    assert max(map(len, [header, *lines])) <= claims.WIDTH


def test_evidence_complements_the_interval():
    values = [1.0, 1.1, 0.9, 1.0, 1.2, 0.95, 1.05, 0.2]
    claim = Claim("c", "q", "1a", "a measure", above(0.6), 1.0)
    row = evidence.evidence(claim, [np.array(values)], {})
    sd = np.std(values, ddof=1)
    assert row["distance_sd"] == pytest.approx((np.mean(values) - 0.6) / sd)
    assert row["p"] == pytest.approx(stats.ttest_1samp(values, 0.6).pvalue)
    assert row["p_rank"] == pytest.approx(stats.wilcoxon(np.array(values) - 0.6).pvalue)
    assert row["boot_low"] < np.mean(values) < row["boot_high"] and 0 < row["power"] < 1
    assert row["in_interval"] and row["in_prediction"]
    rounded_otherwise = np.array(values) * (1 + 1e-15 * np.arange(8))
    again = evidence.evidence(claim, [rounded_otherwise], {})
    assert [again["boot_low"], again["boot_high"]] == pytest.approx(
        [row["boot_low"], row["boot_high"]], rel=1e-9
    )
    outlier = evidence.evidence(claim, [np.array([1.0, 1.1, 0.9, 1.0, -3])], {})
    assert outlier["flips"] == 1 and outlier["p"] == 1 and outlier["distance_sd"] < 0
    share = Claim("c", "q", "1a", "s", claims.at_least(0.5), summary="share")
    assert claims.evaluate_claim(share, [1.0, 0.0])["reproduced_verdict"] is True
    assert claims.evaluate_claim(share, [1.0, 0.0, 0.0])["reproduced_verdict"] is False
    shares = evidence.evidence(share, [np.array([1.0, 1.0, 1.0, 0.0])], {})
    assert shares["p"] == pytest.approx(2 * stats.binomtest(3, 4, 0.5, "greater").pvalue)


@pytest.mark.parametrize(
    ("distance", "sd", "sizes"),
    [(5.250436, 1.094138, (3,)), (0.3, 2.0, (5,)), (0.3, 0.31, (16, 8)), (0.3, 0.31, (4, 32))],
)
def test_power_is_how_often_the_interval_clears_the_bound(distance, sd, sizes):
    """For the first sample, SciPy has no value at the opposite tail."""
    summary = "difference" if len(sizes) == 2 else "mean"
    claim = Claim("c", "q", "1a", "a measure", above(0), summary=summary)
    rng = np.random.default_rng(1)

    def cleared(distance):
        first, *others = (rng.normal(size=(100_000, size)) * sd for size in sizes)
        test = stats.ttest_ind if others else stats.ttest_1samp
        tested = test(first + distance, *(others or [0]), axis=1)
        return np.mean(tested.confidence_interval().low > 0)

    values = [stats.zscore(rng.normal(size=size), ddof=1) * sd for size in sizes]
    row = evidence.evidence(claim, [values[0] + distance, *values[1:]], {})
    assert row["sd"] == pytest.approx(sd)
    assert row["power"] == pytest.approx(cleared(distance), abs=0.006)
    assert cleared(row["detectable_sd"] * sd) == pytest.approx(0.8, abs=0.006)


def test_holm_corrects_what_counts(tmp_path):
    rows = {"claim": "c", "measure": ["a", "b", "b"], "variant": "v"}
    rows |= {"sample": ["paper", "paper", "fresh"], "p": [0.01, 0.9, 0.03]}
    storage.write(pd.DataFrame(rows), tmp_path / "x" / "results" / "evidence.csv")
    assert evidence.collect(tmp_path)["holm"].tolist()[::2] == [0.02, 0.03]
    assert evidence.collect(tmp_path)["holm"].isna().tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("published", "where", "counts"),
    [
        (1.0, "95 % interval", "1, 1"),
        (1.2, "prediction interval", "1, 0"),
        (2.0, "neither", "0, 0"),
    ],
)
def test_the_overview_counts_criteria_and_published_values(tmp_path, published, where, counts):
    claim = Claim("c", "q", "1a", "a measure", above(0), published, variant="v")
    measured = pd.DataFrame({"variant": "v", "claim": "c", "measure": "q", "subject": range(4)})
    samples = {"paper": [3.0, 4.0, 3.5, 3.0], "fresh": [0.9, 1.1, 1.0, 1.05]}
    rows = [
        evidence.table([claim], measured.assign(value=values), "v", {}, sample)
        for sample, values in samples.items()
    ]
    storage.write(pd.concat(rows), tmp_path / "x" / "results" / "evidence.csv")
    summary, table = evidence.overview(tmp_path), evidence.collect(tmp_path)
    assert summary.startswith("Of 1 criteria, 1 hold at .05, and 1 after Holm's correction")
    found = re.search(r"Of 1 published values, (\d) lie in .* network, (\d) in our", summary)
    assert found and ", ".join(found.groups()) == counts
    assert evidence.positions(table)["x", "c", "q", "v"] == where
    assert table["counts"].tolist() == [False, True]
