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
