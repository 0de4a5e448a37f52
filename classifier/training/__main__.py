"""`python -m training train | evaluate | pack | leaks`: see the README beside this file."""

import argparse

from . import corpus


def main():
    parser = argparse.ArgumentParser(prog="training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train a classifier (resumes when the work folder holds a checkpoint)")
    train.add_argument("--work", default="work", help="folder for checkpoints and history")
    train.add_argument("--data", default=corpus.DEFAULT_DATA, help="folder of the labelled data")
    train.add_argument("--steps", type=int, default=3000)
    train.add_argument("--batch", type=int, default=48)
    train.add_argument("--longest", type=int, default=128, help="tokens a training window holds at most")
    train.add_argument("--rate", type=float, default=1e-4)
    train.add_argument("--seed", type=int, default=1)
    train.add_argument("--threads", type=int, default=2)
    train.add_argument("--every", type=int, default=150, help="steps between checkpoints")
    train.add_argument("--start-from", help="checkpoint of another run to start from")
    train.add_argument("--without", nargs="*", default=[], help="groups or source prefixes to leave out")
    options = parser.parse_args()
    if options.command == "train":
        from .train import Run

        Run(options).run()


if __name__ == "__main__":
    main()
