"""Bundle the page's sources, rushlight/viz/page, into one file: rushlight/viz/_page.html.

    python tools/bundle_page.py            write it
    python tools/bundle_page.py --check    fail where the file there is not what the sources give

Each module becomes a function of its own whose exports the others take by name, in the order of
their imports. Style and script are packed, and a loader of a few lines unpacks them: the policy in
the file names all three by their hashes, so the browser runs nothing else.
"""

import argparse
import base64
import gzip
import hashlib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "rushlight" / "viz" / "page"
OUTPUT = ROOT / "rushlight" / "viz" / "_page.html"
LIMIT = 60_000

_IMPORT = re.compile(r"^import \{([^}]*)\} from '\./(\w+)\.js';\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?:async )?(?:const|let|function|class) ([\w$]+)", re.MULTILINE)
_EXPORT_LIST = re.compile(r"^export \{([^}]*)\};\n", re.MULTILINE)

LOADER = """\
(async()=>{const d=document,f=id=>d.getElementById(id);d.body.hidden=true;try{
const b=Uint8Array.from(atob(f('code').textContent.trim()),c=>c.charCodeAt(0));
const z=new Blob([b]).stream().pipeThrough(new DecompressionStream('gzip'));
const t=(await new Response(z).text()).split('\\0');
for(const [k,n] of ['style','script'].entries()){const e=d.createElement(n);
e.textContent=t[k];d.body.append(e);d.body.hidden=false}
}catch(e){d.body.hidden=false;
f('info').textContent='This browser cannot unpack the page: '+e}})()"""


class BundleError(Exception):
    """The sources do not fit together."""


def _names(text):
    return [name.strip() for name in text.split(",") if name.strip()]


def link(sources):
    """One script from modules {name: text}; each after the ones that it imports.

    Raises BundleError for an import of what is not exported, a circle of imports and a syntax of
    modules that is not understood.
    """
    imports = {
        name: [(m[2], _names(m[1])) for m in _IMPORT.finditer(text)]
        for name, text in sources.items()
    }
    exports = {}
    for name, text in sources.items():
        listed = [n for m in _EXPORT_LIST.finditer(text) for n in _names(m[1])]
        exports[name] = [*_EXPORT.findall(text), *listed]
    for name, taken in imports.items():
        for other, names in taken:
            for wanted in names:
                if wanted not in exports.get(other, ()):
                    raise BundleError(
                        f"{name}.js imports {wanted}, which {other}.js does not export"
                    )
    order, entered = [], set()

    def visit(name):
        if name in order:
            return
        if name in entered:
            raise BundleError(f"{name}.js imports itself by way of others")
        entered.add(name)
        for other, _ in imports[name]:
            visit(other)
        order.append(name)

    for name in sorted(sources):
        visit(name)
    parts = ["'use strict';\n"]
    for name in order:
        taken = "".join(
            f"const {{{', '.join(names)}}} = module_{other};\n" for other, names in imports[name]
        )
        body = _EXPORT_LIST.sub("", _IMPORT.sub("", sources[name]))
        body = _EXPORT.sub(lambda found: found[0].removeprefix("export "), body)
        if re.search(r"^(import|export)\b", body, re.MULTILINE):
            raise BundleError(f"{name}.js has an import or export in another form")
        given = f"return {{{', '.join(exports[name])}}};\n" if exports[name] else ""
        head = f"const module_{name} = " if exports[name] else ""
        parts.append(f"{head}(() => {{\n{taken}{body}{given}}})();\n")
    return "".join(parts)


_LITERAL = re.compile(r"""'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*\"""")
_REGEX = re.compile(r"/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/[a-z]*")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_SPACES = re.compile(r"[ \t]*\n\s*|[ \t]+")
_BEFORE_REGEX = re.compile(r"(?:^|[(,=:\[!&|?{};\n]|\b(?:return|typeof|case|in|of))[ ]*$")


def _pieces(text):
    """(is_code, text) of a script in order: literals and comments apart from what is between."""
    at, begin, open_braces = (
        0,
        0,
        [],
    )  # open_braces: of each template literal that an expression is in

    def until(end, is_code=False):
        nonlocal begin, at
        if begin < at:
            yield True, text[begin:at]
        yield is_code, text[at:end]
        begin = at = end

    while at < len(text):
        c = text[at]
        closes = c == "}" and open_braces and open_braces[-1] == 0
        if found := _COMMENT.match(text, at) if c == "/" else None:
            if begin < at:
                yield True, text[begin:at]
            begin = at = found.end()
        elif found := _LITERAL.match(text, at) if c in "'\"" else None:
            yield from until(found.end())
        elif c == "/" and _BEFORE_REGEX.search(text, max(0, at - 40), at):
            found = _REGEX.match(text, at)
            if found is None:
                raise BundleError(f"not understood: {text[at : at + 40]}")
            yield from until(found.end())
        elif c == "`" or closes:
            # Up to the end of the template literal, or to the next expression in it.
            if closes:
                open_braces.pop()
            end = re.compile(r"(?:\\.|(?!\$\{)[^`\\])*(`|\$\{)", re.DOTALL).match(text, at + 1)
            if end is None:
                raise BundleError(f"a template literal has no end: {text[at : at + 40]}")
            if end[1] == "${":
                open_braces.append(0)
            yield from until(end.end())
        else:
            if open_braces and c in "{}":
                open_braces[-1] += 1 if c == "{" else -1
            at += 1
    if begin < at:
        yield True, text[begin:at]


def _tight(code):
    """Code between literals without the spaces that separate nothing; line ends stay."""

    def space(found):
        if "\n" in found[0]:
            return "\n"
        before, after = code[found.start() - 1 : found.start()], code[found.end() : found.end() + 1]
        word = re.compile(r"[\w$]")
        if not before or not after:
            return " " if (word.match(before or after) or not (before or after)) else ""
        if word.match(before) and word.match(after) or before == after and before in "+-/":
            return " "
        return ""

    return _SPACES.sub(space, code)


def shorten(script):
    """A script without comments and without spaces that separate nothing."""
    text = "".join(_tight(piece) if is_code else piece for is_code, piece in _pieces(script))
    return re.sub(r"\n+", "\n", text).strip()


def shorten_style(style):
    """A style sheet without comments, indents and line ends."""
    lines = (line.strip() for line in re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL).split("\n"))
    return re.sub(r" *([{};,]) *", r"\1", "".join(line + " " for line in lines if line)).strip()


def pack(text):
    """gzip in base64, the same on each run."""
    packed = bytearray(gzip.compress(text.encode(), 9, mtime=0))
    packed[9] = 255  # the field for the system, which Python versions fill differently
    return base64.b64encode(bytes(packed)).decode()


def unpack(text):
    """The text of ``pack``."""
    return gzip.decompress(base64.b64decode(text)).decode()


def _hash(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def bundle(folder=SOURCES):
    """(the template with the code left out, the code: style and script) of a folder of sources."""
    sources = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.js")}
    script = shorten(link(sources))
    style = shorten_style((folder / "page.css").read_text(encoding="utf-8"))
    page = (folder / "page.html").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; script-src {_hash(LOADER)} {_hash(script)}; "
        f"style-src {_hash(style)}; img-src data: blob:"
    )
    for mark, text in (("@POLICY@", policy), ("@LOADER@", LOADER)):
        if page.count(mark) != 1:
            raise BundleError(f"page.html has {page.count(mark)} times {mark}")
        page = page.replace(mark, text)
    return page, f"{style}\0{script}"


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args(arguments)
    page, code = bundle()
    text = page.replace("@CODE@", pack(code))
    size = len(text.encode())
    if size > LIMIT:
        print(f"the page has {size:,} bytes, {LIMIT:,} are allowed", file=sys.stderr)
        return 1
    if not options.check:
        OUTPUT.write_text(text, encoding="utf-8")
        print(f"{OUTPUT.relative_to(ROOT)}: {size:,} bytes, {len(code):,} of code unpacked")
        return 0
    # Compared unpacked: another zlib packs the same text into other bytes.
    committed = OUTPUT.read_text(encoding="utf-8") if OUTPUT.exists() else ""
    before, _, after = page.partition("@CODE@")
    same = committed.startswith(before) and committed.endswith(after)
    if not same or unpack(committed[len(before) : len(committed) - len(after)]) != code:
        print(
            f"{OUTPUT.relative_to(ROOT)} is not what its sources give: run `make page`",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
