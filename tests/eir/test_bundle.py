"""Models that travel: the same bytes from a folder, an archive and the hub, or a refusal and nothing left."""

import io
import shutil
import tarfile
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from claster.dataset.manifest import write_checksums
from claster.eir.bundle import pull_bundle, require_unchanged
from claster.errors import ClasterError

FILES = {
    "model.safetensors": b"weights",
    "run.json": b"{}\n",
    "README.md": b"# card\n",
    "eir/meta/eir_version.txt": b"0.25.0\n",
}


@pytest.fixture
def bundle(tmp_path):
    folder = tmp_path / "bundle"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    write_checksums(folder)
    return folder


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub on this machine that serves the folder it returns."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    served = tmp_path / "hub"
    served.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=served)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        yield served
        server.shutdown()


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def refused(source, out, message):
    with pytest.raises(ClasterError, match=message):
        pull_bundle(str(source), out)
    assert not out.exists()
    assert not [path for path in out.parent.iterdir() if path.name.startswith(".out")]


def test_folder(bundle, out):
    listed = contents(bundle)
    (bundle / "predictions").mkdir()
    (bundle / "predictions" / "test.parquet").write_bytes(b"made by use")
    assert contents(pull_bundle(str(bundle), out)) == listed


@pytest.mark.parametrize("format", ["zip", "gztar", "tar"])
def test_without_a_name_it_lies_among_the_runs(bundle, tmp_path, monkeypatch, hub, format):
    shutil.copytree(bundle, hub / "lab" / "model" / "resolve" / "v1")
    archive = shutil.make_archive(str(tmp_path / "packed"), format, bundle.parent, bundle.name)
    monkeypatch.chdir(tmp_path)
    sources = {str(bundle): "bundle", archive: "packed", "lab/model@v1": "lab-model"}
    for source, name in sources.items():
        assert pull_bundle(source) == Path("runs/pulled") / name
        assert contents(Path("runs/pulled") / name) == contents(bundle)


@pytest.mark.parametrize("format", ["zip", "gztar", "tar"])
def test_archive(bundle, out, tmp_path, format):
    archive = shutil.make_archive(str(tmp_path / "packed"), format, bundle.parent, bundle.name)
    assert contents(pull_bundle(archive, out)) == contents(bundle)


def test_hub(bundle, out, hub):
    shutil.copytree(bundle, hub / "lab" / "model" / "resolve" / "v1")
    assert contents(pull_bundle("lab/model@v1", out)) == contents(bundle)


def test_changed_byte_on_the_hub(bundle, out, hub):
    there = shutil.copytree(bundle, hub / "lab" / "model" / "resolve" / "v1")
    (there / "model.safetensors").write_bytes(b"Weights")
    refused("lab/model@v1", out, "model.safetensors: SHA-256 .* came where checksums.sha256 says")


def test_revision_that_is_not_there(out, hub):
    refused("lab/model@v1", out, "404 .*check the address in the command: owner/name@revision")


@pytest.mark.parametrize("name", FILES)
def test_changed_byte(bundle, out, name):
    content = (bundle / name).read_bytes()
    (bundle / name).write_bytes(bytes([content[0] ^ 1]) + content[1:])
    refused(bundle, out, "is not as it was exported")


def test_missing_file(bundle, out):
    (bundle / "README.md").unlink()
    refused(bundle, out, "README.md is missing")


@pytest.mark.parametrize("name", ["model.pt", "scaler.pkl", "tool.py", "noending"])
def test_files_that_may_hold_code(bundle, out, name):
    (bundle / name).write_bytes(b"\x80\x04.")
    write_checksums(bundle)
    refused(bundle, out, "may hold code")


@pytest.mark.parametrize("name", ["../outside.json", "/etc/outside.json", "eir/../../x.json"])
def test_list_that_leads_out(bundle, out, name):
    with (bundle / "checksums.sha256").open("a") as listed:
        listed.write(f"{'ab' * 32}  {name}\n")
    refused(bundle, out, "not a file of the bundle")


def test_link(bundle, out, tmp_path):
    shutil.move(bundle / "run.json", tmp_path / "secret.json")
    (bundle / "run.json").symlink_to(tmp_path / "secret.json")
    refused(bundle, out, "is a link")


def test_zip_that_leads_out(out, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zipped:
        zipped.writestr("../outside.json", "{}")
    refused(tmp_path / "a.zip", out, "leads out of it")
    assert not (tmp_path.parent / "outside.json").exists()


def test_tar_with_a_link_that_leads_out(out, tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as tarred:
        link = tarfile.TarInfo("eir")
        link.type, link.linkname = tarfile.SYMTYPE, "../.."
        tarred.addfile(link)
        tarred.addfile(tarfile.TarInfo("eir/x.json"), io.BytesIO())
    refused(tmp_path / "a.tar", out, "cannot be unpacked")


@pytest.mark.parametrize("content", [b"no archive", b"PK\x03\x04", b""])
def test_no_archive(out, tmp_path, content):
    (tmp_path / "a.zip").write_bytes(content)
    refused(tmp_path / "a.zip", out, "cannot be unpacked")


@pytest.mark.parametrize("content", ["hello\n", "ab  run.json\n"])
def test_broken_list(bundle, out, content):
    (bundle / "checksums.sha256").write_text(content)
    refused(bundle, out, "is no list of checksums")


def test_no_bundle(out, tmp_path):
    refused("nowhere", out, "no model at nowhere")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", out, "has no checksums.sha256")


def test_use_refuses_what_decides_predictions_alone(bundle):
    (bundle / "README.md").write_text("own words\n")
    require_unchanged(bundle)
    (bundle / "eir" / "meta" / "eir_version.txt").write_text("0.26.0\n")
    with pytest.raises(ClasterError, match="is not as it was exported"):
        require_unchanged(bundle)
