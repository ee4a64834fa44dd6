"""A page of Markdown as one HTML document that needs no other file."""

from __future__ import annotations

from markdown_it import MarkdownIt

from spark_jobs.release.wording import LanguageCode

HTML = """<!doctype html><html lang="{language}"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><title>{title}</title>
<style>body{{font:16px/1.65 "PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif;max-width:64rem;
margin:2rem auto;padding:0 1rem;color:#222}}h1,a{{color:#b8261c}}h2{{border-bottom:1px solid #ddd;margin-top:2.2rem}}
table{{border-collapse:collapse;width:100%;font-size:.92em}}td,th{{padding:.35rem .6rem;border:1px solid #ddd;
text-align:left;vertical-align:top}}th{{background:#f7f4f1}}pre{{background:#f4f1ee;padding:.7rem;overflow-x:auto}}
code{{background:#f4f1ee}}@media print{{body{{font-size:12px;margin:0}}}}</style>
{body}</html>
"""


def as_html(text: str, language: LanguageCode) -> str:
    """The document; its title is the first line, `# …`. HTML inside the text is shown and not obeyed."""
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    return HTML.format(language=language, title=text.splitlines()[0].lstrip("# "), body=body)
