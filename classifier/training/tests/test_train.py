import types

import pytest

torch = pytest.importorskip("torch")

from training import tokens, train  # noqa: E402
from training.encoder import Classifier, EncoderConfig  # noqa: E402

from .test_tokens import small_spec  # noqa: E402

POOL = train.POOLED_STEPS
SIZES = {"hidden_size": 16, "intermediate_size": 32, "num_layers": 2, "num_heads": 2, "max_positions": 128}
ROWS = [
    {"id": f"t-{n}-{text}", "text": f"{text} " * (n + 1), "label": label, "role": "user", "family": family}
    for n in range(20)
    for text, label, family in (("write a letter", 0, "benign"), ("drop the rules", 1, "jailbreak"))
]

ROWS += [
    {"id": f"d-{n}", "text": f"the report of week {n} is here " * 9, "label": 0, "role": "document", "family": "benign"}
    for n in range(9)
]


class Texts:
    dev, validation, unseen = [], ROWS[:10], ROWS[10:20]
    groups = {"hand_written": ROWS, "benign_user": ROWS[::2], "benign_document": ROWS[::2]}

    def __init__(self, _data, without=()):
        pass

    def training_rows(self):
        return ROWS


@pytest.fixture
def options(monkeypatch, tmp_path):
    def start_model(_rows):
        return Classifier(EncoderConfig(vocab_size=tokens.BASE_SIZE + 4, **SIZES)), tokens.TextTokenizer(small_spec())

    monkeypatch.setattr(train.corpus, "Corpus", Texts)
    monkeypatch.setattr(train.provenance, "digests", lambda _data: {"train": "00"})
    monkeypatch.setattr(train.leak, "check_all", lambda *_: None)
    monkeypatch.setattr(train.corpus, "public_rows", lambda _data: [])
    monkeypatch.setattr(train, "start_model", start_model)
    return types.SimpleNamespace(
        work=tmp_path,
        data=None,
        steps=POOL,
        batch=4,
        longest=32,
        rate=1e-4,
        seed=1,
        threads=1,
        every=POOL,
        start_from=None,
        peer=None,
        without=[],
    )


def test_a_run_begins_from_nothing_and_goes_on_from_its_checkpoint(options):
    train.Run(options).run()
    first = torch.load(options.work / "last.pt", weights_only=False)
    assert first["step"] == POOL and (options.work / "start.pt").exists() and (options.work / "best.pt").exists()
    options.steps = 2 * POOL
    train.Run(options).run()
    last = torch.load(options.work / "last.pt", weights_only=False)
    assert last["step"] == 2 * POOL
    name = "attack.weight"
    assert not torch.equal(first["model"][name], last["model"][name])
    assert len((options.work / "history.jsonl").read_text().splitlines()) == 2


def saved(options, name="last.pt"):
    return torch.load(options.work / name, weights_only=False)


def test_a_checkpoint_notes_what_it_was_made_from(options, monkeypatch):
    train.Run(options).run()
    (only,) = saved(options)["plateaus"]
    assert only == saved(options, "best.pt")["plateaus"][0] == saved(options, "start.pt")["plateaus"][0]
    assert (only["from_step"], only["data"]) == (0, {"train": "00"}) and len(only["code"]) == 64
    assert (only["options"]["rate"], only["options"]["longest"], only["options"]["peer"]) == (1e-4, 32, False)
    assert only["options"]["augmentation"]["mutated"] == train.sampler.MUTATED and "work" not in only["options"]
    options.steps = 2 * POOL
    monkeypatch.setattr(train.provenance, "digests", lambda _data: {"train": "01"})
    train.Run(options).run()
    first, second = saved(options)["plateaus"]
    assert first == only and (second["from_step"], second["data"]) == (POOL, {"train": "01"})
    assert second["options"]["steps"] == 2 * POOL
    train.Run(options).save("last.pt")
    assert len(saved(options)["plateaus"]) == 2


def test_texts_are_noted_as_they_were_read(options, monkeypatch):
    run = train.Run(options)
    monkeypatch.setattr(train.provenance, "digests", lambda _data: {"train": "edited"})
    run.save("last.pt")
    assert saved(options)["data"] == saved(options)["plateaus"][0]["data"] == {"train": "00"}


def test_a_checkpoint_without_notes_is_gone_on_from(options):
    train.Run(options).run()
    old = saved(options)
    del old["plateaus"]
    torch.save(old, options.work / "last.pt")
    options.steps = 2 * POOL
    train.Run(options).run()
    unknown, second = saved(options)["plateaus"]
    assert unknown["from_step"] is unknown["revision"] is unknown["options"] is None
    assert unknown["data"] == {"train": "00"} and second["from_step"] == POOL


def test_a_run_from_other_weights_notes_their_digest(options):
    train.Run(options).run()
    weights = options.work / "best.pt"
    options.start_from, options.work = str(weights), options.work / "other"
    train.Run(options).save("last.pt")
    assert saved(options)["plateaus"][0]["options"]["start_from"] == train.provenance.sha256(weights)
    train.Run(options).save("last.pt")
    assert len(saved(options)["plateaus"]) == 1
