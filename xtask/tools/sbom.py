"""Writes the bill of materials of the service, in CycloneDX's JSON: every crate that is compiled into the program, with
its licence, its digest in the lock file, and what depends on what. The same lock file gives the same bytes.

usage: sbom.py TARGET > llm-shield.cdx.json
"""

import json
import subprocess
import sys
import tomllib

ROOT = "llm-shield"


def purl(package: dict) -> str:
    return f"pkg:cargo/{package['name']}@{package['version']}"


def normal_dependencies(node: dict) -> list[str]:
    """The crates that end up in the program: neither those of tests nor those of build scripts."""
    return [dep["pkg"] for dep in node["deps"] if any(kind["kind"] is None for kind in dep["dep_kinds"])]


def main() -> int:
    target = sys.argv[1] if len(sys.argv) > 1 else "x86_64-unknown-linux-gnu"
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    with open("Cargo.lock", "rb") as lock:
        locked = {(p["name"], p["version"]): p.get("checksum") for p in tomllib.load(lock)["package"]}
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = next(identifier for identifier, package in packages.items() if package["name"] == ROOT)
    reached, open_ids = set(), [root]
    while open_ids:
        identifier = open_ids.pop()
        if identifier not in reached:
            reached.add(identifier)
            open_ids.extend(normal_dependencies(nodes[identifier]))

    def component(package: dict, kind: str) -> dict:
        described = {"type": kind, "bom-ref": purl(package), "name": package["name"], "version": package["version"]}
        described["purl"] = purl(package)
        if package["license"]:
            # Old manifests write A/B for "A OR B".
            described["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
        checksum = locked.get((package["name"], package["version"]))
        if checksum:
            described["hashes"] = [{"alg": "SHA-256", "content": checksum}]
        return described

    order = sorted(reached, key=lambda identifier: purl(packages[identifier]))
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": component(packages[root], "application")},
        "components": [component(packages[i], "library") for i in order if i != root],
        "dependencies": [
            {
                "ref": purl(packages[i]),
                "dependsOn": sorted({purl(packages[d]) for d in normal_dependencies(nodes[i])}),
            }
            for i in order
        ],
    }
    json.dump(bill, sys.stdout, indent=1)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
