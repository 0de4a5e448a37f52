import pytest

from training import tokens


@pytest.mark.parametrize("count", [0, 1, 189, 190, 330, 331, 1000, 13_000])
def test_windows_cover_every_token_and_overlap(count):
    ids = list(range(count))
    pieces = tokens.windows(ids)
    room, stride = tokens.WINDOW - tokens.SPECIAL, tokens.WINDOW - tokens.SPECIAL - tokens.OVERLAP
    assert sorted({i for piece in pieces for i in piece}) == ids
    assert all(len(piece) <= room for piece in pieces)
    assert all(piece[:1] == ids[n * stride : n * stride + 1] for n, piece in enumerate(pieces))
    assert all(len(piece) > tokens.OVERLAP for piece in pieces[1:])


def test_frame_is_first_token_role_text_end():
    assert tokens.frame("tool", [7, 8]) == [tokens.CLS, tokens.BASE_SIZE + 2, 7, 8, tokens.SEP]


def test_assistant_and_system_are_read_as_user():
    assert tokens.role_id("assistant") == tokens.role_id("system") == tokens.role_id("user")


def test_unknown_role_is_refused():
    with pytest.raises(KeyError):
        tokens.role_id("stranger")


def small_spec():
    vocabulary = {"[PAD]": 0, "[UNK]": 1}
    for letter in "abcdefghijklmnopqrstuvwxyz":
        for token in (letter, "##" + letter):
            vocabulary[token] = len(vocabulary)
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": vocabulary},
    }


def test_extension_spells_new_letters_and_keeps_old_ids():
    spec = small_spec()
    before = dict(spec["model"]["vocab"])
    new = tokens.extend(spec, ["правила"] * 10 + ["規則"] * 2)
    after = spec["model"]["vocab"]
    assert all(after[token] == number for token, number in before.items())
    assert [after[token] for token in new] == list(range(len(before), len(after)))
    tokenizer = tokens.TextTokenizer(spec)
    assert before["[UNK]"] not in tokenizer.ids("правила 規則 привал")
    assert len(tokenizer.ids("правила")) == 1


def test_unknown_characters_and_long_words_take_nothing_with_them():
    spec = small_spec()
    vocabulary = spec["model"]["vocab"]
    unknown = vocabulary["[UNK]"]
    tokenizer = tokens.TextTokenizer(spec)
    one = tokenizer.ids("ab")
    assert unknown not in one
    assert tokenizer.ids("ab\u2603\u2603ab") == [*one, unknown, *one]
    assert unknown not in tokenizer.ids("a" * 250)
    assert tokens.short_words("x " + "a" * 201 + "-b") == ["x " + "a" * 100, "a" * 100, "a-b"]
    assert tokens.short_words("가" * 40) == ["가" * 33, "가" * 7]


def test_a_window_without_a_known_token_is_empty():
    assert tokens.frame("user", [tokens.UNKNOWN] * 3) == tokens.frame("user", [])
