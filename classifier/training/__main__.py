"""`python -m training train | pack | evaluate | leaks`, run in `classifier/`; the README there tells more."""

import argparse
import json
import pathlib

from . import corpus

MODEL = corpus.REPOSITORY / "classifier" / "model"


def main():
    parser = argparse.ArgumentParser(prog="training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    train_options(commands)
    pack_options(commands)
    evaluate_options(commands)
    leaks = commands.add_parser("leaks", help="compare all training texts with all evaluation and held-out texts")
    leaks.add_argument("--data", default=corpus.DEFAULT_DATA)
    leaks.set_defaults(run=run_leaks)
    options = parser.parse_args()
    options.run(options)


def train_options(commands):
    train = commands.add_parser("train", help="train (resumes when the work folder holds a checkpoint)")
    train.add_argument("--work", default="work", help="folder for checkpoints and history")
    train.add_argument("--data", default=corpus.DEFAULT_DATA, help="folder of the labelled data")
    train.add_argument("--steps", type=int, default=3000)
    train.add_argument("--batch", type=int, default=32)
    train.add_argument("--longest", type=int, default=96, help="tokens a training window holds at most")
    train.add_argument("--rate", type=float, default=3e-4)
    train.add_argument("--seed", type=int, default=1)
    train.add_argument("--threads", type=int, default=2)
    train.add_argument("--every", type=int, default=200, help="steps between checkpoints")
    train.add_argument("--start-from", help="checkpoint of another run to start from")
    train.add_argument("--peer", help="work folder of a run beside this one, with another seed, to average weights with")
    train.add_argument("--without", nargs="*", default=[], help="groups or source prefixes to leave out")
    train.set_defaults(run=run_train)


def pack_options(commands):
    pack = commands.add_parser("pack", help="write the bundle from one checkpoint or the mean of several")
    pack.add_argument("checkpoints", nargs="+")
    pack.add_argument("--out", help="folder of the bundle (default: `model` beside the first checkpoint)")
    pack.add_argument("--data", default=corpus.DEFAULT_DATA)
    pack.add_argument("--version", default="0.0.0")
    pack.add_argument("--precision", choices=["int8", "f16"], default="int8")
    pack.add_argument("--every", type=int, default=1, help="calibrate and measure on every so manieth text (a trial)")
    pack.set_defaults(run=run_pack)


def evaluate_options(commands):
    evaluate = commands.add_parser("evaluate", help="the full report of a bundle, public sets included")
    evaluate.add_argument("--bundle", default=MODEL)
    evaluate.add_argument("--data", default=corpus.DEFAULT_DATA)
    evaluate.add_argument("--json", help="write the measures here too")
    evaluate.add_argument("--without-long", action="store_true", help="leave out the documents of 10,000 words")
    evaluate.set_defaults(run=run_evaluate)


def run_train(options):
    from .train import Run

    Run(options).run()


def run_pack(options):
    from . import bundle

    out = options.out or pathlib.Path(options.checkpoints[0]).parent / "model"
    bundle.pack(options.checkpoints, out, options.data, options.version, options.precision, options.every)


def run_evaluate(options):
    from . import bundle, evaluate

    model, tokenizer, manifest = bundle.load(options.bundle)
    result = evaluate.full(model, tokenizer, options.data, manifest["calibration"], not options.without_long)
    print(evaluate.markdown(result))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(result, indent=1), encoding="utf-8")


def run_leaks(options):
    from . import leak

    found = corpus.Corpus(options.data)
    try:
        leak.check_all(found, corpus.public_rows(options.data))
    except leak.LeakError as error:
        print("\n".join(f"{ours}\t{theirs}\t{share:.2f}" for ours, theirs, share in error.pairs))
        raise SystemExit(str(error)) from None
    print(f"{len(found.training_rows())} training texts: none stands in an evaluation set or a held-out block")


if __name__ == "__main__":
    main()
