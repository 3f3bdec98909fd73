"""Every dependency is in the bundle, on the host, or left out on purpose."""

from collections.abc import Collection, Mapping

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from bundle.errors import BundleError
from bundle.wheels import Wheel

SHOWN = 5


def environment(python: str) -> dict[str, str]:
    """Values of the environment markers on a Linux host with this Python."""
    return {
        "implementation_name": "cpython",
        "implementation_version": f"{python}.0",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
    }


def asked_of_host(
    wheels: Mapping[str, Wheel],
    host: Mapping[str, Requirement],
    left_out: Collection[str],
    python: str,
) -> dict[str, SpecifierSet]:
    """Versions that the wheels ask of the host's packages.

    What the profile says of a package stands alone: vLLM names torch to the last digit,
    and runs with every build of that release. Raises BundleError when a dependency is
    nowhere, or in another version.
    """
    asked = {name: requirement.specifier for name, requirement in host.items()}
    faults = []
    for owner, requirement in _dependencies(wheels, python):
        name = canonicalize_name(requirement.name)
        if name in host:
            if not host[name].specifier:
                asked[name] &= requirement.specifier
        elif name in wheels:
            version = wheels[name].version
            if not requirement.specifier.contains(version, prereleases=True):
                faults.append(
                    f"{owner} needs {name}{requirement.specifier}, not {version}"
                )
        elif name not in left_out:
            faults.append(f"{owner} needs {name}, which is missing")
    if faults:
        more = f" (and {len(faults) - SHOWN} more)" if len(faults) > SHOWN else ""
        raise BundleError(
            f"The set is not complete: {'; '.join(faults[:SHOWN])}{more}. Compile the "
            "lock again, or write into its excludes what is not needed."
        )
    return asked


def _dependencies(
    wheels: Mapping[str, Wheel], python: str
) -> list[tuple[str, Requirement]]:
    """All requirements that hold there, those of the extras in use among them."""
    values = environment(python)
    extras: dict[str, set[str]] = {name: {""} for name in wheels}
    found: dict[tuple[str, str], tuple[str, Requirement]] = {}
    size = -1
    while size != len(found) + sum(map(len, extras.values())):
        size = len(found) + sum(map(len, extras.values()))
        for owner, wheel in wheels.items():
            for requirement in wheel.requires:
                marker = requirement.marker
                if marker and not any(
                    marker.evaluate({**values, "extra": extra})
                    for extra in extras[owner]
                ):
                    continue
                found[owner, str(requirement)] = (owner, requirement)
                name = canonicalize_name(requirement.name)
                extras.setdefault(name, {""}).update(requirement.extras)
    return list(found.values())
