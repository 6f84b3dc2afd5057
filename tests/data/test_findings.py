from deeplab.data.findings import Finding, Kind, Place, found, some

KIND = Kind("odd", "warning", "odd {things}", "They are odd", "Make {things} even", "made even")


def test_the_figures_of_a_data_set_stand_in_the_texts_of_a_kind():
    finding = found(KIND, [Place("train", "a"), Place("val", "b", detail="3")], {"things": "sizes"})
    assert finding == Finding(
        KIND, finding.places, "odd sizes", "They are odd", "Make sizes even", "made even",
        "2 pictures",
    )  # fmt: skip
    assert finding.summary() == (
        "odd sizes (2 pictures): train/a, val/b (3). They are odd. Make sizes even"
    )


def test_a_sample_says_of_how_many(tmp_path):
    finding = found(KIND, [Place("train", "a")], {"things": "sizes"}, num_seen=32)
    assert finding.headline == "odd sizes (1 picture of 32 that were looked at)"


def test_of_many_the_first_are_shown():
    assert some([1, 2, 3], 3) == "1, 2, 3"
    assert some([1, 2, 3], 2) == "1, 2, ... (3 in all)"


def test_a_split_is_a_place_too():
    assert str(Place("test", "", detail="list.txt")) == "test (list.txt)"
    assert found(KIND, [Place("test", "")], {"things": "x"}).headline == "odd x"
