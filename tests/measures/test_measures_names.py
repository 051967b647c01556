"""Names of measures: every spelling, the canonical form, what a measure says of itself, and all mistakes at once."""

from __future__ import annotations

import pytest

from clinometer.errors import MeasureError
from clinometer.measures import KNOWN, Measure, parse

SPELLINGS = {
    "nDCG": "nDCG ndcg NDCG",
    "nDCG@10": "nDCG@10 ndcg@10 ndcg_cut_10 ndcg_cut.10 ndcg_at_10 NDCG_AT_10 ndcg_10 nDCG@010",
    "R@100": "R@100 r@100 recall_100 recall@100 recall_at_100 recall.100",
    "RR": "RR mrr MRR recip_rank",
    "RR@10": "RR@10 mrr@10 mrr_at_10",
    "AP": "AP map MAP",
    "AP@100": "AP@100 map@100 map_cut_100 map_at_100",
    "P@5": "P@5 P_5 P.5 precision@5 precision_at_5",
    "Success@1": "Success@1 success_1 hit_rate@1 hit_rate_at_1",
    "nDCG(judged_only=True)@10": "nDCG(judged_only=True)@10 ndcg(JUDGED_ONLY=true)@10",
    "AP(rel=2)": "AP(rel=2) map(REL=02) AP(rel='2') AP(rel=2,judged_only=False)",
    "AP(judged_only=True, rel=2)@5": "AP(rel=2,judged_only=True)@5 AP(judged_only=True,rel=2)@5",
    "P@10": "P@10 P(rel=1)@10 P(judged_only=False,rel=1)@10",
    "Rprec": "Rprec rprec R-precision r_precision",
    "Bpref": "Bpref bpref bpref(rel=1)",
    "Bpref(rel=3)": "bpref(rel=3)",
    "RBP": "RBP rbp RBP(p=0.8) rbp(p=.80)",
    "RBP(p=0.5, rel=2)@10": "RBP(p=0.5,rel=2)@10 RBP(rel=2,p=.5)@10",
    "ERR@20": "ERR@20 err@20 err_20 expected_reciprocal_rank@20",
    "MaxR": "MaxR Max@R max@r maxr max_r",
    "MaxRnorm": "MaxRnorm Max@R_norm maxr_norm MAXRNORM",
    "Complete@10": "Complete@10 Comp@10 complete_at_10 comp_at_10",
    "RankGap": "RankGap rankgap rank_gap",
    "PivotFirst": "PivotFirst pivotfirst pivot_first",
    "Intrusion": "Intrusion intrusion Intrusion() Intrusion(by=other)",
    "Intrusion(by=own)": "Intrusion(by=own) intrusion(BY=Own) Intrusion(by='own')",
    "IntrusionCount": "IntrusionCount intrusion_count",
    "IntrusionCount(by=own)": "IntrusionCount(by=own) intrusioncount(by=own)",
    "LangShare@10": "LangShare@10 langshare_at_10 lang_share@10",
    "LangShare(lang=de)@10": "LangShare(lang=de)@10 langshare(lang='deu_Latn')@10 LangShare(lang=DE)@10",
    "Judged@10": "Judged@10 judged_at_10",
    "LPR": "LPR lpr LPR() LPR(variant=first) language_preference_rate",
    "LPR(variant=top1)": "LPR(variant=top1) lpr(VARIANT=Top1)",
    "LPR(variant=any)": "LPR(variant=any) lpr(variant='any')",
    "LPR(variant=pair)": "LPR(variant=pair)",
    "LangNDCG": "LangNDCG langndcg lang_ndcg Lang-nDCG LangNDCG(gain=0.5)",
    "LangNDCG@10": "LangNDCG@10 lang_ndcg_at_10 Lang-nDCG@10 lang_ndcg_cut_10 LangNDCG(gain=.5)@10",
    "LangNDCG(gain=0)@10": "LangNDCG(gain=0)@10 LangNDCG(gain=0.0)@10 langndcg(GAIN=-0)@10",
    "LangNDCG(gain=0.25)": "LangNDCG(gain=0.25) LangNDCG(gain=.250)",
    "FourWay(SR-QL)": "FourWay(SR-QL) fourway(sr-ql) four_way(part=sr-ql)",
    "FourWay(NSR-NQL)": "FourWay(NSR-NQL) four-way(nsr-nql)",
    "Reachable@10": "Reachable@10 reachable_at_10 REACHABLE@10",
    "RankDistance": "RankDistance rankdistance rank_distance",
    "StrongViolation": "StrongViolation strong_violation",
    "TLR@20": "TLR@20 tlr@20 tlr_at_20 target_languages_recall@20",
    "LanguageGap(FourWay(SR-QL))": "LanguageGap(FourWay(sr-ql))",
    "LanguageGap(MaxRnorm)": "LanguageGap languagegap LanguageGap(MaxRnorm) language_gap(Max@R_norm)",
    "LanguageGap(nDCG@10)": "LanguageGap(nDCG@10) LanguageGap(ndcg_cut_10)",
    "LanguageGap(LangShare(lang=de)@5)": "LanguageGap(LangShare(lang=de)@5)",
}


@pytest.mark.parametrize(
    ("spelling", "canonical"), [(spelling, name) for name, row in SPELLINGS.items() for spelling in row.split()]
)
def test_every_spelling_has_one_canonical_form(spelling: str, canonical: str) -> None:
    (measure,) = parse([spelling])
    assert str(measure) == canonical
    assert parse([canonical]) == [measure]
    assert parse([f"  {spelling} "]) == [measure]


def test_known_names_are_canonical_and_name_every_measure() -> None:
    assert [str(measure) for measure in parse(KNOWN)] == list(KNOWN)
    assert {measure.name for measure in parse(SPELLINGS)} == {measure.name for measure in parse(KNOWN)}


def test_duplicates_are_removed_and_the_order_kept() -> None:
    names = ["RR", "ndcg_cut_10", "mrr", "nDCG@10", "MaxR", "nDCG@5", "Max@R"]
    assert [str(measure) for measure in parse(names)] == ["RR", "nDCG@10", "MaxR", "nDCG@5"]
    assert parse([Measure("RR"), "mrr", Measure("P", 5)]) == [Measure("RR"), Measure("P", 5)]
    assert parse([]) == []


@pytest.mark.parametrize(
    ("name", "display", "higher", "unit"),
    [
        ("nDCG@10", "nDCG@10", True, "0-1"),
        ("R@100", "R@100", True, "0-1"),
        ("Success@1", "Success@1", True, "0-1"),
        ("MaxR", "Max@R", False, "rank"),
        ("MaxRnorm", "Max@R norm", True, "%"),
        ("Complete@10", "Complete@10", True, "%"),
        ("RankGap", "Rank gap", None, "log2 ranks"),
        ("PivotFirst", "Pivot first", None, "share"),
        ("Intrusion", "Intrusion", False, "share"),
        ("Intrusion(by=own)", "Intrusion (own)", False, "share"),
        ("IntrusionCount", "Intrusion count", False, "documents"),
        ("LangShare@10", "Language share@10", None, "share"),
        ("LangShare(lang=de)@10", "Language share (de)@10", None, "share"),
        ("LPR", "LPR", None, "%"),
        ("LPR(variant=top1)", "LPR (top1)", None, "%"),
        ("LangNDCG@10", "Lang-nDCG@10", True, "0-1"),
        ("LangNDCG(gain=0)@10", "Lang-nDCG (gain 0)@10", True, "0-1"),
        ("FourWay(NSR-QL)", "Four-way (NSR-QL)", None, "%"),
        ("Reachable@10", "Reachable@10", True, "%"),
        ("RankDistance", "Rank distance", False, "rank"),
        ("StrongViolation", "Strong alignment violated", False, "share"),
        ("TLR@20", "TLR@20", True, "0-1"),
        ("LanguageGap", "Language gap (Max@R norm)", False, "%"),
        ("LanguageGap(MaxR)", "Language gap (Max@R)", False, "rank"),
    ],
)
def test_what_a_measure_says_of_itself(name: str, display: str, higher: bool | None, unit: str) -> None:
    (measure,) = parse([name])
    assert (measure.display, measure.higher_is_better, measure.unit) == (display, higher, unit)


def test_summaries_are_one_sentence_with_the_source() -> None:
    for measure in parse(KNOWN):
        assert measure.summary.endswith(".")
        assert "{" not in measure.summary
        ours = measure.name in {
            "RankGap", "PivotFirst", "Intrusion", "IntrusionCount", "LangShare", "LPR", "LangNDCG", "FourWay",
            "StrongViolation", "Reachable",
        }  # fmt: skip
        assert ("[our definition]" in measure.summary) == ours
        sources = (
            "trec_eval",
            "arXiv 2604.05684",
            "arXiv 2408",
            "arXiv 2606.18801",
            "Moffat and Zobel",
            "Chapelle",
            "ir_measures",
        )
        assert ours or any(source in measure.summary for source in sources)
    assert "the first 10 documents" in Measure("nDCG", 10).summary
    assert "the whole ranking" in Measure("nDCG").summary
    assert "Share of de among" in Measure("LangShare", 10, (("lang", "de"),)).summary
    assert "Share of the pivot language among" in Measure("LangShare", 10).summary
    assert "mean Max@R norm between" in parse(["LanguageGap"])[0].summary
    assert "counts 0.5 of its grade" in Measure("LangNDCG").summary
    assert "counts 0 of its grade" in parse(["LangNDCG(gain=0)@10"])[0].summary
    assert "the document on top is not relevant, but in the query's language" in parse(["FourWay(NSR-QL)"])[0].summary
    both = [measure.summary for measure in parse(["Intrusion", "Intrusion(by=own)"])]
    assert "unrelated document in the other language" in both[0]
    assert "unrelated document in the query's language" in both[1]


def test_the_measure_inside_a_gap() -> None:
    assert parse(["LanguageGap(Comp@10)"])[0].inner == Measure("Complete", 10)
    assert Measure("MaxR").inner is None


def test_all_bad_names_are_listed_at_once() -> None:
    with pytest.raises(MeasureError) as caught:
        parse(["nDCG@10", "nGCD@10", "P", "RR@0", "bogus"])
    text = str(caught.value)
    assert text.startswith("4 measure names cannot be used: ")
    assert "'nGCD@10': not the name of a measure, did you mean nDCG@10?" in text
    assert "'P': P needs a cutoff, such as P@10" in text
    assert "'RR@0': the cutoff '0' is not a positive whole number" in text
    assert "'bogus': not the name of a measure" in text
    assert text.endswith("The measures are " + ", ".join(KNOWN))


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("R", "R needs a cutoff, such as R@10"),
        ("Success", "Success needs a cutoff, such as Success@10"),
        ("Complete", "Complete needs a cutoff, such as Complete@10"),
        ("LangShare", "LangShare needs a cutoff, such as LangShare@10"),
        ("MaxR@10", "MaxR takes no cutoff: write MaxR"),
        ("RankGap@5", "RankGap takes no cutoff: write RankGap"),
        ("nDCG@ten", "the cutoff 'ten' is not a positive whole number"),
        ("nDCG@", "the cutoff '' is not a positive whole number"),
        ("nDCG@-3", "the cutoff '-3' is not a positive whole number"),
        ("nDCG@1.5", "the cutoff '1.5' is not a positive whole number"),
        ("P_0", "the cutoff '0' is not a positive whole number"),
        ("MaxR(rel=2)", "MaxR takes nothing in brackets, not rel=2"),
        ("P(x=2)@5", "P takes judged_only=True or rel=GRADE in brackets, not x=2"),
        ("P(rel=2,rel=3)@5", "P takes judged_only=True or rel=GRADE in brackets, not rel=2, rel=3"),
        ("P(rel=0)@5", "P takes rel=GRADE in brackets, a whole number of 1 (the default) or more, not rel=0"),
        ("P(rel=1.5)@5", "P takes rel=GRADE in brackets"),
        ("AP(judged_only=maybe)", "AP takes judged_only=True in brackets, not judged_only=maybe"),
        ("nDCG(rel=2)", "nDCG takes judged_only=True in brackets, not rel=2"),
        ("RBP(p=1)", "RBP takes p=NUMBER between 0 and 1 in brackets (0.8 by default), not p=1"),
        ("Bpref@10", "Bpref takes no cutoff: write Bpref"),
        ("Intrusion(by=mine)", "Intrusion takes by=other (the default) or by=own in brackets, not by=mine"),
        ("Intrusion(own)", "Intrusion takes by=other (the default) or by=own in brackets, not own"),
        ("LangShare(de)@10", "LangShare takes lang=LANGUAGE in brackets, not de"),
        ("LangShare(lang=?)@10", "'?' is not a language label"),
        ("LPR@10", "LPR takes no cutoff: write LPR"),
        (
            "LPR(variant=second)",
            "LPR takes variant=first (the default), top1, any or pair in brackets, not variant=second",
        ),
        ("LPR(top1)", "LPR takes variant=first (the default), top1, any or pair in brackets, not top1"),
        (
            "LangNDCG(gain=1)@10",
            "LangNDCG takes gain=NUMBER from 0 to below 1 in brackets (0.5 by default; 1 would be nDCG",
        ),
        ("LangNDCG(gain=-1)", "LangNDCG takes gain=NUMBER from 0 to below 1"),
        ("LangNDCG(gain=nan)", "LangNDCG takes gain=NUMBER from 0 to below 1"),
        ("LangNDCG(gain=half)@10", "not gain=half"),
        ("LangNDCG(0)@10", "LangNDCG takes gain=NUMBER from 0 to below 1"),
        ("FourWay", "FourWay takes one of SR-QL, SR-NQL, NSR-QL, NSR-NQL in brackets, not nothing"),
        ("FourWay(QL)", "FourWay takes one of SR-QL, SR-NQL, NSR-QL, NSR-NQL in brackets, not part=QL"),
        ("FourWay(SR-QL)@1", "FourWay takes no cutoff"),
        ("RankDistance@3", "RankDistance takes no cutoff"),
        ("LanguageGap(nonsense)", "'nonsense' in its brackets: not the name of a measure"),
        ("LanguageGap(P)", "'P' in its brackets: P needs a cutoff"),
        ("LanguageGap(LanguageGap(RR))", "LanguageGap cannot be taken of a LanguageGap"),
        ("Max@Rnrm", "did you mean MaxRnorm?"),
        ("success@@1", "not the name of a measure, did you mean Success@"),
        ("Comple@5", "did you mean Complete@5?"),
        ("", "not the name of a measure"),
        (5, "not the name of a measure"),
    ],
)
def test_each_mistake_has_its_sentence(name: str, problem: str) -> None:
    with pytest.raises(MeasureError) as caught:
        parse([name])
    text = str(caught.value)
    assert text.startswith(f"1 measure name cannot be used: {name!r}: ")
    assert problem in text


def test_one_string_is_not_a_list_of_names() -> None:
    with pytest.raises(MeasureError, match=r"write \['nDCG@10'\]"):
        parse("nDCG@10")


@pytest.mark.parametrize(
    ("name", "cutoff", "params", "problem"),
    [
        ("NDCG", None, (), "'NDCG' is not a measure"),
        ("nDCG", 0, (), "nDCG has the cutoff 0"),
        ("MaxR", 3, (), "MaxR takes no cutoff"),
        ("LanguageGap", None, (), "LanguageGap takes the name of another measure"),
        ("MaxR", None, (("by", "own"),), "MaxR takes nothing in brackets, not by=own"),
        ("RR", None, (("by", "own"),), "RR takes judged_only=True or rel=GRADE in brackets, not by=own"),
        ("RBP", None, (("p", "0.50"),), "RBP takes p=NUMBER between 0 and 1"),
        ("AP", None, (("rel", "2"), ("judged_only", "True")), "AP takes judged_only=True or rel=GRADE in brackets"),
        ("AP", None, (("rel", "1"),), "AP takes rel=GRADE in brackets"),
        ("LPR", None, (("variant", "first"),), "LPR takes variant=first"),
        ("LangNDCG", 10, (("gain", "0.50"),), "LangNDCG takes gain=NUMBER"),
        ("FourWay", None, (("part", "sr-ql"),), "FourWay takes one of"),
    ],
)
def test_a_measure_cannot_be_made_wrong(
    name: str, cutoff: int | None, params: tuple[tuple[str, str], ...], problem: str
) -> None:
    with pytest.raises(MeasureError, match=problem):
        Measure(name, cutoff, params)
