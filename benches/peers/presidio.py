"""Presidio on texts: what it finds (`spans`), or what it costs (`speed`). Run by `cargo xtask quality --peers` and
`cargo xtask bench peers`.

All pattern recognisers of all countries run, and no model: the pipeline is a blank one that splits words and knows
lower case as their base form, so that context words work. What a model would add is names, at a cost of its own.

    presidio.py spans FILE.jsonl            a line {"id", "spans"} for each line {"id", "text"}; offsets in code points
    presidio.py speed SECONDS FILE.jsonl…   a line {"texts", "bytes", "cpu_seconds"} for each file: the CPU time of one
                                            pass, the mean of as many as fit into the time, at least one
    presidio.py version                     its version, and how many recognisers run
"""

import importlib.metadata
import inspect
import json
import logging
import sys
import tempfile
import time

import spacy
from presidio_analyzer import AnalyzerEngine, PatternRecognizer, RecognizerRegistry, predefined_recognizers
from presidio_analyzer.nlp_engine import NlpEngineProvider
from spacy.language import Language

LANGUAGE = "en"


@Language.component("lower_case")
def lower_case(document):
    for token in document:
        token.lemma_ = token.lower_
    return document


def recognizers():
    """Makes one of each recogniser that works by patterns alone, whatever its country or language."""
    for _, kind in inspect.getmembers(predefined_recognizers, inspect.isclass):
        phone = kind is predefined_recognizers.PhoneRecognizer
        if not phone and (not issubclass(kind, PatternRecognizer) or kind is PatternRecognizer):
            continue
        yield kind(supported_language=LANGUAGE)


def analyzer():
    pipeline = spacy.blank(LANGUAGE)
    pipeline.add_pipe("lower_case")
    with tempfile.TemporaryDirectory() as directory:
        pipeline.to_disk(directory)
        models = [{"lang_code": LANGUAGE, "model_name": directory}]
        engine = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models}).create_engine()
        registry = RecognizerRegistry(recognizers=list(recognizers()), supported_languages=[LANGUAGE])
        return AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=[LANGUAGE])


def cases(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def spans(engine, path):
    for case in cases(path):
        found = engine.analyze(case["text"], LANGUAGE)
        found = [{"start": span.start, "end": span.end, "entity": span.entity_type} for span in found]
        print(json.dumps({"id": case["id"], "spans": found}))


def speed(engine, seconds, paths):
    for path in paths:
        texts = [case["text"] for case in cases(path)]
        for text in texts[:20]:
            engine.analyze(text, LANGUAGE)
        passes, start = 0, time.process_time()
        while passes == 0 or time.process_time() - start < seconds:
            for text in texts:
                engine.analyze(text, LANGUAGE)
            passes += 1
        cpu_seconds = (time.process_time() - start) / passes
        size = sum(len(text.encode()) for text in texts)
        print(json.dumps({"texts": len(texts), "bytes": size, "cpu_seconds": cpu_seconds}), flush=True)


def main():
    logging.disable(logging.WARNING)
    match sys.argv[1:]:
        case ["spans", path]:
            spans(analyzer(), path)
        case ["speed", seconds, *paths] if paths:
            speed(analyzer(), float(seconds), paths)
        case ["version"]:
            version = importlib.metadata.version("presidio-analyzer")
            print(f"presidio-analyzer {version}, {len(list(recognizers()))} recognisers")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
