"""ONNX Runtime on the weights of a bundle: what a window costs. Run by `cargo xtask bench classifier`.

The graph is written here node by node from the bundle's tensors, widened to single precision, so that both sides
compute with the same numbers; ONNX Runtime fuses what it can (all optimisations on). For eight bits its own dynamic
quantisation is applied to that graph.

    onnx_encoder.py BUNDLE SECONDS TOKENS…    a line {"kind", "tokens", "cpu_seconds", "golden_error"} for each kind
                                              (fp32, int8) and number of tokens: the CPU time of one window, one thread
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.numpy import load_file

OPSET = 20


class Graph:
    """Nodes and constants, in the order in which they are added."""

    def __init__(self):
        self.nodes, self.constants, self.count = [], [], 0

    def constant(self, values):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(values, order="C"), name))
        return name

    def add(self, kind, *inputs, **attributes):
        self.count += 1
        output = f"x{self.count}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def linear(self, value, weight, bias):
        return self.add("Add", self.add("MatMul", value, self.constant(weight.T)), self.constant(bias))

    def norm(self, value, weight, bias, epsilon):
        constants = self.constant(weight), self.constant(bias)
        return self.add("LayerNormalization", value, *constants, epsilon=epsilon)


def encoder(bundle):
    """Returns the encoder and its head for one window of any length: `ids` to `logit`."""
    config = json.loads((bundle / "config.json").read_text())
    sizes = config["encoder"]
    stored = load_file(bundle / "model.safetensors")

    def tensor(name):
        if name in stored:
            return stored[name].astype(np.float32)
        return stored[f"{name}.q"].astype(np.float32) * stored[f"{name}.s"][:, None]

    def parameters(name):
        return tensor(f"{name}.weight"), tensor(f"{name}.bias")

    hidden, heads, epsilon = sizes["hidden_size"], sizes["num_heads"], sizes["layer_norm_eps"]
    graph = Graph()
    split = graph.constant(np.array([1, -1, heads, hidden // heads], dtype=np.int64))
    joined = graph.constant(np.array([1, -1, hidden], dtype=np.int64))
    words = graph.add("Gather", graph.constant(tensor("word_embeddings.weight")), "ids")
    places = graph.add("Gather", graph.constant(tensor("position_embeddings.weight")), "positions")
    x = graph.norm(graph.add("Add", words, places), *parameters("embedding_norm"), epsilon)
    scale = graph.constant(np.array((hidden // heads) ** -0.5, dtype=np.float32))
    for layer in range(sizes["num_layers"]):
        at = f"layers.{layer}"
        parts = [graph.linear(x, *parameters(f"{at}.{part}")) for part in ("query", "key", "value")]
        query, key, value = (graph.add("Reshape", part, split) for part in parts)
        query, value = (graph.add("Transpose", part, perm=[0, 2, 1, 3]) for part in (query, value))
        key = graph.add("Transpose", key, perm=[0, 2, 3, 1])
        scores = graph.add("Softmax", graph.add("Mul", graph.add("MatMul", query, key), scale), axis=-1)
        seen = graph.add("Transpose", graph.add("MatMul", scores, value), perm=[0, 2, 1, 3])
        seen = graph.linear(graph.add("Reshape", seen, joined), *parameters(f"{at}.attention_output"))
        x = graph.norm(graph.add("Add", seen, x), *parameters(f"{at}.attention_norm"), epsilon)
        wide = graph.add("Gelu", graph.linear(x, *parameters(f"{at}.intermediate")), approximate="none")
        x = graph.norm(
            graph.add("Add", graph.linear(wide, *parameters(f"{at}.output")), x),
            *parameters(f"{at}.output_norm"),
            epsilon,
        )
    tokens = graph.constant(np.array([1], dtype=np.int64))
    first = graph.add("Gather", x, graph.constant(np.array(0, dtype=np.int64)), axis=1)
    mean = graph.add("ReduceMean", x, tokens, keepdims=0)
    most = graph.add("ReduceMax", x, tokens, keepdims=0)
    pooled = graph.linear(graph.add("Concat", first, mean, most, axis=1), *parameters("pooler"))
    logit = graph.linear(graph.add("Gelu", pooled, approximate="none"), *parameters("attack"))
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, [1, None]) for name in ("ids", "positions")]
    outputs = [helper.make_tensor_value_info(logit, TensorProto.FLOAT, [1, 1])]
    made = helper.make_graph(graph.nodes, "encoder", inputs, outputs, graph.constants)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    onnx.checker.check_model(model)
    return model


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def run(made, ids):
    positions = np.arange(len(ids), dtype=np.int64)[None]
    return float(made.run(None, {"ids": np.array([ids], dtype=np.int64), "positions": positions})[0].item())


def main():
    bundle, seconds, lengths = Path(sys.argv[1]), float(sys.argv[2]), [int(tokens) for tokens in sys.argv[3:]]
    golden = json.loads((bundle / "manifest.json").read_text())["golden"]
    with tempfile.TemporaryDirectory() as directory:
        paths = {kind: f"{directory}/{kind}.onnx" for kind in ("fp32", "int8")}
        onnx.save(encoder(bundle), paths["fp32"])
        floats = {"DefaultTensorType": TensorProto.FLOAT}
        quantize_dynamic(paths["fp32"], paths["int8"], weight_type=QuantType.QInt8, extra_options=floats)
        for kind, path in paths.items():
            made = session(path)
            error = max(abs(run(made, case["token_ids"]) - case["attack_logit"]) for case in golden)
            for tokens in lengths:
                ids = [1000 + index * 7 % 20000 for index in range(tokens)]
                run(made, ids)
                began, runs = time.process_time(), 0
                while time.process_time() - began < seconds:
                    run(made, ids)
                    runs += 1
                spent = (time.process_time() - began) / runs
                print(json.dumps({"kind": kind, "tokens": tokens, "cpu_seconds": spent, "golden_error": error}))


main()
