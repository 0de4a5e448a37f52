import gzip

import pytest

from training import corpus, provenance


@pytest.fixture
def data(tmp_path):
    (tmp_path / "injection" / "public_eval").mkdir(parents=True)
    for name in ("train", "authored", "dev", "public_eval/wild"):
        with gzip.open(tmp_path / "injection" / f"{name}.jsonl.gz", "wt") as out:
            out.write("{}")
    return tmp_path


def test_all_that_was_read_is_in_the_digests(data):
    found = provenance.digests(data)
    names = {"train.jsonl.gz", "authored.jsonl.gz", "dev.jsonl.gz", "public_eval/wild.jsonl.gz", "excluded.txt"}
    assert names | {"requirements.txt", "agents.jsonl"} <= set(found)
    assert found["excluded.txt"] == provenance.sha256(corpus.EXCLUDED)
    assert all(len(digest) == 64 for digest in found.values())


def test_nothing_is_invented_for_an_old_checkpoint():
    told = provenance.of_checkpoint({"step": 7, "seed": 2})
    assert (told["step"], told["seed"], told["left_out"], told["earlier"]) == (7, 2, [], [])
    assert told["code_revision"] is told["options"] is told["data"] is told["from_step"] is None


def test_only_what_differs_is_a_plateau_of_its_own():
    first = {"from_step": 0, "revision": "a", "code": "c", "options": {"rate": 1, "start_from": "x"}, "data": {}}
    again = first | {"from_step": 9, "options": {"rate": 1, "start_from": None}}
    assert provenance.extended([first], again) == [first]
    for changed in ({"revision": "b"}, {"code": "d"}, {"options": {"rate": 2}}, {"data": {"train": "0"}}):
        assert provenance.extended([first], again | changed) == [first, again | changed]
