import json
import types

import pytest

torch = pytest.importorskip("torch")

from training import bundle, corpus, leak, provenance, tokens  # noqa: E402
from training.encoder import Classifier, EncoderConfig  # noqa: E402
from training.tests.test_tokens import small_spec  # noqa: E402


@pytest.fixture
def packed(tmp_path, monkeypatch):
    torch.manual_seed(1)
    spec = small_spec()
    tokens.extend(spec, ["правила"] * 10)
    config = EncoderConfig(
        vocab_size=tokens.BASE_SIZE + 10, hidden_size=16, intermediate_size=32, num_layers=1, num_heads=2, max_positions=256
    )
    state = Classifier(config).state_dict()
    for seed in (1, 2):
        torch.save(
            {"average": {k: v + seed for k, v in state.items()} if seed == 2 else state, "config": config.as_dict(),
             "tokenizer": spec, "seed": seed, "step": 5, "spent": 60.0, "data": {"train": "00"}, "without": []},
            tmp_path / f"{seed}.pt",
        )
    rows = [
        {"id": str(i), "text": f"text {i} " * (i % 7), "label": i % 2, "role": "user", "lang": "en",
         "family": "benign", "source": corpus.UNSEEN_SOURCE}
        for i in range(60)
    ]
    own = [row | {"id": f"v{row['id']}", "text": f"another {row['id']}"} for row in rows]
    found = types.SimpleNamespace(dev=rows, validation=own, unseen=rows, training_rows=lambda: [])
    monkeypatch.setattr(corpus, "Corpus", lambda data: found)
    monkeypatch.setattr(corpus, "public_rows", lambda data: [])
    monkeypatch.setattr(provenance, "digests", lambda data: {"excluded.txt": "ee"})
    monkeypatch.setattr(provenance, "revision", lambda: "0" * 40)
    return tmp_path


def test_bundle_loads_and_repeats_its_golden_vectors(packed):
    bundle.pack([packed / "1.pt"], packed / "out", None, "1.0.0")
    model, tokenizer, manifest = bundle.load(packed / "out")
    assert len(manifest["golden"]) == len(bundle.GOLDEN) and manifest["signature"] is None
    for vector in manifest["golden"]:
        assert tokens.frame(vector["role"], tokenizer.ids(vector["text"])) == vector["token_ids"]
        logit, _ = model(torch.tensor([vector["token_ids"]]), torch.tensor([len(vector["token_ids"])]))
        assert abs(logit.item() - vector["attack_logit"]) < 1e-4
    spec = json.loads((packed / "out" / "tokenizer.json").read_text())
    assert spec["padding"] is None and spec["truncation"] is None


def test_changed_file_is_refused(packed):
    bundle.pack([packed / "1.pt"], packed / "out", None, "1.0.0")
    path = packed / "out" / "config.json"
    path.write_text(path.read_text() + " ")
    with pytest.raises(ValueError, match=r"config\.json"):
        bundle.load(packed / "out")


def test_several_checkpoints_are_averaged(packed):
    _, state = bundle.average([packed / "1.pt", packed / "2.pt"])
    first = torch.load(packed / "1.pt", weights_only=False)["average"]
    assert torch.allclose(state["attack.bias"], first["attack.bias"] + 1.0)


def test_other_vocabulary_is_not_averaged(packed):
    saved = torch.load(packed / "2.pt", weights_only=False)
    saved["tokenizer"] = small_spec()
    torch.save(saved, packed / "2.pt")
    with pytest.raises(ValueError):
        bundle.average([packed / "1.pt", packed / "2.pt"])


def test_every_checkpoint_says_what_it_was_made_from(packed):
    saved = torch.load(packed / "2.pt", weights_only=False)
    first = {"from_step": 0, "revision": "a" * 40, "code": "cc", "options": {"rate": 1e-4}, "data": {"excluded.txt": "dd"}}
    second = first | {"from_step": 3, "revision": "b" * 40, "data": {"excluded.txt": "ee"}}
    torch.save(saved | {"step": 9, "data": second["data"], "plateaus": [first, second]}, packed / "2.pt")
    bundle.pack([packed / "1.pt", packed / "2.pt"], packed / "out", None, "1.0.0")
    training = json.loads((packed / "out" / "manifest.json").read_text())["training"]
    old, new = training["checkpoints"]
    assert (training["packed_by"], training["packed_with"]) == ("0" * 40, {"excluded.txt": "ee"})
    assert (old["step"], old["seed"], old["data"]) == (5, 1, {"train": "00"})
    assert old["code_revision"] is old["options"] is old["from_step"] is None and old["earlier"] == []
    assert (new["step"], new["seed"], new["code_revision"]) == (9, 2, "b" * 40)
    assert (new["data"], new["options"], new["earlier"]) == (second["data"], {"rate": 1e-4}, [first])
    card = (packed / "out" / "MODEL_CARD.md").read_text()
    assert "mean of 2 checkpoints, after 5 + 9 steps" in card and "1 of the 2 checkpoints was trained with another" in card


def test_card_tells_what_eight_bits_cost_and_what_it_leaves_out(packed):
    bundle.pack([packed / "1.pt"], packed / "out", None, "1.0.0")
    exact = json.loads((packed / "out" / "manifest.json").read_text())["metrics"]["before_quantisation"]
    card = (packed / "out" / "MODEL_CARD.md").read_text()
    assert f"| held out | {exact['held_out']['auc']:.4f} | " in card
    assert f" | {exact['held_out']['recall_at_1%']:.4f} | " in card and "0017" in card and "activations" in card
    assert (corpus.REPOSITORY / "docs/decisions/0017-weights-of-eight-bits-meet-eight.md").exists()


def test_nothing_is_packed_that_was_chosen_by_an_evaluation_text(packed):
    found = corpus.Corpus(None)
    found.validation = [*found.validation, found.dev[0] | {"id": "copy"}]
    with pytest.raises(leak.LeakError, match="copy ~ 0"):
        bundle.pack([packed / "1.pt"], packed / "out", None, "1.0.0")
    assert not (packed / "out" / "manifest.json").exists()
