"""Saved models: the same answers in another process; what is broken says how."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from headwater import facade
from headwater.artifact import load, save
from headwater.data.toy import blocks, visits
from headwater.errors import BadArtifact, NotFitted
from headwater.registry import build


@pytest.fixture
def fitted():
    return facade.fit("ease", blocks(), l2=3.0)


def test_another_process_gives_the_same_answer(fitted, tmp_path):
    folder = facade.save(fitted, tmp_path / "model")
    here = facade.recommend(fitted, users=[3, 5], k=4)
    code = (
        "import sys, headwater as hw;"
        f"hw.recommend(hw.load({str(folder)!r}), users=[3, 5], k=4)"
        f".write_parquet({str(tmp_path / 'there.parquet')!r});"
        "bad = {'torch', 'numba', 'pandas', 'pickle5'} & set(sys.modules); assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert pl.read_parquet(tmp_path / "there.parquet").equals(here)


def test_what_is_in_the_folder(fitted, tmp_path):
    folder = facade.save(fitted, tmp_path / "model")
    about = json.loads((folder / "model.json").read_text())
    assert about["format"] == 1
    assert about["model"]["first"] == {"model": "retrieve.matrix.ease", "l2": 3.0}
    assert about["data"]["events"] == 1440
    names = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert names == {
        "model.json",
        "state.safetensors",
        "data/users.parquet",
        "data/items.parquet",
        "data/events.safetensors",
        "data/stills.parquet",
    }


def test_without_its_data(fitted, tmp_path):
    folder = facade.save(fitted, tmp_path / "model", with_data=False)
    assert not (folder / "data").exists()
    with pytest.raises(BadArtifact, match="saved without its data"):
        facade.load(folder)
    again = facade.load(folder, fitted.data)
    assert facade.recommend(again, users=[1]).equals(facade.recommend(fitted, users=[1]))
    with pytest.raises(BadArtifact, match="fitted on other data"):
        facade.load(folder, blocks(seed=9))


def test_unfitted_is_not_saved(tmp_path):
    with pytest.raises(NotFitted, match="call fit"):
        save(build("ease"), tmp_path / "model", blocks())
    assert not (tmp_path / "model").exists()


def test_what_is_not_tuned_is_not_saved(tmp_path):
    pytest.importorskip("torch")
    data = visits(100)
    model = build("intent.behaviour", threshold="threshold.per_class", how={"n_epochs": 1})
    with pytest.raises(NotFitted, match=r"Behaviour has learned nothing yet: call fit\(data\)"):
        save(model, tmp_path / "model", data)
    model.fit(data)
    said = r"PerClass, the threshold of Behaviour, is not tuned: call tune\(sessions\) first"
    with pytest.raises(NotFitted, match=said):
        save(model, tmp_path / "model", data)
    save(model.tune(data.sessions), tmp_path / "model", data)
    rule = build("threshold.per_class")
    with pytest.raises(NotFitted, match=r"PerClass is not tuned: call tune\(scores, y\) first"):
        save(rule, tmp_path / "rule", data)


def damage_truncate(folder):
    path = folder / "state.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def damage_header(folder):
    path = folder / "state.safetensors"
    path.write_bytes(b"\x00" * 20 + path.read_bytes()[20:])


def damage_json(folder):
    path = folder / "model.json"
    path.write_text(path.read_text()[:50])


def damage_format(folder):
    change(folder, lambda about: about | {"format": 99})


def damage_method(folder):
    change(folder, lambda about: about | {"model": {"model": "os.system", "command": "true"}})


def damage_parameter(folder):
    change(folder, lambda about: about | {"model": {"model": "ease", "l3": 2}})


def damage_other_state(folder):
    change(folder, lambda about: about | {"state": "0" * 64})


def damage_list(folder):
    (folder / "model.json").write_text("[]")


def damage_events(folder):
    path = folder / "data" / "events.safetensors"
    path.write_bytes(path.read_bytes()[:-5])


def damage_items(folder):
    (folder / "data" / "items.parquet").write_bytes(b"PAR1 not really")


def damage_weights(folder):
    path = folder / "state.safetensors"
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)


def damage_other_data(folder):
    other = facade.save(facade.fit("ease", blocks(seed=5)), folder.with_name("other"))
    shutil.rmtree(folder / "data")
    shutil.copytree(other / "data", folder / "data")


def damage_missing(folder):
    (folder / "state.safetensors").unlink()


def change(folder, how):
    path = folder / "model.json"
    path.write_text(json.dumps(how(json.loads(path.read_text()))))


DAMAGES = [f for name, f in list(globals().items()) if name.startswith("damage_")]


@pytest.mark.parametrize("mapped", [False, True], ids=["copied", "mapped"])
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda f: f.__name__[7:])
def test_damage_is_one_clear_error(fitted, tmp_path, damage, mapped):
    folder = facade.save(fitted, tmp_path / "model")
    damage(folder)
    with pytest.raises(BadArtifact) as error:
        load(folder, mapped=mapped)
    assert str(folder) in str(error.value)


@pytest.mark.parametrize("method", ["ease", "itemknn", "bpr", "multvae"])
def test_a_mapped_model_answers_the_same_and_cannot_be_written_to(tmp_path, method):
    pytest.importorskip("torch" if method == "multvae" else "numba")
    more = {"how": {"n_epochs": 1}} if method == "multvae" else {}
    fitted = facade.fit(method, blocks(), **more)
    folder = facade.save(fitted, tmp_path / "model")
    found = load(folder, mapped=True)
    assert not found.data.log.items.flags.writeable
    assert not found.data.log.items.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        found.data.log.items[0] = 1
    asked = found.data.queries([3, 5])
    want = fitted.model.recommend(asked, 6)
    facade.save(facade.fit("popularity", blocks(seed=2)), folder)  # in the place of it
    got = found.model.recommend(asked, 6)
    np.testing.assert_array_equal(got.items, want.items)
    np.testing.assert_allclose(got.scores, want.scores, rtol=1e-6)


def test_foreign_folders(fitted, tmp_path):
    with pytest.raises(BadArtifact, match="no folder"):
        load(tmp_path / "nothing")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"cat")
    with pytest.raises(BadArtifact, match=r"has no model\.json"):
        load(tmp_path / "photos")
    with pytest.raises(BadArtifact, match="holds something else than a model"):
        facade.save(fitted, tmp_path / "photos")
    (tmp_path / "note.txt").write_text("x")
    with pytest.raises(BadArtifact, match="is a file"):
        facade.save(fitted, tmp_path / "note.txt")
    assert (tmp_path / "photos" / "cat.jpg").read_bytes() == b"cat"


def test_a_failed_save_leaves_the_old_model(fitted, tmp_path, monkeypatch):
    folder = facade.save(fitted, tmp_path / "model")
    before = facade.recommend(facade.load(folder), users=[1])

    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("headwater.artifact.save_data", interrupted)
    with pytest.raises(KeyboardInterrupt):
        facade.save(facade.fit("popularity", blocks(seed=4)), folder)
    monkeypatch.undo()
    assert facade.recommend(facade.load(folder), users=[1]).equals(before)
    assert [p.name for p in tmp_path.iterdir() if not p.name.endswith(".lock")] == ["model"]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_killed_while_saving(fitted, tmp_path, sent):
    """A process that saves over and over is stopped at some moment: a whole model is left."""
    folder = facade.save(fitted, tmp_path / "model")
    code = (
        "import headwater as hw;"
        f"m = hw.load({str(folder)!r});"
        "print('ready', flush=True)\n"
        f"while True: hw.save(m, {str(folder)!r})"
    )
    before = facade.recommend(fitted, users=[1])
    for delay in (0.02, 0.05, 0.09):
        job = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=-3)
        assert job.stdout.readline() == b"ready\n"
        time.sleep(delay)
        job.send_signal(sent)
        job.wait()
        job.stdout.close()
        assert facade.recommend(facade.load(folder), users=[1]).equals(before)
    if sent == signal.SIGINT:
        assert not list(tmp_path.glob(".tmp*")), "Ctrl-C cleans up"


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_full_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(disk)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        folder = facade.save(facade.fit("popularity", blocks()), disk / "model")
        before = sorted(p.name for p in disk.rglob("*"))
        big = facade.fit("ease", blocks(users=300, items=400), l2=3.0)
        with pytest.raises(Exception, match=r"No space|space left|os error 28"):
            facade.save(big, folder)
        assert sorted(p.name for p in disk.rglob("*")) == before
        assert facade.load(folder).model.address == "retrieve.matrix.popularity"
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_moved_models_work(fitted, tmp_path):
    folder = facade.save(fitted, tmp_path / "one")
    moved = Path(shutil.move(folder, tmp_path / "two"))
    assert np.isfinite(facade.recommend(facade.load(moved), users=[1])["score"].to_numpy()).all()
