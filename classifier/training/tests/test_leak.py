import pytest

from training import leak

LONG = "The harbour master asked the crew to move both barges before noon, since the tide would turn early that day."


def row(identifier, text):
    return {"id": identifier, "text": text}


def test_near_duplicate_fails_with_both_ids():
    training = [row("train-a", LONG.replace("noon", "nine"))]
    with pytest.raises(leak.LeakError) as error:
        leak.check(training, [row("dev-b", LONG)])
    assert "train-a" in str(error.value) and "dev-b" in str(error.value)


def test_case_spacing_and_width_do_not_hide_a_copy():
    disguised = LONG.upper().replace(" ", "  ").replace("THE", "ＴＨＥ")
    assert leak.near_duplicates([row("train-a", disguised)], [row("dev-b", LONG)])


def test_short_copy_is_found():
    assert leak.near_duplicates([row("train-a", "hi")], [row("dev-b", "hi")])


def test_other_text_passes():
    training = [row("train-a", "A recipe for plum cake that needs no eggs and little sugar.")]
    leak.check(training, [row("dev-b", LONG)])


def test_every_pair_at_the_limit_is_found():
    words = LONG.split()
    copies = [row(f"t{i}", " ".join(w + "s" if j == i else w for j, w in enumerate(words))) for i in range(len(words))]
    assert len(leak.near_duplicates(copies, [row("dev-b", LONG)])) == len(copies)


def test_passed_check_is_remembered_for_the_same_texts_only(tmp_path):
    leak.check([row("a", "one text of its own")], [row("b", LONG)], tmp_path)
    leak.check([row("a", "one text of its own")], [row("b", LONG)], tmp_path)
    with pytest.raises(leak.LeakError):
        leak.check([row("a", LONG)], [row("b", LONG)], tmp_path)


def names(training, evaluation):
    return [pair[:2] for pair in leak.contained([row("train-a", training)], [row("dev-b", evaluation)])]


def test_prefix_of_an_evaluation_text_is_found():
    assert names(LONG[:61], LONG) == [("train-a", "dev-b")]


def test_evaluation_text_in_a_page_is_found():
    page = " ".join(f"Paragraph {i} speaks of apples and of nothing else at all." for i in range(60))
    assert names(f"{page}\n{LONG}\n{page}", LONG) == [("train-a", "dev-b")]


def test_three_words_of_a_text_changed_do_not_hide_it():
    words = (LONG + " Nobody minded it at all.").split()
    assert len(words) == 25
    for at in (6, 12, 19):
        words[at] = "otherwise"
    assert names(" ".join(words), LONG + " Nobody minded it at all.") == [("train-a", "dev-b")]


def test_scripts_without_spaces_are_compared_by_characters():
    chinese = "港务长要求船员在中午之前把两艘驳船移走，因为那天潮水会提前转向。"
    assert names("天气很好。" * 9 + chinese + "晚上我们去散步。", chinese) == [("train-a", "dev-b")]
    assert names(chinese[:14], chinese) == [("train-a", "dev-b")]
    assert not names("今天的会议改到下午三点，请大家带上上个月的报表和新的预算草案。", chinese)


def test_short_texts_and_common_phrases_pass():
    assert not names("Thank you very much for your help.", f"Thank you very much for your help. {LONG}")
    assert not names("The harbour master asked the crew to sing a song about plums and pears instead.", LONG)


def test_words_of_many_texts_are_told_apart():
    texts = [row(f"d{i}", " ".join(f"w{(i * 31 + k) % 997}" for k in range(40))) for i in range(20)]
    found = leak.contained([row(f"t{i}", texts[i]["text"]) for i in (3, 17)], texts)
    assert {pair[:2] for pair in found} >= {("t3", "d3"), ("t17", "d17")}


class Found:
    dev, validation = [row("dev-b", LONG)], [row("held-c", "A recipe for plum cake, no eggs, little sugar, done at nine.")]

    def __init__(self, own):
        self.own = own

    def training_rows(self):
        return [row("train-a", self.own)]


def test_held_out_texts_are_checked_on_both_sides():
    leak.check_all(Found("The boiler was serviced in May and is fine."), [row("public-d", "Nothing of the kind.")])
    with pytest.raises(leak.LeakError, match="train-a ~ held-c"):
        leak.check_all(Found(Found.validation[0]["text"]), [])
    with pytest.raises(leak.LeakError, match="held-c ~ public-d"):
        leak.check_all(Found("Some text."), [row("public-d", Found.validation[0]["text"])])


def test_error_names_ids_and_never_texts():
    with pytest.raises(leak.LeakError) as error:
        leak.check([row("train-a", LONG[:61])], [row("dev-b", LONG)])
    assert "train-a ~ dev-b" in str(error.value) and "harbour" not in str(error.value)
