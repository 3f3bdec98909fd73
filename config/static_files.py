"""Static files by hashed, compressed names; by plain ones until they are collected."""

from typing import Any

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedFiles(CompressedManifestStaticFilesStorage):
    """A name with a hash can be kept for ever; modules import each other by it."""

    support_js_module_import_aggregation = True

    def stored_name(self, name: str) -> str:
        """The hashed name, or ``name`` where collectstatic has not seen it."""
        found: Any = self.hashed_files.get(self.hash_key(self.clean_name(name)))
        return str(found or name)

    def url(self, name: str, force: bool = False) -> str:
        """The address by hashed name where there is one, in tests of DEBUG too."""
        return str(super().url(name, force=True))
