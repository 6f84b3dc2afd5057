import re
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from deeplab.registry import DATA_SETS, ELSEWHERE, DataSet, find_elsewhere, judge_use
from deeplab.weights import PUBLISHED, is_good_name

# Published before everybody had certificates; no other address is known.
PLAIN_HOSTS = {
    "liangchiehchen.com",
    "www.cs.jhu.edu",
    "ccvl.stat.ucla.edu",
    "vllab.ucmerced.edu",
    "vllab1.ucmerced.edu",
}

each_record = pytest.mark.parametrize("record", ELSEWHERE.values(), ids=list(ELSEWHERE))


@each_record
def test_every_record_is_complete(record) -> None:
    assert ELSEWHERE[record.name] is record
    assert is_good_name(record.name)
    assert record.name not in PUBLISHED
    for text in (record.network, record.publisher, record.layout, record.classes, record.licence):
        assert text.strip() == text != ""
    assert record.num_classes > 1
    assert record.page.startswith(("https://", "http://"))
    assert re.fullmatch(r"[\w.-]+\.(caffemodel|pth)", record.file_name)
    assert set(record.trained_on) <= set(DATA_SETS)
    assert record.trained_on or "do not say" in record.trap


@each_record
def test_addresses_are_encrypted_where_there_is_such_an_address(record) -> None:
    for url in record.urls:
        parts = urlsplit(url)
        assert parts.scheme == "https" or parts.hostname in PLAIN_HOSTS
        assert parts.path.endswith((record.file_name, ".zip"))
        assert bool(record.member) == parts.path.endswith(".zip")


@each_record
def test_a_hash_is_the_one_in_the_name_of_the_file(record) -> None:
    in_name = re.search(r"-([0-9a-f]{7,64})\.pth$", record.file_name)
    assert record.sha256 == (in_name and in_name[1])


@each_record
def test_scores_are_fractions_with_a_source(record) -> None:
    for score in record.scores:
        assert 0.3 < score.miou < 0.9
        assert score.by
        assert re.search(r"arXiv \d|github\.com/|https://", score.source)


def test_addresses_are_of_one_file_each() -> None:
    places = [(url, one.member) for one in ELSEWHERE.values() for url in one.urls]
    assert len(set(places)) == len(places)


def test_what_was_trained_on_trainval_says_so() -> None:
    for record in ELSEWHERE.values():
        assert ("has seen val" in record.trap) == ("train2_iter" in record.file_name)


def test_torchvisions_own_source_says_the_same() -> None:
    models = pytest.importorskip("torchvision.models", reason="needs torchvision (extra train)")
    theirs = {
        url: weights
        for name in ("deeplabv3_resnet50", "deeplabv3_resnet101", "deeplabv3_mobilenet_v3_large")
        for weights in models.get_model_weights(name)
        for url in [weights.url]
    } | {
        weights.url: weights
        for name in ("resnet50", "resnet101")
        for weights in models.get_model_weights(name)
    }
    ours = {one.urls[0]: one for one in ELSEWHERE.values() if one.publisher == "torchvision"}
    assert ours.keys() == theirs.keys()
    for url, record in ours.items():
        meta = theirs[url].meta
        assert record.size_mb == pytest.approx(meta["_file_size"] * 1.048576, abs=0.06)
        miou = [one["miou"] / 100 for one in meta["_metrics"].values() if "miou" in one]
        assert [score.miou for score in record.scores] == pytest.approx(miou)


def test_every_layout_is_read_but_those_that_say_so() -> None:
    layouts = pytest.importorskip("deeplab.models.foreign.layouts", reason="needs torch")
    for record in ELSEWHERE.values():
        is_read = record.layout in layouts.LAYOUTS
        assert is_read == ("does not read" not in record.trap), record.name


def test_use_is_judged_by_the_strictest_terms(monkeypatch: pytest.MonkeyPatch) -> None:
    free = DataSet("Free", "CC0", "https://example.org", commercial_ok=True)
    monkeypatch.setitem(DATA_SETS, "free", free)
    assert judge_use(["free"]).commercial_ok
    assert not judge_use(["free", "imagenet"]).commercial_ok
    assert "ImageNet" in judge_use(["free", "imagenet"]).reason
    assert judge_use(["mine"]).reason == "the terms of mine are not known"
    assert not judge_use([]).commercial_ok


def test_a_licence_can_forbid_what_the_data_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    free = DataSet("Free", "CC0", "https://example.org", commercial_ok=True)
    monkeypatch.setitem(DATA_SETS, "free", free)
    record = replace(ELSEWHERE["adaptsegnet-gta5-multi"], trained_on=("free",))
    assert not record.use.commercial_ok
    assert replace(record, licence_forbids_trade=False).use.commercial_ok


def test_data_sets_of_which_use_is_judged_say_their_terms() -> None:
    for known in DATA_SETS.values():
        assert known.terms
        assert urlsplit(known.url).scheme in ("http", "https")


def test_a_mistyped_name_tells_its_nearest() -> None:
    with pytest.raises(ValueError, match=r"did you mean 'kazuto1011-voc12'\?"):
        find_elsewhere("kazuto1011-voc21")
