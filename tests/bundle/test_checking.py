"""Before anything is packed: profiles, wheels, dependencies, trimming."""

import csv
import io
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from bundle import closure, profiles, wheels
from bundle.errors import BundleError
from bundle.profiles import ARCHITECTURES, PIECES, PROFILES
from bundle.trim import trim
from bundle.wheels import Wheel
from tests.bundle.wheel_maker import digest, make_wheel

ROOT = Path(__file__).resolve().parent.parent.parent
REQUIREMENTS = ROOT / "requirements"


def read(*paths: Path) -> dict[str, Wheel]:
    found = [Wheel.read(path) for path in paths]
    return {wheel.name: wheel for wheel in found}


# Profiles


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda each: each.name)
def test_a_lock_has_nothing_that_is_left_out_and_all_that_a_host_may_bring(profile):
    pins = wheels.pins(REQUIREMENTS / profile.lock)
    excluded = profiles.left_out(REQUIREMENTS, profile)
    assert excluded
    assert not excluded & pins.keys()
    assert set(profile.may_have) <= pins.keys()
    assert {Requirement(line).name for line in profile.host} <= excluded


def test_the_bundle_for_torch_211_brings_the_vllm_built_for_it_and_no_torch():
    pins = wheels.pins(REQUIREMENTS / "lock-cuda-torch211.txt")
    assert pins["vllm"] == "vllm==0.26.0"
    assert not {"torch", "triton"} & pins.keys()
    assert not [name for name in pins if name.startswith("nvidia-cu")]
    of_older_pythons = {"async-timeout"}
    base = wheels.pins(REQUIREMENTS / "lock-serve.txt").keys()
    assert base - of_older_pythons <= pins.keys()


def test_an_architecture_leaves_out_pieces_that_exist():
    for names in ARCHITECTURES.values():
        assert set(names) <= PIECES.keys()
    found = {piece.meaning for piece in profiles.pieces("hopper", ["moe"])}
    assert found == {PIECES[name].meaning for name in ("rust", "fa2", "moe")}


@pytest.mark.parametrize(
    ("architecture", "without", "says"),
    [
        ("all", ["flash"], "WITHOUT names 'flash': allowed are fa2, fa3, moe"),
        ("hopper", ["fa3"], "vLLM needs one of them"),
    ],
)
def test_what_cannot_be_left_out_is_refused(architecture, without, says):
    with pytest.raises(BundleError, match=says):
        profiles.pieces(architecture, without)


def test_a_host_brings_only_what_its_profile_allows():
    profile = PROFILES["torch-2.11-cuda13-py312"]
    assert profiles.on_host(profile, ["NumPy"]).keys() == {"torch", "triton", "numpy"}
    with pytest.raises(BundleError, match=r"HAS names 'django'.*torch, triton, numpy"):
        profiles.on_host(profile, ["django"])


# Wheels


def test_a_fetched_wheel_is_taken_again_if_it_suits_the_python(tmp_path):
    make_wheel(tmp_path, "one", tag="py37-none-any")
    make_wheel(tmp_path, "two", tag="cp38-abi3-manylinux_2_28_x86_64")

    def download(lines, *rest):
        pytest.fail(f"fetched {lines}")

    found = wheels.fetch(["one==1.0", "two===1.0"], tmp_path, "3.12", download)
    assert found.keys() == {"one", "two"}


@pytest.mark.parametrize(
    "tag",
    ["cp311-cp311-manylinux_2_28_x86_64", "cp312-cp312-manylinux_2_39_x86_64",
     "cp312-cp312-macosx_11_0_arm64"],
)  # fmt: skip
def test_a_wheel_for_another_python_or_system_is_not_taken(tag, tmp_path):
    make_wheel(tmp_path, "one", tag=tag)
    with pytest.raises(BundleError, match=r"one==1\.0 was not fetched .* Python 3\.12"):
        wheels.fetch(["one==1.0"], tmp_path, "3.12", lambda *given: None)


def test_a_file_that_is_no_wheel_is_named(tmp_path):
    broken = tmp_path / "one-1.0-py3-none-any.whl"
    broken.write_bytes(b"half of it")
    with pytest.raises(BundleError, match=r"one-1\.0.* is no wheel: remove it"):
        Wheel.read(broken)


# Dependencies


def test_a_dependency_is_in_the_bundle_or_on_the_host_or_left_out(tmp_path):
    found = read(
        make_wheel(tmp_path, "app", requires=("lib>=1", "numpy<3", "video")),
        make_wheel(tmp_path, "lib", requires=("NumPy>=1.26", "torch==2.11.0")),
    )
    host = {"numpy": Requirement("numpy"), "torch": Requirement("torch==2.11.*")}
    asked = closure.asked_of_host(found, host, {"video"}, "3.12")
    assert {name: str(each) for name, each in asked.items()} == {
        "numpy": "<3,>=1.26",
        "torch": "==2.11.*",
    }


def test_a_dependency_that_is_nowhere_or_in_another_version_is_named(tmp_path):
    found = read(
        make_wheel(tmp_path, "app", requires=("lib>=2", "absent")),
        make_wheel(tmp_path, "lib"),
    )
    with pytest.raises(BundleError) as caught:
        closure.asked_of_host(found, {}, set(), "3.12")
    assert "app needs lib>=2, not 1.0; app needs absent, which is missing" in str(
        caught.value
    )


def test_markers_are_those_of_the_host_and_extras_those_in_use(tmp_path):
    found = read(
        make_wheel(
            tmp_path,
            "app",
            requires=(
                "old; python_version < '3.12'",
                "other; sys_platform == 'win32'",
                "lib[fast]",
                "unasked; extra == 'tests'",
            ),
        ),
        make_wheel(
            tmp_path, "lib", requires=("quick; extra == 'fast'", "x; extra == 'y'")
        ),
    )
    with pytest.raises(BundleError, match="lib needs quick, which is missing"):
        closure.asked_of_host(found, {}, set(), "3.12")
    assert closure.asked_of_host(found, {}, {"quick"}, "3.12") == {}
    with pytest.raises(BundleError, match="app needs old"):
        closure.asked_of_host(found, {}, {"quick"}, "3.11")


# Trimming


def test_a_trimmed_wheel_lacks_the_files_and_its_record_is_right(tmp_path):
    source = make_wheel(
        tmp_path,
        "engine",
        files={"engine/fast.so": b"f" * 5000, "engine/slow.so": b"s" * 4000},
    )
    target = tmp_path / "trimmed" / source.name
    assert trim(source, target, ["engine/fa*.so"]) == ["engine/fast.so"]
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        record = next(name for name in names if name.endswith("/RECORD"))
        rows = {
            r[0]: r[1:] for r in csv.reader(io.StringIO(archive.read(record).decode()))
        }
        assert set(rows) == set(names)
        assert "engine/fast.so" not in names
        for name in set(names) - {record}:
            data = archive.read(name)
            assert rows[name] == [digest(data), str(len(data))]
        assert rows[record] == ["", ""]
        assert archive.getinfo("engine/slow.so").external_attr >> 16 == 0o755
    assert Wheel.read(target).name == "engine"


def test_a_piece_that_a_new_version_has_no_more_is_noticed(tmp_path):
    source = make_wheel(tmp_path, "engine")
    with pytest.raises(BundleError, match="has no file engine/gone"):
        trim(source, tmp_path / "trimmed" / source.name, ["engine/gone*.so"])
