"""What a checkpoint was made from: revision of the code, options, and digests of all files that were read."""

import hashlib
import pathlib
import subprocess

from . import augment, corpus, sampler

LOCK = corpus.HERE / "requirements.txt"
# Options that say where things lie, not what is computed.
PLACES = ("work", "data", "start_from", "peer", "run", "command")


def digests(data=corpus.DEFAULT_DATA):
    """Returns the SHA-256 of every file that training, its checks and its choice of a checkpoint read, and the lock's."""
    injection = pathlib.Path(data) / "injection"
    files = {"dev.jsonl.gz": injection / "dev.jsonl.gz", "excluded.txt": corpus.EXCLUDED, "requirements.txt": LOCK}
    for path in sorted((injection / "public_eval").glob("*.jsonl*")):
        files[f"public_eval/{path.name}"] = path
    return corpus.digests(data) | {name: sha256(path) for name, path in files.items()}


def plateau(options, data, step, start_from=None):
    """Returns what a run goes by from a step on; `start_from` is the checkpoint of another run that it starts from."""
    chosen = {name: value for name, value in vars(options).items() if name not in PLACES}
    chosen["peer"] = bool(options.peer)
    chosen["start_from"] = start_from and sha256(start_from)
    chosen["augmentation"] = {
        name: getattr(sampler, name.upper())
        for name in ("shares", "mutated", "wrapped", "role_swapped", "pasted", "masked", "easy", "passed_over")
    } | {"mutations": [mutation.__name__ for mutation in augment.MUTATIONS]}
    return {"from_step": step, "revision": revision(), "code": code(), "options": chosen, "data": data}


def plateaus(saved):
    """Returns the plateaus of a checkpoint; of one that did not note them, the digests at its end and no more."""
    unknown = {"from_step": None, "revision": None, "code": None, "options": None, "data": saved.get("data")}
    return list(saved.get("plateaus") or [unknown])


def extended(known, new):
    """Returns plateaus with a new one, unless all but its step is as in the last: a run that was killed adds none."""

    def compared(entry):
        return entry | {"from_step": None, "options": (entry["options"] or {}) | {"start_from": None}}

    return known if known and compared(known[-1]) == compared(new) else [*known, new]


def of_checkpoint(saved):
    """Returns what a manifest says of a checkpoint: the last plateau, and `earlier` the ones before it."""
    *earlier, last = plateaus(saved)
    return {
        "step": saved["step"],
        "seed": saved["seed"],
        "minutes": round(saved.get("spent", 0.0) / 60, 1),
        "left_out": saved.get("without", []),
        "from_step": last["from_step"],
        "code_revision": last["revision"],
        "code": last["code"],
        "options": last["options"],
        "data": last["data"],
        "earlier": earlier,
    }


def revision():
    """Returns the revision of the training code, marked when the tree differs from it; None outside a repository."""
    here = corpus.HERE

    def git(*arguments):
        return subprocess.run(["git", "-C", here, *arguments], capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("-dirty" if git("status", "--porcelain", "--", ".") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def code():
    """Returns the SHA-256 over the modules of the training code: a dirty tree is told from another by it."""
    whole = hashlib.sha256()
    for path in sorted(corpus.HERE.glob("*.py")):
        whole.update(f"{path.name}\0{sha256(path)}\n".encode())
    return whole.hexdigest()


def sha256(path):
    """Returns the SHA-256 of a file in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
