"""What the site adds to the pages: the files of the project that they link to, each as a page that shows it.

mkdocs calls the functions here (``hooks`` in mkdocs.yml). A page links to ``../rules/mirror.yaml``, as a reader of the
repository needs it; on the site the link leads to the page that is made of that file. A link to a file that is not
shown stays as it is, and the strict build fails for it.
"""

import os.path
import re
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).parents[2]
SHOWN: Final = (
    *("rules/*.yaml", "examples/*.py", "examples/*.service", "examples/*.json", "examples/ci/*.yaml"),
    *("Containerfile", "examples/compose/*.y*ml", "examples/compose/grafana/*.json"),
)
LANGUAGES: Final = {".yaml": "yaml", ".yml": "yaml", ".py": "python", ".json": "json", ".service": "ini", "": "docker"}
WHOLE: Final = ("CHANGELOG.md", "SECURITY.md")
"""Pages that stand beside ``docs``."""
WIDE: Final = "---\nhide: [navigation, toc]\n---\n\n"
FOLDERS: Final = ("rules",)
OUTWARD: Final = re.compile(r"\]\((?:\.\./)+([^)#\s]+?)/?\)")
"""A link that leads up; those that lead out of ``docs`` are among them."""


def shown() -> list[str]:
    """Every file that has a page, by its path in the project."""
    return sorted(str(path.relative_to(ROOT)) for pattern in SHOWN for path in ROOT.glob(pattern))


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The pages that are made of files."""
    for name in shown():
        path = ROOT / name
        text = f"{WIDE}# {name}\n\n```{LANGUAGES[path.suffix]}\n{path.read_text().rstrip()}\n```\n"
        files.append(File.generated(config, f"files/{name}.md", content=text))
    for folder in FOLDERS:
        rows = [f"- [{Path(name).name}]({Path(name).name}.md)" for name in shown() if name.startswith(f"{folder}/")]
        files.append(File.generated(config, f"files/{folder}/index.md", content=f"# {folder}\n\n" + "\n".join(rows)))
    for name in WHOLE:
        text = (ROOT / name).read_text().replace("](docs/", "](../").replace("](examples/", "](../examples/")
        files.append(File.generated(config, f"files/{name}", content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links that lead out of the pages lead to the page of what they name."""
    here = os.path.dirname(page.file.src_uri)

    def inward(link: re.Match[str]) -> str:
        name = link[1]
        for target in (f"files/{name}.md", f"files/{name}/index.md", f"files/{name}"):
            if files.get_file_from_path(target) is not None:
                return f"]({os.path.relpath(target, here or '.')})"
        return link[0]

    return OUTWARD.sub(inward, markdown)
