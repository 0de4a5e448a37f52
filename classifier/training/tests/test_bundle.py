import json
import types

import pytest

torch = pytest.importorskip("torch")

from training import bundle, corpus, tokens  # noqa: E402
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
    found = types.SimpleNamespace(dev=rows, validation=rows, unseen=rows)
    monkeypatch.setattr(corpus, "Corpus", lambda data: found)
    monkeypatch.setattr(bundle, "revision", lambda: "0" * 40)
    return tmp_path


def test_bundle_loads_and_repeats_its_golden_vectors(packed):
    bundle.pack([packed / "1.pt"], packed / "out", None, "1.0.0")
    model, tokenizer, manifest = bundle.load(packed / "out")
    assert len(manifest["golden"]) == 8 and manifest["signature"] is None
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
