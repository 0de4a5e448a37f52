"""The encoder (MiniLM-L6, post-norm BERT layout) with the two heads that are served.

Written out instead of taken from transformers: the Rust side reproduces exactly these operations, and the tensor names
are those that the bundle carries.
"""

from dataclasses import asdict, dataclass

import torch
from torch import nn
from torch.nn import functional as F

FAMILIES = [
    "benign",
    "direct_injection",
    "indirect_injection",
    "jailbreak",
    "prompt_extraction",
    "tool_poisoning",
    "encoded",
]
HEAD_DROPOUT = 0.1


@dataclass
class EncoderConfig:
    """Sizes of the encoder; the defaults are MiniLM-L6's."""

    vocab_size: int = 30522
    hidden_size: int = 384
    intermediate_size: int = 1536
    num_layers: int = 6
    num_heads: int = 12
    max_positions: int = 512
    layer_norm_eps: float = 1e-12

    def as_dict(self):
        return asdict(self)


class Layer(nn.Module):
    """One post-norm block: attention, residual, norm; feed-forward, residual, norm."""

    def __init__(self, c):
        super().__init__()
        self.heads = c.num_heads
        self.query = nn.Linear(c.hidden_size, c.hidden_size)
        self.key = nn.Linear(c.hidden_size, c.hidden_size)
        self.value = nn.Linear(c.hidden_size, c.hidden_size)
        self.attention_output = nn.Linear(c.hidden_size, c.hidden_size)
        self.attention_norm = nn.LayerNorm(c.hidden_size, eps=c.layer_norm_eps)
        self.intermediate = nn.Linear(c.hidden_size, c.intermediate_size)
        self.output = nn.Linear(c.intermediate_size, c.hidden_size)
        self.output_norm = nn.LayerNorm(c.hidden_size, eps=c.layer_norm_eps)

    def forward(self, x, mask):
        batch, length, width = x.shape

        def split(t):
            return t.view(batch, length, self.heads, width // self.heads).transpose(1, 2)

        # Written out: the backward pass of the fused CPU kernel takes six times as long at these lengths.
        scores = (split(self.query(x)) * (width // self.heads) ** -0.5) @ split(self.key(x)).transpose(-1, -2)
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))
        seen = torch.softmax(scores, dim=-1).to(x.dtype) @ split(self.value(x))
        seen = seen.transpose(1, 2).reshape(batch, length, width)
        x = self.attention_norm(x + self.attention_output(seen))
        wide = F.gelu(self.intermediate(x))
        return self.output_norm(x + self.output(wide))


class Classifier(nn.Module):
    """Encoder, pooling `[first token | mean | maximum]`, a dense layer, and the attack and family heads."""

    def __init__(self, config):
        super().__init__()
        c = self.config = config
        self.word_embeddings = nn.Embedding(c.vocab_size, c.hidden_size)
        self.new_words = None
        self.position_embeddings = nn.Embedding(c.max_positions, c.hidden_size)
        self.embedding_norm = nn.LayerNorm(c.hidden_size, eps=c.layer_norm_eps)
        self.layers = nn.ModuleList(Layer(c) for _ in range(c.num_layers))
        self.pooler = nn.Linear(3 * c.hidden_size, c.hidden_size)
        self.attack = nn.Linear(c.hidden_size, 1)
        self.family = nn.Linear(c.hidden_size, len(FAMILIES))

    def forward(self, ids, lengths):
        """Returns the attack logit [batch] and the family logits [batch, families].

        `ids` is padded with zeros on the right; `lengths` counts the real tokens.
        """
        length = ids.shape[1]
        positions = torch.arange(length, device=ids.device)
        real = positions[None, :] < lengths[:, None]
        mask = None if bool(real.all()) else real[:, None, None, :]
        x = self.words(ids) + self.position_embeddings(positions)[None]
        x = self.embedding_norm(x)
        for layer in self.layers:
            x = layer(x, mask)
        keep = real[:, :, None]
        x = x.float()
        mean = (x * keep).sum(1) / lengths[:, None]
        highest = x.masked_fill(~keep, float("-inf")).amax(1)
        pooled = torch.cat([x[:, 0], mean, highest], dim=1)
        hidden = F.gelu(self.pooler(pooled))
        hidden = F.dropout(hidden, HEAD_DROPOUT, self.training)
        return self.attack(hidden).squeeze(1), self.family(hidden)

    def words(self, ids):
        """Returns the word embeddings, those of the new words from their own trainable matrix while training."""
        if self.new_words is None:
            return self.word_embeddings(ids)
        base = self.config.vocab_size - self.new_words.shape[0]
        new = F.embedding((ids - base).clamp_min(0), self.new_words)
        return torch.where((ids >= base)[:, :, None], new, self.word_embeddings(ids))

    def train_new_words_only(self, base):
        """Freezes the base vocabulary's embeddings: they are half of all weights, and few texts would only bend them."""
        self.word_embeddings.weight.requires_grad_(False)
        self.new_words = nn.Parameter(self.word_embeddings.weight[base:].detach().clone())

    def merged_state(self):
        """Returns the state as it is served: the new words' embeddings in their place."""
        state = {name: value.detach().clone() for name, value in self.state_dict().items() if name != "new_words"}
        if self.new_words is not None:
            state["word_embeddings.weight"][-self.new_words.shape[0] :] = self.new_words.detach()
        return state


def from_base(weights, config, extra_rows=None):
    """Returns a classifier with the base encoder's weights (a dict of tensors in BERT's names) and fresh heads.

    `extra_rows` [n, hidden] are appended to the word embeddings. The segment embedding of segment 0 is folded into the
    positions, since there is only one segment.
    """
    model = Classifier(config)
    words = weights["embeddings.word_embeddings.weight"]
    if extra_rows is not None:
        words = torch.cat([words, extra_rows])
    state = {
        "word_embeddings.weight": words,
        "position_embeddings.weight": weights["embeddings.position_embeddings.weight"]
        + weights["embeddings.token_type_embeddings.weight"][0],
        "embedding_norm.weight": weights["embeddings.LayerNorm.weight"],
        "embedding_norm.bias": weights["embeddings.LayerNorm.bias"],
    }
    names = {
        "query": "attention.self.query",
        "key": "attention.self.key",
        "value": "attention.self.value",
        "attention_output": "attention.output.dense",
        "attention_norm": "attention.output.LayerNorm",
        "intermediate": "intermediate.dense",
        "output": "output.dense",
        "output_norm": "output.LayerNorm",
    }
    for index in range(config.num_layers):
        for ours, theirs in names.items():
            for kind in ("weight", "bias"):
                state[f"layers.{index}.{ours}.{kind}"] = weights[f"encoder.layer.{index}.{theirs}.{kind}"]
    missing, unexpected = model.load_state_dict(state, strict=False)
    heads = {f"{head}.{kind}" for head in ("pooler", "attack", "family") for kind in ("weight", "bias")}
    if unexpected or set(missing) != heads:
        raise ValueError(f"the base encoder does not fit: {unexpected[:3]} {missing[:3]}")
    return model
