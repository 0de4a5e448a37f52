import pathlib
import subprocess

from training import corpus

# Writes down how it is called, and what the second run waits for.
PYTHON = """#!/usr/bin/env bash
echo "$@" >> "$CALLS"
while [ $# -gt 0 ]; do [ "$1" = --work ] && touch "$2/start.pt"; shift; done
"""


def test_a_bundle_is_packed_in_the_work_folder(tmp_path):
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)
    script = corpus.HERE / "train.sh"
    work = tmp_path / "work"
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin:/usr/sbin:/sbin", "CALLS": str(tmp_path / "calls")}
    subprocess.run([script, work, "--version", "9.8.7", "--data", tmp_path, "--steps", "3"], env=environment, check=True)
    *trained, packed = pathlib.Path(tmp_path / "calls").read_text().splitlines()
    assert len(trained) == 2 and all(f"--data {tmp_path} --steps 3" in call for call in trained)
    assert not any("--version" in call for call in trained)
    assert f"--data {tmp_path} --out {work}/model --version 9.8.7" in packed
