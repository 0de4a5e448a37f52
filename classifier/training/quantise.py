"""Weights as they are shipped: eight-bit rows with one scale each, or half precision.

A quantised tensor `name` becomes `name.q` (I8, [rows, columns]) and `name.s` (F32, [rows]); its value is `q * s`.
Norms and biases stay F32.
"""

import torch


def quantised(state):
    """Returns the tensors of a bundle with eight-bit matrices."""
    tensors = {}
    for name, tensor in state.items():
        tensor = tensor.detach().float().cpu().contiguous()
        if tensor.ndim != 2 or tensor.shape[0] == 1:
            tensors[name] = tensor
            continue
        scale = tensor.abs().amax(dim=1).clamp_min(1e-12) / 127.0
        tensors[name + ".q"] = torch.round(tensor / scale[:, None]).clamp(-127, 127).to(torch.int8)
        tensors[name + ".s"] = scale
    return tensors


def halved(state):
    """Returns the tensors of a bundle with half-precision matrices."""
    return {
        name: (t.detach().cpu().half() if t.ndim == 2 and t.shape[0] > 1 else t.detach().float().cpu()).contiguous()
        for name, t in state.items()
    }


def restored(tensors):
    """Returns the F32 state that a bundle's tensors stand for."""
    state = {}
    for name, tensor in tensors.items():
        if name.endswith(".q"):
            name = name.removesuffix(".q")
            state[name] = tensor.float() * tensors[name + ".s"][:, None]
        elif not (name.endswith(".s") and name.removesuffix(".s") + ".q" in tensors):
            state[name] = tensor.float()
    return state
