"""Dockerfile, bake file, compose file and locks, read as what they are; nothing is built."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml

PROJECT = Path(__file__).parents[2]
CONTAINERS = PROJECT / "containers"
STAGES = re.findall(r"^FROM (\S+) AS (\S+)$", (CONTAINERS / "Dockerfile").read_text(), re.MULTILINE)
IMAGES = ("steps", "fine-tune", "serving", "tracking")
VERSION = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
EXACT_TAG = re.compile(r"^[\w./-]+:\d+\.\d+[\w.-]*$")


def instructions(stage: str) -> list[str]:
    """A stage's own instructions, continued lines joined."""
    text = (CONTAINERS / "Dockerfile").read_text().replace("\\\n", " ")
    body = re.split(r"^FROM ", text, flags=re.MULTILINE)
    return next(part for part in body if part.splitlines()[0].endswith(f" AS {stage}")).splitlines()[1:]


def chain(stage: str) -> list[str]:
    """A stage's instructions and those of the stages that it starts from, first to last."""
    parents = {name: parent for parent, name in STAGES}
    before = chain(parents[stage]) if parents[stage] in parents else []
    return [*before, *instructions(stage)]


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_ends_as_a_user_without_rights_with_labels_and_a_health_check(image: str) -> None:
    lines = chain(image)
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users[-1] == "10001:10001"
    assert any(line.startswith("HEALTHCHECK ") for line in lines)
    labels = " ".join(line for line in lines if line.startswith("LABEL "))
    for label in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{label}=" in labels


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_copies_its_packages_from_a_stage_that_stays_behind(image: str) -> None:
    copied = " ".join(line for line in instructions(image) if line.startswith("COPY "))
    assert f"--from={image}-packages /opt/venv /opt/venv" in copied
    assert f"--from={image}-packages /opt/sbom /opt/sbom" in copied
    assert not any(line.startswith(("ADD ", "RUN pip")) for line in chain(image))


def test_the_serving_image_holds_no_code_of_the_project_for_a_version_carries_its_own() -> None:
    lines = chain("serving")
    copied = [line.split()[1:] for line in lines if line.startswith("COPY ") and line not in chain("base")]
    assert copied == [["--from=serving-packages", path, path] for path in ("/opt/sbom", "/opt/venv")]
    assert not any("PYTHONPATH" in line for line in lines)


def test_the_base_image_is_pinned_by_an_exact_tag_and_may_be_another() -> None:
    text = (CONTAINERS / "Dockerfile").read_text()
    found = re.findall(r"^ARG BASE_IMAGE=(\S+)$", text, re.MULTILINE)
    assert len(found) == 1
    assert EXACT_TAG.match(found[0])
    assert STAGES[0] == ("${BASE_IMAGE}", "base")


def test_the_bake_file_builds_every_image_from_its_stage() -> None:
    baked = hcl2.loads((CONTAINERS / "docker-bake.hcl").read_text())
    targets = {name: said for target in baked["target"] for name, said in target.items()}
    assert set(targets) == {"image", *IMAGES}
    assert baked["group"] == [{"default": {"targets": list(IMAGES)}}]
    for image in IMAGES:
        assert targets[image]["target"] == image
        assert targets[image]["tags"] == ["${REGISTRY}agile-classifier/" + image + ":${VERSION}"]
    arguments = set(re.findall(r"^ARG (\w+)", (CONTAINERS / "Dockerfile").read_text(), re.MULTILINE))
    assert set(targets["image"]["args"]) <= arguments
    variables = {name: said["default"] for variable in baked["variable"] for name, said in variable.items()}
    assert variables["VERSION"] == VERSION


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((CONTAINERS / "compose.yaml").read_text())


def test_the_team_s_servers_are_published_on_loopback_alone(compose: Any) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert len(ports) == 2
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_each_server_is_pinned_watched_and_keeps_what_it_holds(compose: Any) -> None:
    for name, service in compose["services"].items():
        assert EXACT_TAG.match(service["image"]), name
        assert "healthcheck" in service, name
        if service["image"].startswith("agile-classifier/"):
            assert service["image"].endswith(f":{VERSION}")
            assert service["read_only"]
            assert service["cap_drop"] == ["ALL"]
    mounted = [volume for service in compose["services"].values() for volume in service.get("volumes", [])]
    folders = [volume for volume in mounted if volume.startswith(".")]
    assert {volume.split(":")[0] for volume in mounted if volume not in folders} == set(compose["volumes"])
    assert folders == ["../configs:/app/configs:ro"]


def test_the_scheduler_applies_the_schedules_and_ticks_with_the_servers_passwords(compose: Any, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    subprocess.run(["sh", str(CONTAINERS / "secrets.sh"), str(secrets)], check=True, capture_output=True)
    (tmp_path / "python").write_text('#!/bin/sh\necho "$ZENML_STORE_PASSWORD $MLFLOW_TRACKING_PASSWORD $@"\n')
    (tmp_path / "python").chmod(0o755)
    *shell, script = compose["services"]["scheduler"]["command"]
    done = subprocess.run(
        [*shell, script.replace("$$", "$").replace("/run/secrets", str(secrets))],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=True, capture_output=True, text=True,
    )  # fmt: skip
    accounts = configparser.ConfigParser()
    accounts.read(secrets / "mlflow_accounts")
    passwords = f"{(secrets / 'mariadb').read_text()} {accounts['mlflow']['admin_password']}"
    assert done.stdout.splitlines() == [
        f"{passwords} -m agile_classifier schedule apply",
        f"{passwords} -m agile_classifier schedule run-forever",
    ]


def test_the_team_s_passwords_come_from_files_alone(compose: Any, tmp_path: Path) -> None:
    subprocess.run(["sh", str(CONTAINERS / "secrets.sh"), str(tmp_path / "secrets")], check=True, capture_output=True)
    written = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert {Path(secret["file"]).name for secret in compose["secrets"].values()} == set(written)
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0
    assert len(set(written.values())) == len(written)
    used = {name for service in compose["services"].values() for name in service.get("secrets", [])}
    assert used == set(compose["secrets"])
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|TOKEN|KEY", name) and not name.endswith("_FILE"):
                assert name == "MARIADB_RANDOM_ROOT_PASSWORD", value
    before = dict(written)
    subprocess.run(["sh", str(CONTAINERS / "secrets.sh"), str(tmp_path / "secrets")], check=True, capture_output=True)
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == before


@pytest.mark.parametrize("lock", sorted(path.name for path in (CONTAINERS / "locks").glob("*.txt")))
def test_a_lock_pins_every_package_by_version_and_hash(lock: str) -> None:
    entries = (CONTAINERS / "locks" / lock).read_text().replace("\\\n", " ").splitlines()
    packages = [entry for entry in entries if entry.strip() and not entry.startswith(("#", "-"))]
    assert packages
    for entry in packages:
        assert re.match(r"^[\w.-]+(\[[\w,-]+\])?==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry[:80]


def pinned(path: Path) -> dict[str, str]:
    """Package → version of a lock."""
    found = re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==([^\s;\\+]+)", path.read_text(), re.MULTILINE)
    return {normal(name): version for name, version in found}


def normal(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement)[0].lower().replace("_", "-").replace(".", "-")


def test_the_images_hold_the_versions_that_the_tests_run_with() -> None:
    ours = pinned(PROJECT / "constraints.txt")
    for lock in ("steps-cpu", "steps-cuda", "serving"):
        theirs = pinned(CONTAINERS / "locks" / f"{lock}.txt")
        other = {name: (ours[name], version) for name, version in theirs.items() if ours.get(name, version) != version}
        assert not other, lock


@pytest.mark.parametrize("lock", ["steps-cpu", "steps-cuda"])
def test_the_images_of_the_steps_hold_every_package_that_the_project_needs(lock: str) -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    needed = {*map(normal, project["dependencies"]), *map(normal, project["optional-dependencies"]["cluster"])}
    assert needed - {*pinned(CONTAINERS / "locks" / f"{lock}.txt")} == set(), "make lock"


def test_the_serving_image_holds_every_package_that_a_version_requires() -> None:
    from agile_classifier.ops.registry.packing import REQUIREMENTS

    assert {*map(normal, REQUIREMENTS)} - {*pinned(CONTAINERS / "locks" / "serving.txt")} == set(), "make lock"


def test_the_build_script_names_an_image_by_the_project_s_version() -> None:
    assert os.access(CONTAINERS / "build.sh", os.R_OK)
    stacks = [path.read_text() for path in (PROJECT / "configs" / "stacks").glob("*.yaml")]
    named = [
        version
        for text in stacks
        for version in re.findall(r"agile-classifier/[\w-]+:(?:\$\{AGILE_IMAGE_TAG:-)?([\d.]+)", text)
    ]
    assert named
    assert set(named) == {VERSION}
