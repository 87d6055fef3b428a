"""How the site is built: ``python -m nox -s docs``."""

from pathlib import Path

import xtopk

HERE = Path(__file__).parent

project = "xtopk"
author = copyright = "The xtopk developers"
release = version = xtopk.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc", "sphinx_copybutton"]
exclude_patterns = ["_build", "gallery"]
nitpicky = True

# The pages are read on GitHub, too: links go to files and to the anchors that GitHub gives headings.
myst_heading_anchors = 4

# In docstrings a name in single backquotes is a link where it is one of ours, else an argument.
default_role = "autolink"
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False

html_theme = "furo"
html_title = f"xtopk {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
pygments_dark_style = "github-dark"
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True

if (HERE / "gallery").is_dir():
    extensions.append("sphinx_gallery.gen_gallery")
    sphinx_gallery_conf = {
        "examples_dirs": "gallery",
        "gallery_dirs": "_gallery",
        "filename_pattern": r"\.py$",
        "within_subsection_order": "FileNameSortKey",
        "image_srcset": ["2x"],
        "reference_url": {"xtopk": None},
        "download_all_examples": False,
        "write_computation_times": False,
        "show_signature": False,
    }


def setup(app):
    """Leave pages that are not there yet out of the index."""
    gone = [name for name in ("why", "downstream") if not (HERE / f"{name}.md").exists()]
    gone += [] if (HERE / "gallery").is_dir() else ["_gallery/index"]

    def leave_out(app, docname, source):
        if docname == "index":
            source[0] = "\n".join(line for line in source[0].splitlines() if line not in gone)

    app.connect("source-read", leave_out)
