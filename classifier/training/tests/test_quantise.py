import pytest

torch = pytest.importorskip("torch")

from training import quantise  # noqa: E402
from training.encoder import Classifier, EncoderConfig  # noqa: E402

SMALL = EncoderConfig(vocab_size=50, hidden_size=16, intermediate_size=32, num_layers=2, num_heads=2, max_positions=64)


def test_rows_come_back_within_half_a_step():
    matrix = torch.randn(40, 16) * torch.logspace(-3, 2, 40)[:, None]
    tensors = quantise.quantised({"m": matrix})
    assert tensors["m.q"].dtype == torch.int8 and tensors["m.s"].shape == (40,)
    error = (quantise.restored(tensors)["m"] - matrix).abs()
    assert bool((error <= tensors["m.s"][:, None] * 0.5001).all())


def test_zero_row_stays_zero():
    assert not quantise.restored(quantise.quantised({"m": torch.zeros(3, 4)}))["m"].any()


def test_whole_model_survives_both_forms():
    torch.manual_seed(1)
    model = Classifier(SMALL).eval()
    ids, lengths = torch.tensor([[1, 2, 3, 4], [5, 6, 0, 0]]), torch.tensor([4, 2])
    wanted = model(ids, lengths)[0]
    for form in (quantise.quantised, quantise.halved):
        other = Classifier(SMALL).eval()
        other.load_state_dict(quantise.restored(form(model.state_dict())))
        assert torch.allclose(other(ids, lengths)[0], wanted, atol=0.02)


def test_padding_does_not_change_the_logit():
    torch.manual_seed(1)
    model = Classifier(SMALL).eval()
    alone = model(torch.tensor([[5, 6]]), torch.tensor([2]))[0]
    padded = model(torch.tensor([[5, 6, 0, 0], [1, 2, 3, 4]]), torch.tensor([2, 4]))[0]
    assert torch.allclose(alone[0], padded[0], atol=1e-6)
